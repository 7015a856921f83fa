"""The solver against the hits that Fi-NeMo 0.41 called on simulated sets."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from finemo_zarr.model import create_regions
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.readers.modisco_h5 import ModiscoH5Reader
from finemo_zarr.sequence import from_one_hot, project
from finemo_zarr.solvers.coordinate_descent import CoordinateDescent
from finemo_zarr.solvers.prox_gradient import ProxGradient

pytest.importorskip("torch")

FOLDER = Path(__file__).parents[2] / "../shared/reference"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="../shared/reference is not there")


class Case(NamedTuple):
    regions: object
    motifs: object
    recorded: dict


@pytest.fixture(scope="module", params=[("P", "pp", 1000), ("Q", "hh", 500)], ids=["P", "Q"])
def recorded_set(request):
    """Regions, motifs, and a function that reads recorded hits."""
    name, mode, width = request.param
    encoded, scores = (_central(FOLDER / f"{name}_{what}.npz", width) for what in ("ohe", "attr"))
    codes, scores = from_one_hot(encoded), scores.astype(np.float32)
    regions = create_regions(codes, scores if mode == "hh" else project(scores, codes))
    raw = ModiscoH5Reader().read(FOLDER / f"{name}_modisco.h5")
    motifs = prepare_motifs(raw, MotifOptions(mode=mode, placement="full"))
    starts = [
        int(row[1]) + int(row[9]) - width // 2 for row in _rows(FOLDER / f"{name}.narrowPeak")
    ]

    def recorded(tolerance, n_regions):
        rows = _rows(FOLDER / f"{name}_{mode}_hits_{tolerance}.tsv")
        column = {key: index for index, key in enumerate(rows[0])}
        hits = {}
        for row in rows[1:]:
            region = int(row[column["peak_id"]])
            if region < n_regions:
                start = int(row[column["start_untrimmed"]]) - starts[region]
                motif = row[column["motif_name"]], row[column["strand"]]
                hits[region, *motif, start] = float(row[column["hit_coefficient"]])
        return hits

    return regions, motifs, recorded


def _central(path, width):
    with np.load(path) as file:
        array = file[file.files[0]]
    start = array.shape[-1] // 2 - width // 2
    return array[..., start : start + width]


def _rows(path):
    with path.open() as file:
        return list(csv.reader(file, delimiter="\t"))


def called(result, motifs):
    """Coefficients of hits after the post-filter, by region, motif, strand, untrimmed start."""
    hits = {name: values.to_numpy() for name, values in result.hits.data_vars.items()}
    names, strands = motifs.motif_name.to_numpy(), motifs.motif_strand.to_numpy()
    lambdas = motifs.motif_lambda.to_numpy()
    columns = ("region", "motif", "start_untrimmed", "coefficient", "similarity")
    table = zip(*(hits[f"hit_{column}"].tolist() for column in columns), strict=True)
    return {
        (region, str(names[motif]), str(strands[motif]), start): coefficient
        for region, motif, start, coefficient, similarity in table
        if similarity >= lambdas[motif]
    }


def jaccard(one, other):
    return len(one.keys() & other.keys()) / len(one.keys() | other.keys())


def relative_differences(one, other):
    common = sorted(one.keys() & other.keys())
    values = np.array([(one[key], other[key]) for key in common])
    return np.abs(values[:, 0] / values[:, 1] - 1)


def test_prox_gradient__repeats_the_reference_at_its_default_tolerance(recorded_set):
    regions, motifs, recorded = recorded_set
    result = ProxGradient(gap="reference").solve(regions, motifs)
    hits, expected = called(result, motifs), recorded("default", regions.sizes["region"])
    assert jaccard(hits, expected) >= 0.99
    differences = relative_differences(hits, expected)
    assert differences.max() < 0.01
    assert np.median(differences) < 1e-5
    assert result.qc.qc_converged.values.all()


@pytest.mark.parametrize("gap", ["correct", "reference"])
def test_prox_gradient__agrees_with_all_when_solved_tightly(recorded_set, gap):
    regions, motifs, recorded = recorded_set
    regions = regions.isel(region=slice(30))
    hits = called(ProxGradient(tolerance=1e-6, gap=gap).solve(regions, motifs), motifs)
    exact = called(CoordinateDescent(tolerance=1e-6).solve(regions, motifs), motifs)
    for other in (recorded("1e-6", regions.sizes["region"]), exact):
        assert jaccard(hits, other) >= 0.995
        assert np.median(relative_differences(hits, other)) < 1e-3
