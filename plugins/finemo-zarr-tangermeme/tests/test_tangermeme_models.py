"""From what a user names to one number per sequence."""

import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
from finemo_zarr_tangermeme import packages
from finemo_zarr_tangermeme.head import with_head
from finemo_zarr_tangermeme.models import load_model

from finemo_zarr.errors import InputWarning, MissingDependencyError, ReadError

torch = pytest.importorskip("torch", reason="torch is not installed (the extra [torch])")
pytest.importorskip("tangermeme", reason="tangermeme is not installed (the extra [torch])")
import tangermeme_nets as nets  # noqa: E402

HERE = Path(__file__).parent


@pytest.fixture
def sequences():
    drawn = np.random.default_rng(0).integers(0, 4, (3, 60))
    return torch.nn.functional.one_hot(torch.from_numpy(drawn), 4).permute(0, 2, 1).float()


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return (Path.touch, (Path(self.file),))


@pytest.mark.parametrize("spec", ["tangermeme_nets:motif", f"{HERE / 'tangermeme_nets.py'}:motif"])
def test_model__is_what_a_function_returns(spec, sequences):
    model, transparent = load_model(spec)
    assert transparent
    assert torch.equal(model(sequences), nets.motif()(sequences))


def test_model__may_be_torchscript(tmp_path, sequences):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(nets.motif()), str(tmp_path / "net.pt"))
        model, transparent = load_model(str(tmp_path / "net.pt"))
    assert not transparent
    assert torch.equal(model(sequences), nets.motif()(sequences))


@pytest.mark.filterwarnings("ignore")  # of torch.export itself
def test_model__may_be_an_export_that_is_trusted(tmp_path, sequences):
    torch.export.save(torch.export.export(nets.motif(), (sequences,)), tmp_path / "net.pt2")
    with pytest.raises(ReadError, match=r"torch.export, parts of which.*--trust-pickle"):
        load_model(str(tmp_path / "net.pt2"))
    model, transparent = load_model(str(tmp_path / "net.pt2"), trust_pickle=True)
    assert not transparent
    assert torch.allclose(model(sequences), nets.motif()(sequences))


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle__is_refused_and_runs_nothing(tmp_path, zipped):
    file, made = tmp_path / "net.torch", tmp_path / "made"
    torch.save({"weights": Bomb(made)}, file, _use_new_zipfile_serialization=zipped)
    for spec in (str(file), f"bpnet-lite:{file}"):
        with pytest.raises(ReadError):
            load_model(spec)
    assert not made.exists()
    with pytest.raises(ReadError, match=r"holds dict, expected a torch.nn.Module"):
        load_model(str(file), trust_pickle=True)
    assert made.exists()


def test_pickle__is_loaded_if_it_is_trusted(tmp_path, sequences):
    torch.save(nets.motif(), tmp_path / "net.torch")
    with pytest.raises(ReadError, match=r"can run any code when it is loaded.*--trust-pickle"):
        load_model(str(tmp_path / "net.torch"))
    model, transparent = load_model(str(tmp_path / "net.torch"), trust_pickle=True)
    assert transparent
    assert torch.equal(model(sequences), nets.motif()(sequences))


@pytest.fixture
def bpnet(monkeypatch):
    """A network as bpnet-lite makes and pickles it, its package being there or not."""
    module = types.ModuleType("bpnetlite.bpnet")
    made = type("BPNet", (nets.BPNet,), {"__module__": "bpnetlite.bpnet"})
    module.BPNet = made
    monkeypatch.setitem(sys.modules, "bpnetlite", types.ModuleType("bpnetlite"))
    monkeypatch.setitem(sys.modules, "bpnetlite.bpnet", module)
    return made


@pytest.mark.parametrize("controls", [0, 2])
def test_bpnet_lite__is_built_from_its_checkpoint(
    bpnet, controls, tmp_path, sequences, monkeypatch
):
    network = bpnet(controls).eval()
    torch.save(network, tmp_path / "whole.torch")
    torch.save(network.state_dict(), tmp_path / "weights.torch")
    expected = network(sequences, torch.zeros(3, controls, 60))
    monkeypatch.delitem(sys.modules, "bpnetlite.bpnet")
    with pytest.warns(InputWarning, match="weights alone.* 8 bp at each end are assumed"):
        of_weights = load_model(f"bpnet-lite:{tmp_path / 'weights'}.torch")
    for model, transparent in (load_model(f"bpnet-lite:{tmp_path / 'whole'}.torch"), of_weights):
        assert transparent
        for own, other in zip(model(sequences), expected, strict=True):
            assert torch.allclose(own, other, atol=1e-6)


def test_bpnet_lite__refuses_another_network(tmp_path):
    torch.save(nets.motif(), tmp_path / "net.torch")
    with pytest.raises(ReadError, match=r"no iconv.weight in it.*give a function"):
        load_model(f"bpnet-lite:{tmp_path / 'net.torch'}")
    with pytest.raises(ReadError, match="no such file"):
        load_model("bpnet-lite:nowhere.torch")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere.pt", "no such file; expected package.module:function"),
        ("nowhere:load", "cannot be imported"),
        ("nowhere.py:load", "no such file"),
        (":load", "which module"),
        (str(HERE / "tangermeme_nets.py"), "which function"),
        ("tangermeme_nets:missing", "has no function missing; it has"),
        ("tangermeme_nets:number", "returned int, expected torch.nn.Module"),
    ],
)
def test_model__that_cannot_be_loaded_is_explained(spec, message):
    with pytest.raises(ReadError, match=message):
        load_model(spec)


def test_file__that_is_no_model_is_explained(tmp_path):
    (tmp_path / "net.pt").write_text("weights")
    with pytest.raises(ReadError, match="cannot be loaded"):
        load_model(str(tmp_path / "net.pt"), trust_pickle=True)


def test_head__takes_one_column(sequences):
    for task in (0, 1):
        head = with_head(nets.motif(), 0, "none", task, None)
        assert torch.equal(head(sequences), nets.motif()(sequences)[:, task : task + 1])


def test_head__gives_zeros_for_controls_and_takes_one_output(sequences):
    head = with_head(nets.profile(), 1, "none", 0, None)
    assert torch.equal(head(sequences), nets.motif()(sequences)[:, :1])
    profile = nets.profile()(sequences, torch.zeros(3, 1, 60))[0]
    mean = with_head(nets.profile(), 0, "mean", 0, None)(sequences)
    assert torch.allclose(mean, profile.mean(dim=-1))
    weighted = with_head(nets.profile(), 0, "profile", 0, None)(sequences)
    logits = profile.flatten(1) - profile.flatten(1).mean(dim=1, keepdim=True)
    assert torch.allclose(weighted[:, 0], (logits * logits.softmax(dim=1)).sum(dim=1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, "none", 0, None), "--output 1: the model has one output"),
        ((0, "none", 2, None), "--task 2: the model has 2"),
    ],
)
def test_head__refuses_what_the_model_does_not_have(arguments, message, sequences):
    with pytest.raises(ReadError, match=message):
        with_head(nets.motif(), *arguments)(sequences)


def test_head__wants_positions_reduced(sequences):
    with pytest.raises(ReadError, match=r"\(3, 1, 53\), expected \(batch, tasks\).*--reduce"):
        with_head(nets.profile(), 0, "none", 0, None)(sequences)
    with pytest.raises(ReadError, match="--output 2: the model has 2"):
        with_head(nets.profile(), 2, "none", 0, None)(sequences)


def test_package__that_is_missing_is_named_with_its_extra():
    with pytest.raises(MissingDependencyError, match=r"A model needs torch.nowhere.*\[torch\]'"):
        packages.package("torch.nowhere", "A model")


def test_package__whose_results_are_wrong_is_refused(monkeypatch):
    monkeypatch.setattr(packages, "version", lambda _: "1.4.0")
    with pytest.raises(MissingDependencyError, match=r"1.6 or newer.*1.4.0 is installed"):
        packages.package("tangermeme.deep_lift_shap", "A model")
