import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from finemo_zarr import store
from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.execution import call_hits, extract_regions
from finemo_zarr.export import TABLES, _rows, tsv, write_tables
from finemo_zarr.model import create_regions

HITS = [
    "chr",
    "start",
    "end",
    "start_untrimmed",
    "end_untrimmed",
    "motif_name",
    "hit_coefficient",
    "hit_coefficient_global",
    "hit_similarity",
    "hit_correlation",
    "hit_importance",
    "hit_importance_sq",
    "strand",
    "peak_name",
    "peak_id",
]
QC = "nll dual_gap num_steps step_size global_scale peak_id chr peak_region_start peak_name"
MOTIFS = "motif_id motif_name motif_name_orig strand motif_start motif_end motif_scale lambda"


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", schema_overrides={"chr": pl.String})


@pytest.fixture
def tables(tmp_path: Path, hits_store: Path) -> Path:
    write_tables(hits_store, tmp_path / "tables", {"mode": "pp"})
    return tmp_path / "tables"


@pytest.fixture
def unplaced(tmp_path: Path, reader, regions, motifs, solver) -> Path:
    """Tables of regions without coordinates."""
    bare = create_regions(regions["region_sequence"].data, regions["region_contributions"].data)
    extract_regions(reader(bare), tmp_path / "bare.zarr")
    call_hits(tmp_path / "bare.zarr", motifs, tmp_path / "bare_hits.zarr", solver=solver)
    write_tables(tmp_path / "bare_hits.zarr", tmp_path / "bare")
    return tmp_path / "bare"


def test_tables__are_all_there_and_nothing_else(tables: Path) -> None:
    assert sorted(path.name for path in tables.iterdir()) == sorted(TABLES)


def test_tables__have_the_columns_that_scripts_expect(tables: Path) -> None:
    assert read(tables / "hits.tsv").columns == HITS
    assert read(tables / "hits_unique.tsv").columns == HITS
    assert read(tables / "peaks_qc.tsv").columns == QC.split()
    assert read(tables / "motif_data.tsv").columns == MOTIFS.split()


def test_hits__say_where_they_are(tables: Path, hits_store: Path, regions) -> None:
    opened = store.open_hits(hits_store)
    table = read(tables / "hits.tsv")
    assert len(table) == opened.hits.sizes["hit"]
    by_region = table.sort("peak_id", "hit_similarity", nulls_last=True)
    stored = opened.hits.isel(hit=opened.hits["hit_motif"].values == 0)
    first = by_region.filter(pl.col("hit_similarity").is_not_nan()).sort("peak_id")
    start = regions["region_start"].values
    for column in ("start", "end", "start_untrimmed", "end_untrimmed"):
        np.testing.assert_array_equal(first[column], start + stored[f"hit_{column}"].values)
    assert first["chr"].to_list() == regions["region_chrom"].values.tolist()
    assert first["peak_name"].to_list() == regions["region_name"].values.tolist()
    assert first["strand"].to_list() == ["+"] * 50
    np.testing.assert_array_equal(first["hit_correlation"], first["hit_similarity"])


def test_hits__numbers_keep_their_float32_digits(tables: Path, hits_store: Path) -> None:
    table = read(tables / "hits.tsv").sort("peak_id", "hit_similarity")
    stored = store.open_hits(hits_store).hits["hit_coefficient_global"].values
    np.testing.assert_array_equal(
        np.sort(table["hit_coefficient_global"].to_numpy().astype(np.float32)), np.sort(stored)
    )


def test_hits__are_sorted_by_chromosome_order_then_start(tables: Path, hits_store: Path) -> None:
    order = store.open_hits(hits_store).regions.attrs["chrom_order"]
    table = read(tables / "hits.tsv")
    rank = [order.index(chrom) for chrom in table["chr"]]
    keys = list(zip(rank, table["start"], table["start_untrimmed"], strict=True))
    assert keys == sorted(keys)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_hits__stripes_change_nothing(
    tmp_path: Path, tables: Path, hits_store: Path, monkeypatch, size: int
) -> None:
    monkeypatch.setattr(_rows, "_STRIPE_HITS", size)
    monkeypatch.setattr(_rows, "_READ_HITS", max(size // 2, 1))
    write_tables(hits_store, tmp_path / "again", {"mode": "pp"})
    for name in TABLES:
        assert (tmp_path / "again" / name).read_bytes() == (tables / name).read_bytes()


def test_hits__order_of_regions_changes_only_their_numbers(
    tmp_path: Path, tables: Path, reader, regions, motifs, solver
) -> None:
    shuffled = regions.isel(region=np.random.default_rng(0).permutation(50))
    extract_regions(reader(shuffled), tmp_path / "s.zarr")
    call_hits(tmp_path / "s.zarr", motifs, tmp_path / "sh.zarr", solver=solver)
    write_tables(tmp_path / "sh.zarr", tmp_path / "shuffled")
    assert (tmp_path / "shuffled" / "hits.bed").read_bytes() == (tables / "hits.bed").read_bytes()


def test_hits_unique__keeps_the_first_of_a_site(
    tmp_path: Path, reader, regions, motifs, solver
) -> None:
    twice = regions.isel(region=np.repeat(np.arange(10), 2))
    twice = twice.assign(region_id=("region", np.arange(20)))
    extract_regions(reader(twice), tmp_path / "t.zarr")
    call_hits(tmp_path / "t.zarr", motifs, tmp_path / "th.zarr", solver=solver)
    write_tables(tmp_path / "th.zarr", tmp_path / "t")
    every, unique = read(tmp_path / "t" / "hits.tsv"), read(tmp_path / "t" / "hits_unique.tsv")
    assert len(every) == 2 * len(unique) == 40
    assert (unique["peak_id"] % 2 == 0).all()


def test_bed__scores_are_the_similarity(tables: Path) -> None:
    rows = [line.split("\t") for line in (tables / "hits.bed").read_text().splitlines()]
    unique = read(tables / "hits_unique.tsv")
    assert [row[3] for row in rows] == unique["motif_name"].to_list()
    assert {row[4] for row in rows} == {"900", "0"}
    assert {len(row) for row in rows} == {6}


def test_bed__begins_at_the_chromosome(tmp_path: Path, reader, regions, motifs, solver) -> None:
    early = regions.isel(region=[0]).copy(deep=True)
    early["region_start"][:] = -20
    early["region_contributions"][:, 18] = 100.0
    extract_regions(reader(early), tmp_path / "e.zarr")
    call_hits(tmp_path / "e.zarr", motifs, tmp_path / "eh.zarr", solver=solver)
    write_tables(tmp_path / "eh.zarr", tmp_path / "e")
    assert read(tmp_path / "e" / "hits.tsv")["start"].to_list() == [-2, -2]
    rows = [line.split("\t") for line in (tmp_path / "e" / "hits.bed").read_text().splitlines()]
    assert [row[1] for row in rows] == ["0", "0"]
    assert all(int(row[2]) > 0 for row in rows)


def test_tables__without_coordinates_count_within_the_region(unplaced: Path, hits_store) -> None:
    table = read(unplaced / "hits.tsv")
    assert table["chr"].unique().to_list() == ["NA"] == table["peak_name"].unique().to_list()
    assert table["peak_id"].to_list() == sorted(table["peak_id"])
    assert table["start"].min() >= 0
    assert table["end"].max() <= 80
    assert (unplaced / "hits_unique.tsv").read_text().splitlines() == ["\t".join(HITS)]
    assert (unplaced / "hits.bed").read_text() == ""
    qc = read(unplaced / "peaks_qc.tsv")
    assert qc["peak_id"].to_list() == list(range(50))
    assert qc["peak_region_start"].unique().to_list() == [0]


def test_peaks_qc__is_sorted_and_complete(tables: Path, regions) -> None:
    qc = read(tables / "peaks_qc.tsv")
    order = regions.attrs["chrom_order"]
    keys = [(order.index(c), s) for c, s in zip(qc["chr"], qc["peak_region_start"], strict=True)]
    assert keys == sorted(keys)
    assert sorted(qc["peak_id"]) == sorted(regions["region_id"].values.tolist())
    row = qc.row(by_predicate=pl.col("peak_id") == 3, named=True)
    assert row["peak_name"] == regions["region_name"].values[3]


def test_motif_data__counts_orientations(tables: Path, motifs) -> None:
    table = read(tables / "motif_data.tsv")
    assert table["motif_id"].to_list() == list(range(6))
    assert table["strand"].to_list() == ["+", "-"] * 3
    assert table["motif_name"].to_list() == motifs["motif_name"].values.tolist()
    np.testing.assert_array_equal(table["motif_start"], motifs["motif_start"])
    cwms = np.load(tables / "motif_cwms.npy")
    assert cwms.shape == (6, 4, 20)
    np.testing.assert_allclose((cwms**2).sum(axis=(1, 2)), 1)
    np.testing.assert_allclose(cwms[1], cwms[0][::-1, ::-1])


def test_params__hold_options_and_sizes(tables: Path, unplaced: Path) -> None:
    assert json.loads((tables / "params.json").read_text()) == {
        "mode": "pp",
        "region_width": 80,
        "num_regions": 50,
        "untrimmed_motif_width": 20,
        "num_motifs": 6,
    }
    assert json.loads((unplaced / "params.json").read_text())["plugin"] == "fake"


def test_write_tables__replaces_tables_and_leaves_the_rest(tables: Path, hits_store: Path) -> None:
    (tables / "notes.txt").write_text("mine")
    (tables / "hits.tsv").write_text("old")
    write_tables(hits_store, tables)
    assert read(tables / "hits.tsv").columns == HITS
    assert (tables / "notes.txt").read_text() == "mine"


def test_write_tables__refuses_a_regions_store(tmp_path: Path, regions_store: Path) -> None:
    with pytest.raises(ReadError, match="expected a hits store"):
        write_tables(regions_store, tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_write_tables__a_disk_that_fills_up_is_an_error(tmp_path, hits_store, monkeypatch) -> None:
    def refuse(*args) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tsv, "append", refuse)
    with pytest.raises(RunError, match="cannot be written, the disk is full"):
        write_tables(hits_store, tmp_path / "t")
    assert not list((tmp_path / "t").iterdir())


def test_tables__write_scores_in_single_precision(tmp_path, regions_store, motifs, solver) -> None:
    solver = replace(solver, strength=30.767230971673328)
    call_hits(regions_store, motifs, tmp_path / "hits.zarr", solver=solver)
    write_tables(tmp_path / "hits.zarr", tmp_path)
    table = pl.read_csv(tmp_path / "hits.tsv", separator="\t", infer_schema=False)
    assert store.open_hits(tmp_path / "hits.zarr").hits["hit_coefficient"].dtype == np.float64
    assert set(table["hit_coefficient"]) == {"30.767231"}


def test_tables__have_the_columns_of_the_solver(make) -> None:
    made = make("tracks")
    opened = store.open_hits(made.hits)
    values = np.arange(opened.hits.sizes["hit"]) / 7
    hits = opened.hits.assign(hit_pvalue=("hit", values), hit_qvalue=("hit", values))
    opened, places = opened._replace(hits=hits), _rows.Places.of(opened)
    assert _rows.table_columns(hits, places)[-2:] == ["hit_pvalue", "track"]
    columns = {str(name): array.values for name, array in hits.data_vars.items()}
    table = _rows.hit_table(columns, opened, places)
    assert table.columns == _rows.table_columns(hits, places)
    assert sorted(table["hit_pvalue"]) == values.tolist()
