from dataclasses import replace

import numpy as np
import pytest
from finemo_zarr_tisfm.files import state_arrays
from finemo_zarr_tisfm.fitting import FitOptions, find_device, fit_options
from finemo_zarr_tisfm.groups import parameter_groups
from finemo_zarr_tisfm.readouts import pooled
from finemo_zarr_tisfm.training import Trainer, predict

from finemo_zarr.errors import ReadError, RunError

QUICK = FitOptions(epochs=6, batch=50, rate=0.01)


def train(make_model, data, options, checkpoint=None, stop=None, **layers):
    """Train; kill it after `stop` epochs."""
    model = make_model(attention=False, **layers)
    trainer = Trainer(model, data, options, checkpoint)

    def report(row) -> None:
        if row["epoch"] == stop:
            raise KeyboardInterrupt

    trainer.run(report)
    return trainer


def test_run__goes_on_as_if_nothing_had_happened(make_model, data, tmp_path) -> None:
    options = replace(QUICK, patience=0, strength=0.01)
    undisturbed = train(make_model, data, options)
    path = tmp_path / "checkpoint.npz"
    for stop in (2, 5):
        with pytest.raises(KeyboardInterrupt):
            train(make_model, data, options, path, stop)
    again = train(make_model, data, options, path)
    assert again.history == undisturbed.history
    assert len({row["learning_rate"] for row in again.history}) > 1
    for name, values in state_arrays(undisturbed.model).items():
        assert np.array_equal(values, state_arrays(again.model)[name]), name


def test_run__begins_anew_with_other_options(make_model, data, tmp_path) -> None:
    path = tmp_path / "checkpoint.npz"
    with pytest.raises(KeyboardInterrupt):
        train(make_model, data, QUICK, path, 2)
    other = replace(QUICK, rate=0.02, epochs=3)
    again = train(make_model, data, other, path)
    assert again.history == train(make_model, data, other).history
    path.write_bytes(b"no checkpoint")
    with pytest.raises(ReadError, match="damaged"):
        train(make_model, data, other, path)


def test_run__learns_what_drives_the_signal(bank, data) -> None:
    from finemo_zarr_tisfm.model import Architecture, TiSFM
    from finemo_zarr_tisfm.readouts import readouts

    model = TiSFM(bank, 60, data.tracks, Architecture(attention=False, calibration_power=50))
    trainer = Trainer(model, data, FitOptions(epochs=40, batch=50, rate=0.03))
    history = trainer.run()
    test = data.rows("test")
    error = ((predict(model, data.codes[test]) - data.signal[test]) ** 2).mean(axis=0)
    assert (error < 0.7 * data.signal[test].var(axis=0)).all()
    assert min(row["validation_error"] for row in history) < 0.7 * history[0]["validation_error"]
    found = readouts(model, data.codes)
    assert found["rank"].values[[0, 1], [0, 1]].tolist() == [1, 1]
    assert found["importance"].values[0, 0] > 0 > found["importance"].values[1, 1]


def test_run__leaves_the_model_at_its_best(make_model, data) -> None:
    trainer = train(make_model, data, replace(QUICK, rate=0.5))
    rows = data.rows("validation")
    error = ((predict(trainer.model, data.codes[rows]) - data.signal[rows]) ** 2).mean()
    best = min(row["validation_error"] for row in trainer.history)
    assert error == pytest.approx(best, rel=1e-5)


def test_run__of_a_warm_start_is_best_where_it_was_penalised(make_model, data) -> None:
    options = replace(QUICK, strength=2.0, penalty="l1", units="importance", rate=0.003)
    trainer = train(make_model, data, options)
    rows = trainer.history
    best = min(rows, key=lambda row: row["validation_error"] + row["penalty"])
    assert best["epoch"] > 1
    assert best["penalty"] < rows[0]["penalty"]
    assert int((trainer.model.linear.weight != 0).sum()) == best["nonzero_weights"]


def test_units__are_the_spreads_of_what_is_weighted(make_model, data) -> None:
    model = make_model(attention=False)
    options = replace(QUICK, strength=1, units="importance", penalised=("linear", "interaction"))
    others, gates, linear = parameter_groups(model, options, data.codes)
    assert gates["params"][0] is model.interaction.linear.weight
    occupancy, gate = pooled(model, data.codes)
    expected = (occupancy * gate).std(axis=0)
    np.testing.assert_allclose(linear["unit"], np.maximum(expected, expected.max() / 100), 1e-5)
    assert not others.get("penalised")
    raw = parameter_groups(model, replace(options, units="weight"), data.codes)
    assert raw[2]["unit"] == 1


def test_run__that_diverges_says_so(make_model, data) -> None:
    bad = replace(data, signal=data.signal * np.float32(1e30))
    with pytest.raises(RunError, match="smaller rate"):
        train(make_model, bad, QUICK)


def test_run__stops_early_at_the_least_rate(make_model, data) -> None:
    options = replace(QUICK, epochs=50, rate=1e-6, patience=0, early_stopping=True)
    trainer = train(make_model, data, replace(options, batch=500))
    assert len(trainer.history) < 50
    assert trainer.rate == pytest.approx(1e-7)


def test_run__trains_one_epoch_where_the_rate_is_the_least(make_model, data) -> None:
    options = replace(QUICK, epochs=5, rate=1e-7, early_stopping=True)
    assert len(train(make_model, data, options).history) == 1


def test_rate__falls_as_far_as_it_is_asked_to(make_model, data) -> None:
    options = replace(QUICK, epochs=9, rate=1e-7, patience=0, early_stopping=True, least_rate=1e-9)
    assert train(make_model, data, replace(options, batch=500)).rate == pytest.approx(1e-9)


@pytest.mark.parametrize("layers", [{"interaction": False}, {}])
def test_penalty__of_what_does_not_learn_is_refused(make_model, data, layers) -> None:
    options = replace(QUICK, penalised=("interaction",), learn="last" if not layers else "usual")
    with pytest.raises(RunError, match="--penalise interaction: nothing of that learns"):
        train(make_model, data, options, **layers)


def test_penalty__sets_weights_to_zero(make_model, data) -> None:
    options = replace(
        QUICK, epochs=3, strength=10, penalty="l1", penalised=("linear", "interaction")
    )
    trainer = train(make_model, data, options)
    assert trainer.history[-1]["nonzero_weights"] == 0
    weights = state_arrays(trainer.model)
    assert not weights["interaction.linear.weight"].any()
    assert weights["interaction.linear.bias"].any()


@pytest.mark.parametrize("learn", ["usual", "all", "last"])
def test_learn__says_which_layers_change(make_model, data, learn) -> None:
    model = make_model(attention=False)
    before = state_arrays(model)
    Trainer(model, data, replace(QUICK, epochs=1, learn=learn)).run()
    after = state_arrays(model)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert {"linear.weight", "linear.bias"} <= changed
    assert ("motifs.kernels" in changed) == (learn == "all")
    assert ("motifs.scale" in changed) == (learn != "last")


def test_options__are_checked() -> None:
    for wrong in (
        {"epochs": 0},
        {"rate": 0.0},
        {"strength": -1.0},
        {"strength": float("nan")},
        {"rate": float("inf")},
        {"seed": -1},
        {"concavity": 0.0},
    ):
        with pytest.raises(ValueError, match=r"expected|must"):
            FitOptions(**wrong)
    assert fit_options(QUICK, rate=0.5) == replace(QUICK, rate=0.5)
    assert find_device("cpu") == "cpu"
    with pytest.raises(RunError, match="--device quantum"):
        find_device("quantum")
