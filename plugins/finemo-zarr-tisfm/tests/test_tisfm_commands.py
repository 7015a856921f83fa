from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from finemo_zarr_tisfm import path_training, training
from finemo_zarr_tisfm.evaluate_command import EvaluateTisfm
from finemo_zarr_tisfm.evaluation import score_tracks
from finemo_zarr_tisfm.files import load_model, read_description
from finemo_zarr_tisfm.path_command import TisfmPath
from finemo_zarr_tisfm.path_training import chosen
from finemo_zarr_tisfm.readouts import open_readouts, open_store
from finemo_zarr_tisfm.train_command import TrainTisfm
from finemo_zarr_tisfm.training import predict

from finemo_zarr.cli.app import app
from finemo_zarr.errors import InputWarning, ReadError, RunError, SchemaError
from finemo_zarr.protocols import Command
from finemo_zarr.testing import write_meme

SMALL = {"window_size": 60, "epochs": 4, "batch": 60, "rate": 0.02, "no_attention": True}


@pytest.fixture
def given(files):
    names = {"signal": "signal.tsv", "sequences": "sequences.tsv", "motifs": "motifs.meme"}
    return SMALL | {name: files / file for name, file in names.items()}


def interrupt_after(monkeypatch, count: int) -> None:
    """Let the training be killed in its epoch number `count`, of whatever model."""
    left = [count]
    train = training.Trainer._train  # noqa: SLF001

    def interrupted(self, epoch):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return train(self, epoch)

    monkeypatch.setattr(training.Trainer, "_train", interrupted)


def test_train__writes_a_model_its_history_and_readouts(given, files, data) -> None:
    command = TrainTisfm(**given, out=files / "model")
    assert isinstance(command, Command)
    assert "4 epochs, validation error" in command.run()
    history = pl.read_csv(files / "model" / "history.tsv", separator="\t")
    assert history["epoch"].to_list() == [1, 2, 3, 4]
    assert history["train_error"][-1] < history["train_error"][0]
    model = load_model(files / "model")
    rows = data.rows("train")
    read = open_readouts(files / "model")
    assert read["motif"].values.tolist() == list(model.motif_names)
    assert read["importance"].dims == ("motif", "track")
    assert read["weight"].attrs["long_name"]
    weight = model.linear.weight.detach().numpy().T
    np.testing.assert_allclose(read["weight"], weight, rtol=1e-6)
    assert predict(model, data.codes[rows]).shape == (len(rows), 2)
    with pytest.raises(RunError, match="exists already"):
        command.run()
    again = replace(command, overwrite=True, start_from=files / "model", epochs=1)
    assert "1 epochs" in again.run()
    assert read_description(files / "model")["facts"]["training"]["epochs"] == 1


def test_train__from_a_model_takes_its_motifs_and_layers(given, files, motifs) -> None:
    first = TrainTisfm(**given | {"epochs": 1}, out=files / "model")
    first.run()
    again = replace(first, motifs=None, no_attention=False, start_from=files / "model")
    again = replace(again, out=files / "again")
    again.run()
    facts = [read_description(files / name)["facts"] for name in ("model", "again")]
    assert facts[0]["motifs"] == facts[1]["motifs"] is not None
    for wrong, flag in (({"pooling": "max"}, "--pooling"), ({"spare": 1}, "--spare")):
        with pytest.raises(SchemaError, match=f"{flag}: the model .* has other layers"):
            replace(again, **wrong, overwrite=True).run()
    with pytest.raises(ReadError, match="gone"):
        replace(again, motifs=files / "gone.meme", overwrite=True).run()
    write_meme(motifs.isel(motif=slice(2)), files / "other.meme")
    with pytest.raises(SchemaError, match=r"other\.meme: other motifs than those"):
        replace(again, motifs=files / "other.meme", overwrite=True).run()
    with pytest.raises(ValueError, match="give motifs"):
        replace(first, motifs=None)


def test_train__killed_and_restarted_gives_the_same(given, files, monkeypatch) -> None:
    whole, broken = (TrainTisfm(**given, out=files / name) for name in ("whole", "broken"))
    whole.run()
    with monkeypatch.context() as patch:
        interrupt_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            broken.run()
    assert not (files / "broken").exists()
    interrupt_after(monkeypatch, 2)  # so that it fails unless two epochs were kept
    broken.run()
    for name in ("history.tsv", "model.json"):
        assert (files / "whole" / name).read_bytes() == (files / "broken" / name).read_bytes()
    assert open_readouts(files / "whole").equals(open_readouts(files / "broken"))
    assert not list(files.glob(".*partial"))


def test_train__names_a_track_that_is_constant(given, files) -> None:
    table = pl.read_csv(files / "signal.tsv", separator="\t").with_columns(T=pl.lit(0.1))
    table.write_csv(files / "signal.tsv", separator="\t")
    command = TrainTisfm(**given | {"epochs": 1}, out=files / "model")
    with pytest.warns(InputWarning, match="the signal of T is the same in all"):
        command.run()
    assert read_description(files / "model")["facts"]["signal_sd"][1] == 0


def test_path__is_resumed_and_chooses_the_best(given, files, monkeypatch) -> None:
    options = {"lambdas": (0.3, 0.003), "penalty": "mcp", "concavity": 2.0}
    whole = TisfmPath(**given, **options, out=files / "whole")
    said = whole.run()
    broken = replace(whole, out=files / "broken")
    with monkeypatch.context() as patch:
        interrupt_after(patch, 7)
        with pytest.raises(KeyboardInterrupt):
            broken.run()
    (files / ".broken.partial" / "broken" / "lambda_003").mkdir()
    interrupt_after(monkeypatch, 5)
    assert broken.run().replace("broken", "whole") == said
    table = pl.read_csv(files / "broken" / "path.tsv", separator="\t")
    assert table["lambda"].to_list() == [0, 0.003, 0.3]
    store = open_store(files / "broken" / "path.zarr")
    assert store["weight"].dims == ("lambda", "track", "motif")
    nonzero = (store["weight"].values != 0).sum(axis=(1, 2)).tolist()
    assert nonzero == table["nonzero_weights"].to_list()
    assert nonzero[0] == 14
    np.testing.assert_allclose(
        store["validation_error_by_track"].mean("track"), table["validation_error"], rtol=1e-5
    )
    for index in range(3):
        read = open_readouts(files / "broken" / f"lambda_{index:03d}")
        assert np.array_equal(read["importance"].values.T, store["importance"].values[index])
    assert not (files / "broken" / "lambda_003").exists()  # of a path that was longer
    top = open_readouts(files / "broken")
    chosen_one = store.sel({"lambda": store.attrs["best_lambda"]})
    assert np.array_equal(top["weight"].values.T, chosen_one["weight"].values)
    best = table["lambda"][int(table["validation_error"].arg_min())]
    assert store.attrs["best_lambda"] == best
    trained = read_description(files / "broken" / "lambda_002")["facts"]["training"]
    assert (trained["strength"], trained["concavity"], trained["rate"]) == (0.3, 2.0, 0.002)


def test_path__chooses_what_is_asked(given, files, monkeypatch) -> None:
    monkeypatch.setattr(path_training, "chosen", lambda *_: (0, 2))
    for choose, row in (("least", 0), ("simplest", 2)):
        out = files / choose
        said = TisfmPath(**given, lambdas=(0.003, 0.3), choose=choose, out=out).run()
        lines = said.splitlines()
        assert lines[0].endswith("weights   least error")
        assert lines[1].endswith("weights")
        assert lines[2].endswith("weights   simplest within its standard error")
        assert lines[2].startswith("lambda_002: 0.3 ")
        assert lines[3] == f"model ({choose}): {out}"
        kept = open_readouts(out / f"lambda_{row:03d}")
        assert open_readouts(out).equals(kept)
        assert read_description(out)["facts"]["training"]["strength"] == (0, None, 0.3)[row]
        facts = read_description(out)["facts"]
        assert (facts["best_lambda"], facts["simplest_lambda"]) == (0, 0.3)


def test_chosen__prefers_the_stronger_penalty() -> None:
    assert chosen([3.0, 1.0, 1.0, 1.05, 2.0], [0.1] * 5) == (2, 3)


def test_evaluate__gives_tables_of_errors_and_motifs(given, files, data) -> None:
    TrainTisfm(**given | {"epochs": 15}, out=files / "model").run()
    said = EvaluateTisfm(model=files / "model", out=files / "out").run()
    assert said.splitlines()[0] == "36 regions (test)"
    scores = pl.read_csv(files / "out" / "evaluation.tsv", separator="\t")
    assert scores["track"].to_list() == ["all tracks", "B", "T"]
    predicted = pl.read_csv(files / "out" / "predictions.tsv", separator="\t")
    rows = [data.names.index(name) for name in predicted["region"]]
    errors = (predicted["B"].to_numpy() - data.signal[rows, 0]) ** 2
    assert scores["mse"][1] == pytest.approx(errors.mean(), rel=1e-4)
    expected = np.corrcoef(predicted["B"], data.signal[rows, 0])[0, 1]
    assert scores["pearson"][1] == pytest.approx(expected, rel=1e-4)
    importance = pl.read_csv(files / "out" / "importance.tsv", separator="\t")
    assert importance.columns == ["track", "rank", "motif", "weight", "importance"]
    assert importance["rank"][:3].to_list() == [1, 2, 3]
    assert pl.read_csv(files / "out" / "interactions.tsv", separator="\t").height > 0
    store = open_store(files / "out" / "evaluation.zarr")
    assert store["predicted"].dims == store["signal"].dims == ("region", "track")
    assert store["region"].values.tolist() == predicted["region"].to_list()
    np.testing.assert_allclose(store["signal"], data.signal[rows], rtol=1e-6)
    np.testing.assert_allclose(store["pearson"], scores["pearson"][1:], rtol=1e-5)
    read = open_readouts(files / "model")
    sums = (store["occupancy"] * store["gate"]).values @ read["weight"].values
    np.testing.assert_allclose(sums + read["track_bias"].values, store["predicted"], atol=1e-4)
    assert all(variable.attrs["long_name"] for variable in store.data_vars.values())
    other = EvaluateTisfm(
        model=files / "model",
        out=files / "all",
        part="all",
        signal=given["signal"],
        sequences=given["sequences"],
        window_size=60,
    )
    assert "240 regions (all)" in other.run()
    unsplit = replace(other, part=None, window_size=None, overwrite=True)
    assert "240 regions (all)" in unsplit.run()
    assert "24 regions (test)" in replace(unsplit, test_share=0.1).run()
    with pytest.raises(RunError, match="--part test: the data are not split"):
        replace(unsplit, part="test").run()
    with pytest.raises(RunError, match="--test-chroms: without data, those of the training"):
        EvaluateTisfm(model=files / "model", out=files / "x", test_chroms=("chr1",)).run()
    with pytest.raises(RunError, match="not clear from --regions: give -s with"):
        EvaluateTisfm(model=files / "model", out=files / "x", regions=files).run()
    header = (files / "signal.tsv").read_text().replace("\tT\n", "\tNK\n", 1)
    (files / "signal.tsv").write_text(header)
    with pytest.raises(SchemaError, match="the names differ"):
        replace(other, overwrite=True).run()


def test_scores__of_all_tracks_leave_out_a_constant_one() -> None:
    signal = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    scores = score_tracks(signal + np.array([0.0, 0.5]), signal, ("B", "T"))
    assert scores["pearson"][0] == scores["pearson"][1] == pytest.approx(1)
    assert np.isnan(scores["pearson"][2])
    assert scores["mse"][0] == pytest.approx(0.125)
    none = score_tracks(signal[:, 1:], signal[:, 1:], ("T",))
    assert np.isnan(none["spearman"][0])


def test_evaluate__scales_other_data_as_those_of_the_training(given, files, data) -> None:
    TrainTisfm(**given | {"epochs": 1, "zscore": True}, out=files / "model").run()
    facts = read_description(files / "model")["facts"]
    np.testing.assert_allclose(facts["signal_sd"], 1, rtol=1e-5)
    other = EvaluateTisfm(
        model=files / "model",
        out=files / "out",
        part="all",
        signal=given["signal"],
        sequences=given["sequences"],
        window_size=60,
    )
    other.run()
    signal = open_store(files / "out" / "evaluation.zarr")["signal"].values
    expected = (data.signal - facts["scaling"]["mean"]) / facts["scaling"]["sd"]
    np.testing.assert_allclose(signal, expected, atol=1e-5)
    with pytest.raises(SchemaError, match="tracks were scaled"):
        data.scaled([0.0], [1.0])


def test_stores__that_are_not_there_are_named(files) -> None:
    with pytest.raises(ReadError, match=r"readouts\.zarr: no such store"):
        open_readouts(files)


def test_variants__train_and_are_read(given, files) -> None:
    for layers in (
        {"no_interaction": True, "pooling": "mean"},
        {"no_attention": False, "no_sigmoid": True, "pooling": "max", "spare": 0},
    ):
        command = TrainTisfm(**given | layers | {"epochs": 1}, out=files / "v", overwrite=True)
        command.run()
        read = open_readouts(files / "v")
        assert ("interaction_weight" in read) == ("no_interaction" not in layers)
        assert ("position_weight" in read) == ("no_attention" in layers)
        EvaluateTisfm(model=files / "v", out=files / "o", overwrite=True).run()


def test_options__that_make_no_sense_are_refused(given, files) -> None:
    for wrong, message in (
        ({}, "either --lambdas or"),
        ({"lambdas": (1.0,), "lambda_range": (1.0, 2.0, 3.0)}, "either --lambdas or"),
        ({"lambda_range": (1.0, 2.0)}, "three numbers"),
        ({"lambda_range": (0.0, 2.0, 3.0)}, "0 < least"),
        ({"lambda_range": (0.1, 2.0, float("inf"))}, "0 < least"),
        ({"lambdas": (-1.0,)}, "-1.0 is no strength"),
        ({"lambdas": (1.0, float("nan"))}, "nan is no strength"),
        ({"lambdas": (1.0,), "step_rate": 0.0}, "--step-lr is 0.0"),
        ({"lambdas": (1.0,), "step_rate": -1.0}, "--step-lr is -1.0"),
        ({"lambdas": (1.0,), "strength": 1.0}, "--lambda is for one model"),
    ):
        with pytest.raises(ValueError, match=message):
            TisfmPath(**given, **wrong, out=files / "path")
    path = TisfmPath(**given, lambda_range=(0.1, 0.4, 3.0), out=files / "p")
    np.testing.assert_allclose(path.strengths(), [0, 0.1, 0.2, 0.4])
    np.testing.assert_allclose(replace(path, linear=True).strengths(), [0, 0.1, 0.25, 0.4])
    with pytest.raises(ValueError, match="--spare"):
        TrainTisfm(**given, out=files / "model", spare=-1)


def test_commands__are_on_the_command_line(given, files) -> None:
    for name, flag in (
        ("train-tisfm", "--mcp-b"),
        ("tisfm-path", "--lambda-range"),
        ("evaluate-tisfm", "--part"),
    ):
        shown = CliRunner().invoke(app, [name, "--help"])
        assert flag in shown.output
    words = ["train-tisfm", "-m", given["motifs"], "-s", given["signal"], "--sequences"]
    words += [given["sequences"], "--window-size", 60, "--epochs", 1, "--no-attention"]
    done = CliRunner().invoke(app, [*map(str, words), "-o", str(files / "cli")])
    assert done.exit_code == 0, done.output
    assert (files / "cli" / "model.json").exists()
