"""Tables beside reports keep the digits of small numbers and of large ones."""

import polars as pl

from finemo_zarr.report.saved import save_tables


def test_tables__keep_small_numbers_and_all_before_the_point(tmp_path) -> None:
    given = {
        "score": [1.23456789e-12, -3e-9, 0.1 + 0.2, 1234567.8, 0.0, float("inf"), None],
        "position": [1_234_567_891, 0, 1, 2, 3, 4, 5],
    }
    save_tables(tmp_path / "folder", {"one": pl.DataFrame(given)})
    made = pl.read_csv(tmp_path / "folder/one.tsv", separator="\t")
    expected = [1.23457e-12, -3e-9, 0.3, 1234568.0, 0.0, float("inf"), None]
    assert made["score"].to_list() == expected
    assert made["position"].to_list() == given["position"]


def test_tables__write_nothing_where_there_is_no_text(tmp_path) -> None:
    given = {"motif": ["CTCF", 'a "b"'], "rival": ["", "CTCF"], "of": [1, 2]}
    save_tables(tmp_path, {"one": pl.DataFrame(given)})
    text = (tmp_path / "one.tsv").read_text()
    assert text == 'motif\trival\tof\nCTCF\t\t1\n"a ""b"""\tCTCF\t2\n'
