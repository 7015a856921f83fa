"""Recall and similarity as Fi-NeMo 0.41 reports them of the same hits.

``tests/data/recorded/report_<set>_<width>.tsv`` is the ``motif_report.tsv`` of ``finemo report -W
<width>`` for the hits that this package calls with ``placement="full"`` on the sets P (mode pp) and
Q (mode hh).
"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from finemo_zarr.evaluation import evaluate, place_seqlets
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.readers.modisco_fmt import ModiscoFmtReader
from finemo_zarr.readers.modisco_h5 import ModiscoH5Reader
from finemo_zarr.readers.modisco_seqlets import read_seqlets
from finemo_zarr.solvers.coordinate_descent import CoordinateDescent
from finemo_zarr.store import HitsStore

SETS = Path(__file__).parents[3] / "shared/reference"
RECORDED = Path(__file__).parents[1] / "data/recorded"
COUNTS = (
    "num_hits_total",
    "num_hits_restricted",
    "num_seqlets",
    "num_overlaps",
    "num_seqlets_only",
    "num_hits_restricted_only",
)

pytestmark = pytest.mark.skipif(not SETS.exists(), reason=f"{SETS} is not there")


def called(name: str, width: int, mode: str):
    reader = ModiscoFmtReader(
        sequences=SETS / f"{name}_ohe.npz",
        attributions=(SETS / f"{name}_attr.npz",),
        peaks=SETS / f"{name}.narrowPeak",
        region_width=width,
    )
    regions = reader.read().compute()
    raw = ModiscoH5Reader().read(SETS / f"{name}_modisco.h5")
    motifs = prepare_motifs(raw, MotifOptions(mode=mode, placement="full"))
    used = regions
    if mode == "pp":
        from finemo_zarr.sequence import project

        scores = project(regions.region_contributions.values, regions.region_sequence.values)
        used = regions.assign(region_contributions=(("region", "position"), scores))
    hits, qc = CoordinateDescent().solve(used, motifs)
    keep = np.flatnonzero(
        hits.hit_similarity.values >= motifs.motif_lambda.values[hits.hit_motif.values]
    )
    places = regions.drop_dims("position")
    places.attrs["region_width"] = width
    return HitsStore(places, motifs, qc, hits.isel(hit=keep)), regions


@pytest.mark.parametrize(("name", "width", "mode"), [("P", 1000, "pp"), ("Q", 500, "hh")])
def test_report__has_the_numbers_of_the_reference(name: str, width: int, mode: str) -> None:
    hits, regions = called(name, width, mode)
    seqlets = read_seqlets(SETS / f"{name}_modisco.h5")
    for window in (width, 400):
        expected = pl.read_csv(RECORDED / f"report_{name}_{window}.tsv", separator="\t")
        placed = place_seqlets(hits, seqlets, window=window)
        found = evaluate(hits, regions, seqlets=placed).motifs
        assert expected["motif_name"].to_list() == found["motif"].values.tolist()
        for column in COUNTS:
            np.testing.assert_array_equal(found[column], expected[column], err_msg=column)
        # Without a seqlet there is no recall; the reference says 0.
        recall = np.nan_to_num(found["seqlet_recall"].values)
        np.testing.assert_allclose(recall, expected["seqlet_recall"], atol=1e-12)
        if mode == "pp":
            # In the other modes the reference compares with the matrix in use, not with the CWM.
            np.testing.assert_allclose(
                found["cwm_similarity"], expected["cwm_similarity"].to_numpy(), atol=1e-3
            )
