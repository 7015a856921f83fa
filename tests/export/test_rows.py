import numpy as np
import polars as pl
import pytest

from finemo_zarr.export import ExportOptions, _rows, export_hits
from finemo_zarr.store import open_hits


def test_optional_columns__stand_between_the_standard_ones_and_the_track(make) -> None:
    columns = make("tracks").table.columns
    assert columns[:15] == list(_rows.STANDARD_COLUMNS)
    assert columns[15:] == ["hit_qvalue", "is_primary", "track"]


def test_optional_columns__hold_what_is_stored(made) -> None:
    stored = open_hits(made.hits).hits
    assert set(made.table["is_primary"]) == {0, 1}
    assert made.table["is_primary"].sum() == int(stored["hit_is_primary"].sum())
    written = made.table["hit_qvalue"].to_numpy().astype(np.float32)
    np.testing.assert_array_equal(np.sort(written), np.sort(stored["hit_qvalue"].values))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_stripes__change_nothing_in_a_choice(make, read_table, tmp_path, monkeypatch, size) -> None:
    made = make("tracks")
    options = ExportOptions(min_similarity=0.8, max_qvalue=0.1, primary=True)
    expected = made.table.filter(
        pl.col("hit_similarity") >= 0.8, pl.col("hit_qvalue") <= 0.1, pl.col("is_primary") == 1
    )
    monkeypatch.setattr(_rows, "_STRIPE_HITS", size)
    monkeypatch.setattr(_rows, "_READ_HITS", max(size // 2, 1))
    count = export_hits(made.hits, "tsv", tmp_path / "out", options=options)
    assert 0 < count == len(expected) < len(made.table)
    assert read_table(tmp_path / "out" / "hits.tsv").equals(expected)


def test_bed_table__ends_with_the_chromosome() -> None:
    sites = pl.DataFrame(
        {
            "chr": ["a", "a", "a", "b"],
            "start": [-3, 8, 10, 5],
            "end": [4, 12, 14, 9],
            "motif_name": "m",
            "hit_similarity": [0.5, np.nan, 1.0, 2.0],
            "strand": "+",
        }
    )
    found = _rows.bed_table(sites, {"a": 10, "b": 20})
    assert found.select("chr", "start", "end", "score").rows() == [
        ("a", 0, 4, 500),
        ("a", 8, 10, 0),
        ("b", 5, 9, 1000),
    ]
