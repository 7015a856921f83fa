from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from finemo_zarr.errors import SchemaError
from finemo_zarr.export import export_hits, tfm_bed
from finemo_zarr.export._source import ExportOptions, Source

OWN = tfm_bed.SCORES[2:]


def scored(path: Path, **options) -> Source:
    """A source whose hits have the columns of `modisco-scoring`."""
    source = Source.open(path, ExportOptions(**options), path)
    number = np.arange(source.opened.hits.sizes["hit"]) / 8
    hits = source.opened.hits.assign({name: ("hit", number + i) for i, name in enumerate(OWN)})
    return replace(source, opened=source.opened._replace(hits=hits))


def test_motif_key__is_metacluster_and_pattern() -> None:
    assert tfm_bed.motif_key("pos_patterns.pattern_3") == "0_3"
    assert tfm_bed.motif_key("neg_patterns.pattern_12") == "1_12"
    assert tfm_bed.motif_key("GATA1") == "GATA1"


def test_tfm_bed__has_sixteen_columns(made, tmp_path) -> None:
    source = scored(made.hits)
    tfm_bed.write_tfm_bed(source, tmp_path / "h.bed")
    rows = [line.split("\t") for line in (tmp_path / "h.bed").read_text().splitlines()]
    assert {len(row) for row in rows} == {16}
    motif = made.table["motif_name"].map_elements(tfm_bed.motif_key, return_dtype=pl.String)
    names = ("chr", "start", "end", "motif_name", "strand", "peak_id")
    expected = made.table.with_columns(motif).select(names).rows()
    assert [tuple(row[:6]) for row in rows] == [tuple(map(str, row)) for row in expected]
    np.testing.assert_allclose(
        np.array([row[6:8] for row in rows], dtype=float),
        made.table.select("hit_coefficient", "hit_importance").to_numpy(),
        rtol=1e-5,
    )
    own = np.array([row[8:] for row in rows], dtype=float)
    np.testing.assert_array_equal(own - own[:, :1], np.tile(np.arange(8.0), (len(rows), 1)))
    assert set(own[:, 0]) == set(np.arange(len(rows)) / 8)


def test_tfm_bed__needs_the_columns_of_its_solver(made, tmp_path) -> None:
    with pytest.raises(SchemaError, match=r"hit_imp_frac.*--solver modisco-scoring"):
        export_hits(made.hits, "tfm-bed", tmp_path / "h.bed")
    assert not (tmp_path / "h.bed").exists()


def test_tfm_bed__takes_one_track(make, tmp_path) -> None:
    made = make("tracks")
    with pytest.raises(SchemaError, match="2 tracks: choose one with --track"):
        tfm_bed.write_tfm_bed(scored(made.hits), tmp_path / "h.bed")
    tfm_bed.write_tfm_bed(scored(made.hits, track="K562"), tmp_path / "h.bed")
    assert len((tmp_path / "h.bed").read_text().splitlines()) == len(
        made.table.filter(made.table["track"] == "K562")
    )
