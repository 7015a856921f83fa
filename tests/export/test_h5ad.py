import json

import anndata
import numpy as np
import polars as pl
import pytest

from finemo_zarr.evaluation import summarise
from finemo_zarr.export import ExportOptions, _rows, export_hits
from finemo_zarr.store import open_hits


@pytest.mark.parametrize("size", [5, 2**20])
def test_h5ad__counts_are_those_of_the_summary(made, tmp_path, monkeypatch, size: int) -> None:
    monkeypatch.setattr(_rows, "_STRIPE_HITS", size)
    export_hits(made.hits, "h5ad", tmp_path / "h.h5ad")
    found, summary = anndata.read_h5ad(tmp_path / "h.h5ad"), summarise(made.hits)
    names = list(found.var_names)
    counts = summary["region_count"].sel(motif=names).values
    sums = summary["region_coefficient_sum"].sel(motif=names).values
    np.testing.assert_array_equal(found.X.toarray(), counts)
    np.testing.assert_array_equal(found.layers["count"].toarray(), counts)
    np.testing.assert_allclose(found.layers["coefficient_sum"].toarray(), sums, rtol=1e-6)
    assert found.X.dtype == np.float32
    assert found.layers["count"].dtype == np.int32
    assert found.obs["n_hits"].tolist() == counts.sum(axis=1).tolist()
    assert found.var["n_hits"].tolist() == counts.sum(axis=0).tolist()


def test_h5ad__largest_similarities_are_those_of_the_table(made, tmp_path) -> None:
    export_hits(made.hits, "h5ad", tmp_path / "h.h5ad")
    found = anndata.read_h5ad(tmp_path / "h.h5ad")
    best = made.table.group_by("peak_id", "motif_name").agg(pl.col("hit_similarity").max())
    matrix = found.to_df("similarity_max").set_index(found.obs["id"])
    for peak, motif, value in best.rows():
        assert matrix.loc[peak, motif] == pytest.approx(value)
    assert (matrix.to_numpy() > 0).sum() == len(best)


def test_h5ad__says_where_regions_are_and_what_motifs_are(made, tmp_path) -> None:
    export_hits(made.hits, "h5ad", tmp_path / "h.h5ad")
    found, opened = anndata.read_h5ad(tmp_path / "h.h5ad"), open_hits(made.hits)
    for name in ("chrom", "start", "end", "name", "id"):
        assert found.obs[name].tolist() == opened.regions[f"region_{name}"].values.tolist()
    first = opened.regions.isel(region=0)
    chrom, start, end = (first[f"region_{name}"].item() for name in ("chrom", "start", "end"))
    assert found.obs_names[0] == f"{chrom}:{start}-{end}"
    assert found.obs["scale"].tolist() == [1.0] * found.n_obs
    assert found.var["lambda"].tolist() == [0.7] * 3
    assert found.var["width"].tolist() == [20] * 3
    about = json.loads(found.uns["finemo_zarr"])
    assert about["chosen"] == {}
    assert about["provenance"]["plugin"] == "random"


def test_h5ad__has_a_row_for_each_region_and_track(make, tmp_path) -> None:
    made = make("tracks")
    export_hits(made.hits, "h5ad", tmp_path / "h.h5ad")
    found, summary = anndata.read_h5ad(tmp_path / "h.h5ad"), summarise(made.hits)
    assert found.n_obs == 2 * summary.sizes["region"]
    assert found.obs_names.is_unique
    for track in ("K562", "liver, 12 w"):
        own = found[found.obs["track"] == track]
        counts = summary["region_count"].sel(track=track, motif=list(found.var_names))
        np.testing.assert_array_equal(own.X.toarray(), counts)


def test_h5ad__of_a_choice_has_the_motifs_and_the_track_of_it(make, tmp_path) -> None:
    made = make("tracks")
    motif = made.table["motif_name"][0]
    options = ExportOptions(motifs=(motif,), track="liver, 12 w")
    export_hits(made.hits, "h5ad", tmp_path / "h.h5ad", options=options)
    found = anndata.read_h5ad(tmp_path / "h.h5ad")
    rows = made.table.filter(pl.col("motif_name") == motif, pl.col("track") == "liver, 12 w")
    assert found.shape == (50, 1)
    assert found.var_names.tolist() == [motif]
    assert found.X.sum() == len(rows)
    by_region = dict(rows["peak_id"].value_counts().rows())
    counts = dict(zip(found.obs["id"], found.X.toarray()[:, 0], strict=True))
    assert {peak: count for peak, count in counts.items() if count} == by_region


def test_h5ad__without_coordinates_numbers_the_regions(make, tmp_path) -> None:
    made = make("unplaced")
    export_hits(made.hits, "h5ad", tmp_path / "h.h5ad")
    found = anndata.read_h5ad(tmp_path / "h.h5ad")
    assert found.obs_names.tolist() == [f"region_{number}" for number in range(50)]
    assert "chrom" not in found.obs
    assert found.X.sum() == len(made.table)


def test_h5ad__without_hits_is_empty(make, tmp_path) -> None:
    export_hits(make("empty").hits, "h5ad", tmp_path / "h.h5ad")
    found = anndata.read_h5ad(tmp_path / "h.h5ad")
    assert found.shape == (50, 3)
    assert found.X.nnz == found.layers["similarity_max"].nnz == 0


def test_h5ad__regions_at_the_same_place_have_names_of_their_own(make, regions, tmp_path) -> None:
    twice = regions.isel(region=np.repeat(np.arange(10), 2))
    twice = twice.assign(region_id=("region", np.arange(20)))
    export_hits(make(given=twice).hits, "h5ad", tmp_path / "h.h5ad")
    assert anndata.read_h5ad(tmp_path / "h.h5ad").obs_names.is_unique
