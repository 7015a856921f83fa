import numpy as np
from hypothesis import find, given, settings
from hypothesis import strategies as st

from finemo_zarr.model import validate
from finemo_zarr.motifs import MotifOptions
from finemo_zarr.sequence import NO_BASE
from finemo_zarr.testing.contracts.solvers import prepared
from finemo_zarr.testing.strategies import base_codes, motifs, regions


@given(regions())
def test_regions__are_valid_and_finite(dataset):
    validate(dataset, "regions")
    assert np.isfinite(dataset.region_contributions.values).all()
    if dataset.region_contributions.ndim == 2:
        assert not dataset.region_contributions.values[dataset.region_sequence.values == 4].any()


@given(motifs())
def test_motifs__are_valid_and_not_zero(dataset):
    validate(dataset, "motifs")
    assert np.abs(dataset.motif_cwm.values).sum(axis=(1, 2)).all()


@given(motifs())
@settings(max_examples=30)
def test_motifs__can_be_prepared(dataset):
    mode = "hh" if "motif_hcwm" in dataset else "pp"
    assert prepared(dataset, mode=mode).sizes["motif"] == 2 * dataset.sizes["motif"]
    assert MotifOptions(mode=mode).mode == mode


REGIONS = {
    "none": lambda d: d.sizes["region"] == 0,
    "hypothetical": lambda d: "base" in d.sizes,
    "projected": lambda d: "base" not in d.sizes,
    "float16": lambda d: d.region_contributions.dtype == np.float16,
    "float64": lambda d: d.region_contributions.dtype == np.float64,
    "missing bases": lambda d: (d.region_sequence.values == NO_BASE).any(),
    "no bases at all": lambda d: d.sizes["region"] and (d.region_sequence.values == 4).all(),
    "zeros": lambda d: (
        d.sizes["region"] > 1
        and (d.region_contributions.values == 0)
        .all(axis=tuple(range(1, d.region_contributions.ndim)))
        .any()
    ),
    "coordinates": lambda d: "region_chrom" in d,
    "before the chromosome": lambda d: "region_start" in d and (d.region_start < 0).any(),
}


def test_regions__include_all_kinds():
    seen = set()

    @given(regions())
    @settings(max_examples=300, database=None, derandomize=True)
    def collect(dataset):
        seen.update(kind for kind, condition in REGIONS.items() if condition(dataset))

    collect()
    assert seen == set(REGIONS)


def test_regions__can_be_narrowed():
    strategy = regions(n_regions=st.just(3), width=st.just(9), hypothetical=st.just(True))
    dataset = find(strategy, lambda _: True, settings=settings(database=None))
    assert dict(dataset.sizes) == {"region": 3, "position": 9, "base": 4}


def test_motifs__include_palindromes_and_different_widths():
    palindromes, widths = [], []

    @given(motifs())
    @settings(max_examples=200, database=None, derandomize=True)
    def collect(dataset):
        width = int(dataset.motif_width[0])
        matrix = dataset.motif_cwm.values[0, :, :width]
        palindromes.append(width > 2 and np.allclose(matrix, matrix[::-1, ::-1]))
        widths.append(len(set(dataset.motif_width.values)))

    collect()
    assert any(palindromes)
    assert max(widths) > 2


@given(base_codes((2, 3)))
def test_base_codes__have_the_shape_asked(codes):
    assert codes.shape == (2, 3)
    assert codes.dtype == np.uint8
    assert codes.max() <= NO_BASE
