import errno
import gzip
import sys
from itertools import product

import polars as pl
import pytest
from hit_rows import COLUMNS, read, rows, text, write
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.postprocess import _tables, intersect, intersect_hits
from finemo_zarr.postprocess.intersect import RELAXED_KEYS, STRICT_KEYS

module = sys.modules["finemo_zarr.postprocess.intersect"]

WIDTHS = ("start", "end", "start_untrimmed", "end_untrimmed")


def frame(found: list[dict], tracks: bool = False) -> pl.DataFrame:
    names = (*COLUMNS, "track") if tracks else COLUMNS
    return pl.DataFrame(
        {name: [text(row[name]) for row in found] for name in names},
        schema=dict.fromkeys(names, pl.String),
    )


def compared(row: dict, keys: tuple[str, ...]) -> tuple:
    """What has to be the same; where there is no chromosome, the region in any case."""
    region = row["peak_id"] if row["chr"] == "NA" else None
    return (*(row[key] for key in keys), region)


def oracle(tables: list[list[dict]], keys: tuple[str, ...]) -> list[list[int]]:
    """Rows of every combination of rows that are the same."""
    return [
        list(chosen)
        for chosen in product(*(range(len(table)) for table in tables))
        if len({compared(table[i], keys) for table, i in zip(tables, chosen, strict=True)}) == 1
    ]


@st.composite
def similar(draw, n_tables: int, tracks: bool) -> list[list[dict]]:
    """Tables with rows of one pool, so that many match."""
    pool = draw(rows(8, tracks=tracks))
    if not pool:
        return [[] for _ in range(n_tables)]
    chosen = st.lists(st.sampled_from(pool), max_size=8)
    changed = st.fixed_dictionaries(
        {"hit_coefficient": st.sampled_from([0.5, 1.0])}, optional={"peak_id": st.integers(0, 1)}
    )
    return [[row | draw(changed) for row in draw(chosen)] for _ in range(n_tables)]


@settings(deadline=None, max_examples=150)
@given(
    data=st.data(),
    n_tables=st.integers(2, 3),
    relaxed=st.booleans(),
    tracks=st.booleans(),
    size=st.sampled_from([1, 4, 1000]),
)
def test_intersect__equals_every_row_against_every_row(
    tmp_path_factory, data, n_tables, relaxed, tracks, size
):
    tables = data.draw(similar(n_tables, tracks))
    keys = (RELAXED_KEYS if relaxed else STRICT_KEYS) + (("track",) if tracks else ())
    names = (*COLUMNS, "track") if tracks else COLUMNS
    expected = [
        {name: text(tables[0][chosen[0]][name]) for name in names}
        | {
            f"{name}_{k}": text(tables[k][chosen[k]][name])
            for k in range(1, n_tables)
            for name in names
            if name not in keys
        }
        for chosen in oracle(tables, keys)
    ]
    joined = intersect([frame(table, tracks) for table in tables], relaxed=relaxed)
    assert joined.to_dicts() == expected

    folder = tmp_path_factory.mktemp("i")
    paths = [folder / f"{k}.tsv" for k in range(n_tables)]
    for path, table in zip(paths, tables, strict=True):
        frame(table, tracks).write_csv(path, separator="\t", quote_style="never")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BUCKET_ROWS", size)
        patch.setattr(_tables, "_BLOCK_BYTES", 100 * size)
        counts = intersect_hits(paths, folder / "out.tsv", relaxed=relaxed)
    assert sorted(map(str, read(folder / "out.tsv"))) == sorted(map(str, expected))
    assert (folder / "out.tsv").read_text().splitlines()[0] == "\t".join(joined.columns)
    assert counts.rows == tuple(len(table) for table in tables)
    assert counts.joined == len(expected)
    assert counts.keys == len({compared(tables[0][rows[0]], keys) for rows in oracle(tables, keys)})


@settings(deadline=None, max_examples=60)
@given(data=st.data(), relaxed=st.booleans())
def test_intersect__commutes_but_for_suffixes(data, relaxed):
    tables = data.draw(similar(2, False))
    one, two = (frame(table) for table in tables)
    keys = RELAXED_KEYS if relaxed else STRICT_KEYS
    swapped = {f"{name}_1": name for name in COLUMNS if name not in keys}
    there = intersect([one, two], relaxed=relaxed)
    back = intersect([two, one], relaxed=relaxed)
    back = back.rename(swapped | {name: f"{name}_1" for name in swapped.values()})
    assert sorted(back.select(there.columns).rows()) == sorted(there.rows())


@given(rows())
@settings(deadline=None, max_examples=30)
def test_intersect__with_itself_has_every_row(found):
    unique = list({compared(row, STRICT_KEYS): row for row in found}.values())
    joined = intersect([frame(unique)] * 2)
    assert joined.select(COLUMNS).equals(frame(unique))


UNPLACED = {
    "chr": "NA", "start": 3, "end": 9, "start_untrimmed": 0, "end_untrimmed": 12,
    "motif_name": "CTCF", "hit_coefficient": 1.0, "hit_similarity": 0.5, "strand": "+",
    "peak_name": "NA", "peak_id": 7,
}  # fmt: skip


@pytest.mark.parametrize("relaxed", [False, True])
@pytest.mark.parametrize("missing", ["NA", "", None])
def test_intersect__missing_coordinates_match_missing_ones_of_one_region(relaxed, missing):
    other = frame([UNPLACED, UNPLACED | {"peak_id": 8}])
    gone = pl.lit(missing, dtype=pl.String)
    found = frame([UNPLACED]).with_columns(chr=gone, peak_name=gone)
    joined = intersect([found, other], relaxed=relaxed)
    assert joined["peak_id"].to_list() == ["7"]
    assert joined["chr"].to_list() == [missing]


def test_intersect__numbers_and_text_are_the_same():
    as_numbers = frame([UNPLACED]).cast(dict.fromkeys((*WIDTHS, "peak_id"), pl.Int64))
    joined = intersect([as_numbers, frame([UNPLACED])])
    assert joined["start"].to_list() == [3]


def test_intersect__tracks_count_only_where_all_have_them():
    liver, brain = (frame([UNPLACED | {"track": name}], tracks=True) for name in ("liver", "brain"))
    assert len(intersect([liver, brain])) == 0
    joined = intersect([liver, brain, frame([UNPLACED])])
    assert joined["track"].to_list() == ["liver"]
    assert joined["track_1"].to_list() == ["brain"]


def test_intersect_hits__keeps_the_text_of_every_cell(tmp_path):
    header = "\t".join(STRICT_KEYS) + "\tnote"
    row = "chr1\t{}\t9\t0\t12\tCTCF\t+\tp\t1\t{}\n"
    (tmp_path / "a.tsv").write_text(header + "\r\n" + row.format("05", ' "a\r'))
    (tmp_path / "b.tsv.gz").write_bytes(
        gzip.compress((header + "\n" + row.format("5", "")).encode())
    )
    intersect_hits([tmp_path / "a.tsv", tmp_path / "b.tsv.gz"], tmp_path / "c.tsv.gz")
    text_out = gzip.decompress((tmp_path / "c.tsv.gz").read_bytes()).decode()
    assert text_out == header + "\tnote_1\n" + row.format("05", ' "a').replace("\n", "\t\n")


def test_intersect__names_what_is_missing():
    with pytest.raises(ReadError, match=r"table 1: no column peak_name, peak_id; -r compares"):
        intersect([frame([UNPLACED]), frame([UNPLACED]).drop("peak_name", "peak_id")])
    with pytest.raises(ReadError, match=r"table 0: no column strand$"):
        intersect([frame([UNPLACED]).drop("strand"), frame([UNPLACED])], relaxed=True)
    with pytest.raises(ReadError, match="1 table given, expected at least two"):
        intersect([frame([UNPLACED])])
    with pytest.raises(ReadError, match="the column hit_similarity_1 twice"):
        intersect([frame([UNPLACED]).with_columns(hit_similarity_1=1), frame([UNPLACED])])


@pytest.mark.parametrize("size", [1, 1000])
def test_intersect_hits__a_row_must_lie_somewhere(tmp_path, monkeypatch, size):
    monkeypatch.setattr(module, "_BUCKET_ROWS", size)
    placed = UNPLACED | {"chr": "chr1"}
    good = write(tmp_path / "a.tsv", [placed, placed | {"chr": "chr2"}])
    columns = [name for name in COLUMNS if name != "peak_id"]
    bad = write(tmp_path / "b.tsv", [placed, UNPLACED], columns)
    for pair in ((good, bad), (bad, good)):
        with pytest.raises(ReadError, match=r"b.tsv: line 3 has no chromosome, and there is no"):
            intersect_hits(pair, tmp_path / "c.tsv", relaxed=True)


def test_intersect_hits__nothing_is_left_of_what_fails(tmp_path, monkeypatch):
    good = write(tmp_path / "a.tsv", [UNPLACED])
    bad = write(tmp_path / "b.tsv", [UNPLACED, UNPLACED | {"start": "3.5"}])
    with pytest.raises(ReadError, match=r"b.tsv: line 3, column start: found '3.5'"):
        intersect_hits([good, bad], tmp_path / "c.tsv")
    (tmp_path / "c.tsv").write_text("mine")
    with pytest.raises(RunError, match="exists already"):
        intersect_hits([good, good], tmp_path / "c.tsv")
    assert (tmp_path / "c.tsv").read_text() == "mine"

    def refuse(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "append_rows", refuse)
    with pytest.raises(RunError, match="the disk is full"):
        intersect_hits([good, good], tmp_path / "d.tsv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tsv", "b.tsv", "c.tsv"]
