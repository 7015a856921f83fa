import warnings

import numpy as np
import pytest
import torch
from finemo_zarr_tisfm.bank import make_bank
from finemo_zarr_tisfm.files import load_model, save_model
from finemo_zarr_tisfm.model import Architecture, TiSFM
from finemo_zarr_tisfm.occupancy import Finder
from finemo_zarr_tisfm.solver import TisfmSolver
from finemo_zarr_tisfm.training import one_hot

from finemo_zarr.errors import InputWarning, ReadError, RunError, SchemaError
from finemo_zarr.execution import CallOptions, call_hits
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.testing import simulate_regions
from finemo_zarr.testing.contracts import SolverContract
from finemo_zarr.testing.contracts.solvers import WIDTH, plain_motifs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model whose motifs all matter, some of them for less signal."""
    layers = Architecture(attention=False, calibration_power=1000)
    model = TiSFM(make_bank(plain_motifs()), WIDTH, ("one", "two"), layers)
    with torch.no_grad():
        model.linear.weight.fill_(1.0)
        model.linear.weight[0, 1] = -1.0
    path = tmp_path_factory.mktemp("model")
    save_model(path, model, {"signal_sd": [0.5, 1.0]})
    return path


class TestTisfmSolver(SolverContract):
    @pytest.fixture
    def solver(self, folder):
        return TisfmSolver(folder, "one")


@pytest.fixture
def case():
    regions, sites = simulate_regions(plain_motifs(), 30, WIDTH, seed=8)
    return regions, prepare_motifs(plain_motifs(), MotifOptions(lambda_default=0.3)), sites


def test_hits__are_the_planted_sites(folder, case) -> None:
    regions, motifs, sites = case
    hits = TisfmSolver(folder, "two", least=0.3).solve(regions, motifs).hits
    columns = [
        hits[f"hit_{name}"].values.tolist() for name in ("region", "motif", "start_untrimmed")
    ]
    found = set(zip(*columns, strict=True))
    oriented = 2 * sites["motif"] + (sites["strand"] == "-")
    planted = set(
        zip(sites["region"].tolist(), oriented.tolist(), sites["start"].tolist(), strict=True)
    )
    inside = {site for site in planted if site[2] >= 0 and site[2] + 20 <= WIDTH}
    assert len(found & inside) > 0.7 * len(inside)
    assert len(found & planted) > 0.6 * len(found)


def test_hits__add_up_with_all_other_places(folder, case) -> None:
    regions, motifs, _ = case
    everything = TisfmSolver(folder, "two", least=1e-9, share=0, everywhere=True)
    hits = everything.solve(regions, motifs).hits
    solver = TisfmSolver(folder, "one")
    assert (solver.solve(regions, motifs).hits["hit_coefficient"].values < 0).any()
    loaded = load_model(folder)
    with torch.no_grad():
        parts = loaded.parts(one_hot(torch.tensor(regions["region_sequence"].values)))
        sums = parts.contributions(loaded.linear.weight[1]).sum((1, 2, 3)).numpy()
    own = np.bincount(hits["hit_region"].values, hits["hit_part"].values, 30)
    assert (own <= sums + 1e-5).all()
    assert (hits["hit_occupancy"].values <= 1).all()


def test_hits__of_a_motif_that_is_everywhere_are_none(folder, case) -> None:
    regions, motifs, _ = case
    model = load_model(folder)
    with torch.no_grad():
        model.motifs.bias[0] += 100
    blurred = folder.parent / "blurred"
    blurred.mkdir()
    save_model(blurred, model, {"signal_sd": [0.5, 1.0]})
    counts = []
    for share in (0.0, 0.05):
        hits = TisfmSolver(blurred, "two", share=share).solve(regions, motifs).hits
        counts.append(np.bincount(hits["hit_motif"].values // 2, minlength=2))
    assert counts[0][0] > 100
    assert counts[1][0] == 0
    assert counts[1][1] > 0


def test_solver__needs_whole_regions(folder, case, tmp_path) -> None:
    with pytest.raises(RunError, match="--tile cannot be used with the solver tisfm"):
        call_hits(
            tmp_path / "r.zarr",
            case[1],
            tmp_path / "h.zarr",
            solver=TisfmSolver(model=folder, track="one"),
            options=CallOptions(tile=20),
        )


def test_solver__knows_no_decoys(folder, case) -> None:
    decoys = case[1].assign(motif_origin=("motif", ["decoy"] * case[1].sizes["motif"]))
    with pytest.raises(SchemaError, match="leave --fdr out"):
        TisfmSolver(folder, "one").solve(case[0], decoys)


def test_solver__says_what_is_missing(folder, case) -> None:
    regions, motifs, _ = case
    with pytest.raises(SchemaError, match="--tisfm-model"):
        TisfmSolver()
    with pytest.raises(SchemaError, match="is three, expected one of one, two"):
        TisfmSolver(folder, "three")
    with pytest.raises(SchemaError, match="is not given, expected one of one, two"):
        TisfmSolver(folder)
    with pytest.raises(SchemaError, match="--tisfm-least"):
        TisfmSolver(folder, least=0)
    with pytest.raises(SchemaError, match="--tisfm-share"):
        TisfmSolver(folder, share=2)
    with pytest.raises(ReadError, match="no such file"):
        TisfmSolver(folder / "gone", "one")
    strange = motifs.assign(motif_name_orig=motifs["motif_name_orig"] + "x")
    with pytest.raises(SchemaError, match="none of the motifs"):
        TisfmSolver(folder, "one").solve(regions, strange)


def test_motifs__of_another_width_than_those_of_the_model_are_refused(folder, case) -> None:
    regions, motifs, _ = case
    wider = motifs.assign(motif_width=motifs["motif_width"] + 1)
    with pytest.raises(SchemaError, match=r"wide, and \d+ bp in the model"):
        TisfmSolver(folder, "one").solve(regions, wider)


def test_motifs__that_the_model_lacks_are_named_once(folder, case) -> None:
    regions, motifs, _ = case
    names = motifs["motif_name_orig"].values.astype(object)
    lacking = names[0]
    names[names == lacking] = "stranger"
    solver = TisfmSolver(folder, "one")
    strange = motifs.assign(motif_name_orig=("motif", names))
    with pytest.warns(InputWarning, match=r"1 motifs are not in the model .*: stranger"):
        solver.solve(regions, strange)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solver.solve(regions, strange)


def test_hits__of_a_constant_track_are_none(folder, case) -> None:
    regions, motifs, _ = case
    model = load_model(folder)
    for name, weight in (("noise", 1e-6), ("zero", 0.0)):
        with torch.no_grad():
            model.linear.weight.fill_(weight)
        flat = folder.parent / name
        flat.mkdir()
        save_model(flat, model, {"signal_sd": [0.0, 1.0]})
        for track in ("one", "two"):
            found = TisfmSolver(flat, track, least=1e-30, share=0).solve(regions, motifs).hits
            called = (track, weight) == ("two", 1e-6)
            assert bool(found.sizes["hit"]) == called
        codes = regions["region_sequence"].values
        assert bool(Finder(load_model(flat), 0, motifs).find(codes, 0.0)["start"].size) == (
            weight > 0
        )
