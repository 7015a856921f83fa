import pytest

from finemo_zarr.variables import NUMPY_KINDS, VARIABLES, all_variables

SPECS = [pytest.param(kind, spec, id=spec.name) for kind, spec in all_variables()]
PREFIXES = {"regions": "region_", "motifs": "motif_", "hits": "hit_", "qc": "qc_"}
DIMS = {"track", "region", "position", "base", "motif", "motif_position", "hit"}


def test_variables__are_listed_under_their_own_names_once():
    names = [spec.name for _, spec in all_variables()]
    assert len(set(names)) == len(names)
    for specs in VARIABLES.values():
        assert all(name == spec.name for name, spec in specs.items())


@pytest.mark.parametrize(("kind", "spec"), SPECS)
def test_variable__has_the_prefix_of_its_dataset(kind, spec):
    assert spec.name.startswith(PREFIXES[kind])


@pytest.mark.parametrize(("kind", "spec"), SPECS)
def test_variable__has_known_dimensions_and_kind(kind, spec):
    assert spec.dims
    assert {dim for dims in spec.dims for dim in dims} <= DIMS
    assert spec.kind in NUMPY_KINDS


@pytest.mark.parametrize(("kind", "spec"), SPECS)
def test_variable__says_what_it_means_in_one_sentence(kind, spec):
    assert spec.meaning.endswith(".")
    assert "\n" not in spec.meaning


def test_track__may_lead_scores_and_quality_alone():
    leading = {
        spec.name
        for _, spec in all_variables()
        for dims in spec.dims
        if "track" in dims and dims[0] == "track"
    }
    anywhere = {spec.name for _, spec in all_variables() for dims in spec.dims if "track" in dims}
    assert leading == anywhere == {"region_contributions", *VARIABLES["qc"]}
