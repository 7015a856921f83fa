import numpy as np
import pytest
import torch
from finemo_zarr_tisfm.bank import make_bank
from finemo_zarr_tisfm.files import load_model, save_model
from finemo_zarr_tisfm.model import Architecture, TiSFM
from finemo_zarr_tisfm.solver import TisfmSolver
from finemo_zarr_tisfm.training import one_hot

from finemo_zarr.errors import SchemaError
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


def test_solver__says_what_is_missing(folder, case) -> None:
    regions, motifs, _ = case
    with pytest.raises(SchemaError, match="--tisfm-model"):
        TisfmSolver().solve(regions, motifs)
    with pytest.raises(SchemaError, match="expected one of one, two"):
        TisfmSolver(folder, "three").solve(regions, motifs)
    with pytest.raises(SchemaError, match="--tisfm-least"):
        TisfmSolver(folder, least=0)
    with pytest.raises(SchemaError, match="--tisfm-share"):
        TisfmSolver(folder, share=2)
    strange = motifs.assign(motif_name_orig=motifs["motif_name_orig"] + "x")
    with pytest.raises(SchemaError, match="none of the motifs"):
        TisfmSolver(folder, "one").solve(regions, strange)
