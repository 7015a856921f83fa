import numpy as np
import pytest
from hypothesis import given

from finemo_zarr.errors import SchemaError
from finemo_zarr.model import create_hits, create_motifs, create_qc, create_regions, validate
from finemo_zarr.testing.strategies import motifs, regions
from finemo_zarr.variables import VARIABLES

CODES = np.zeros((3, 5), dtype=np.uint8)
WHERE = {
    "chrom": ["chr2", "chr1", "chr2"],
    "start": [0, 5, -2],
    "end": [5, 10, 3],
    "name": ["a", "b", "c"],
    "id": [0, 1, 2],
}


@given(regions())
def test_regions_of_the_strategy__are_valid(dataset):
    validate(dataset, "regions")


@given(motifs())
def test_motifs_of_the_strategy__are_valid(dataset):
    validate(dataset, "motifs")


def test_create_regions__tells_projected_from_hypothetical_by_shape():
    assert create_regions(CODES, np.zeros((3, 5))).region_contributions.dims == (
        "region",
        "position",
    )
    assert create_regions(CODES, np.zeros((3, 4, 5))).region_contributions.dims == (
        "region",
        "base",
        "position",
    )


@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 3, 4, 5)])
def test_create_regions__puts_tracks_first(shape):
    dataset = create_regions(CODES, np.zeros(shape), tracks=["liver", "brain"])
    assert dataset.region_contributions.dims[0] == "track"
    assert dataset.track.values.tolist() == ["liver", "brain"]


def test_create_regions__orders_chromosomes_as_asked_then_as_they_come():
    given_order = create_regions(CODES, np.zeros((3, 5)), coordinates=WHERE, chrom_order=["chr1"])
    assert given_order.attrs["chrom_order"] == ["chr1", "chr2"]
    plain = create_regions(CODES, np.zeros((3, 5)), coordinates=WHERE)
    assert plain.attrs["chrom_order"] == ["chr2", "chr1"]
    assert plain.region_start.dtype == np.int64


def test_create_regions__stays_lazy():
    import dask.array as da

    dataset = create_regions(da.from_array(CODES, 2), da.zeros((3, 5), chunks=(2, 5)))
    assert dataset.region_contributions.chunks == ((2, 1), (5,))


def test_create_regions__names_the_coordinates_that_are_missing():
    partial = {key: WHERE[key] for key in ("chrom", "start", "end")}
    with pytest.raises(SchemaError, match="coordinates lack name, id"):
        create_regions(CODES, np.zeros((3, 5)), coordinates=partial)


@pytest.mark.parametrize("shape", [(2, 5), (3, 6), (3, 4, 6)])
def test_create_regions__refuses_arrays_that_do_not_fit(shape):
    with pytest.raises(SchemaError, match="do not fit together"):
        create_regions(CODES, np.zeros(shape))


def test_create_regions__refuses_three_bases():
    with pytest.raises(SchemaError, match="base has size 3, expected 4"):
        create_regions(CODES, np.zeros((3, 3, 5)))


def test_create_motifs__defaults_to_motifs_as_wide_as_the_array():
    dataset = create_motifs(["a", "b"], np.ones((2, 4, 7)), labels={"origin": "cwm"})
    assert dataset.motif_width.values.tolist() == [7, 7]
    assert dataset.motif_origin.values.tolist() == ["cwm", "cwm"]


def test_create_motifs__refuses_repeated_names():
    with pytest.raises(SchemaError, match="repeated: a"):
        create_motifs(["a", "b", "a"], np.ones((3, 4, 7)))


def test_create_motifs__refuses_matrices_that_do_not_fit():
    with pytest.raises(SchemaError, match="do not fit together"):
        create_motifs(["a"], np.ones((1, 4, 7)), matrices={"ppm": np.ones((1, 4, 8))})


def test_create_hits__reads_nan_for_scores_that_are_not_given():
    positions = ["region", "motif", "start", "end", "start_untrimmed", "end_untrimmed"]
    places = {name: [1, 2] for name in positions}
    hits = create_hits({**places, "pvalue": [0.1, 0.2]})
    assert np.isnan(hits.hit_similarity.values).all()
    assert hits.hit_region.dtype == np.int64
    assert hits.hit_pvalue.values.tolist() == [0.1, 0.2]


def test_create_hits__needs_all_positions():
    with pytest.raises(SchemaError, match="hit_end is missing"):
        create_hits({"region": [0], "motif": [0], "start": [0]})


def test_create_hits__takes_no_hits():
    names = ["region", "motif", "start", "end", "start_untrimmed", "end_untrimmed"]
    assert create_hits({name: [] for name in names}).sizes["hit"] == 0


def test_create_qc__fills_what_is_not_given():
    qc = create_qc({"scale": [1.0, 2.0]})
    assert set(qc.data_vars) == set(VARIABLES["qc"])
    assert qc.qc_converged.values.all()
    assert qc.qc_steps.values.tolist() == [0, 0]
    assert np.isnan(qc.qc_step_size.values).all()


def test_variables__carry_their_meaning_and_unit():
    attrs = create_regions(CODES, np.zeros((3, 5)), coordinates=WHERE).region_start.attrs
    assert attrs["units"] == "bp"
    assert attrs["long_name"] == VARIABLES["regions"]["region_start"].meaning


def test_validate__names_every_fault():
    broken = create_regions(CODES, np.zeros((3, 5))).drop_vars("region_contributions")
    broken["region_sequence"] = ("position", np.zeros(5))
    with pytest.raises(SchemaError) as caught:
        validate(broken, "regions")
    message = str(caught.value)
    assert "region_contributions is missing" in message
    assert "region_sequence has dimensions ('position',)" in message
    assert "region_sequence has type float64, expected unsigned" in message


def test_validate__permits_what_it_does_not_know():
    dataset = create_regions(CODES, np.zeros((3, 5))).assign(region_gc=("region", np.ones(3)))
    assert validate(dataset, "regions") is dataset
