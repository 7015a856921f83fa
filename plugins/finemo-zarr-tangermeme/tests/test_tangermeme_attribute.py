"""``attribute``: the contributions are DeepLIFT's, whatever interrupts it."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from finemo_zarr_tangermeme import attribute
from finemo_zarr_tangermeme.attribute import Attribute
from tangermeme_data import stored

from finemo_zarr import create_regions, open_regions
from finemo_zarr.cli import main
from finemo_zarr.errors import ConvergenceWarning, InputWarning, ReadError, RunError
from finemo_zarr.sequence import encode, one_hot, project

torch = pytest.importorskip("torch", reason="torch is not installed (the extra [torch])")
pytest.importorskip("tangermeme", reason="tangermeme is not installed (the extra [torch])")
import tangermeme_nets as nets  # noqa: E402
from finemo_zarr_tangermeme.head import with_head  # noqa: E402

WIDTH, SEEN = 60, 100


@pytest.fixture
def letters():
    """Two chromosomes with sites."""
    rng = np.random.default_rng(2)
    chroms = {name: rng.choice(list("ACGT"), 900) for name in ("chr1", "chr2")}
    for sites in chroms.values():
        for start in range(110, 800, 100):
            sites[start : start + 8] = list(nets.SITE)
    chroms["chr2"][260] = "N"
    return {name: "".join(bases) for name, bases in chroms.items()}


@pytest.fixture
def folder(tmp_path, letters):
    """Their genome, and peaks of which one is near an end and one has an N."""
    text = "".join(f">{name}\n{bases}\n" for name, bases in letters.items())
    (tmp_path / "genome.fa").write_text(text)
    summits = [("chr1", 114), ("chr1", 20), ("chr1", 414), ("chr2", 214), ("chr2", 614)]
    lines = [
        f"{chrom}\t{summit - 10}\t{summit + 10}\tpeak{row}\t0\t.\t0\t0\t0\t10\n"
        for row, (chrom, summit) in enumerate(summits)
    ]
    (tmp_path / "peaks.narrowPeak").write_text("".join(lines))
    return tmp_path


def asked(folder, **options):
    given = {
        "model": "tangermeme_nets:motif",
        "peaks": folder / "peaks.narrowPeak",
        "fasta": folder / "genome.fa",
        "region_width": WIDTH,
        "input_width": SEEN,
        "n_shuffles": 3,
        "block": 2,
        "out_path": folder / "regions.zarr",
        "device": "cpu",
    }
    return Attribute(**(given | options))


def run(folder, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        said = asked(folder, **options).run()
    return said, open_regions(options.get("out_path", folder / "regions.zarr"))


def test_attribute__is_hypothetical_deep_lift_shap_of_the_window_that_the_model_sees(
    folder, letters
):
    from tangermeme.deep_lift_shap import deep_lift_shap

    said, regions = run(folder, seed=5)
    assert said.startswith("3 regions of 60 bp with hypothetical scores")
    places = [("chr1", 114), ("chr1", 414), ("chr2", 614)]
    windows = [letters[chrom][at - SEEN // 2 : at + SEEN // 2] for chrom, at in places]
    codes = np.stack([encode(window) for window in windows])
    expected = deep_lift_shap(
        with_head(nets.motif(), 0, "none", 0, None),
        torch.from_numpy(one_hot(codes, np.float32)),
        n_shuffles=3,
        hypothetical=True,
        random_state=5,
        device="cpu",
    ).numpy()
    inside = slice(SEEN // 2 - WIDTH // 2, SEEN // 2 + WIDTH // 2)
    np.testing.assert_array_equal(regions.region_sequence.values, codes[:, inside])
    np.testing.assert_allclose(
        regions.region_contributions.values, expected[..., inside], atol=1e-5
    )
    assert regions.region_start.values.tolist() == [84, 384, 584]
    assert regions.region_name.values.tolist() == ["peak0", "peak2", "peak4"]
    assert regions.region_id.values.tolist() == [0, 2, 4]
    assert regions.region_example.values.tolist() == [0, 1, 2]
    assert float(regions.region_attribution_delta.max()) < 1e-4


def test_attribute__does_not_depend_on_how_it_is_cut(folder, monkeypatch):
    from finemo_zarr_tangermeme import attributing

    whole = run(folder)[1].load()
    monkeypatch.setattr(attributing, "_PAIRS_AT_ONCE", 1)
    options = {"block": 1, "batch_size": 2, "out_path": folder / "cut.zarr"}
    cut = run(folder, **options)[1]
    np.testing.assert_allclose(
        cut.region_contributions.values, whole.region_contributions.values, atol=1e-5
    )


def test_attribute__names_the_regions_that_it_leaves_out(folder):
    message = r"2 of 5 regions are left out.*: peak1 \(chr1:-10-50\), peak3 \(chr2:184-244\); "
    with pytest.warns(InputWarning, match=message):
        asked(folder).run()


def test_attribute__refuses_sequences_that_all_lack_a_base(folder):
    with pytest.raises(ReadError, match="all 5 regions have positions without a base"):
        run(folder, input_width=2000)
    assert not (folder / "regions.zarr").exists()


def test_genome__in_a_folder_that_cannot_be_written_is_read(folder, monkeypatch):
    from finemo_zarr_tangermeme import peaks

    monkeypatch.setattr(peaks.os, "access", lambda *_: False)
    assert asked(folder).sequences().codes.shape == (5, SEEN)
    assert not list(folder.glob("*.fai"))


def test_mutagenesis__is_the_difference_that_each_base_makes(folder):
    _, regions = run(folder, method="ism", input_width=WIDTH)
    codes, scores = regions.region_sequence.values, regions.region_contributions.values
    head = with_head(nets.motif(), 0, "none", 0, None)
    encoded = torch.from_numpy(one_hot(codes, np.float32))
    effects = np.zeros(scores.shape)
    with torch.no_grad():
        for position in range(WIDTH):
            for base in range(4):
                changed = encoded.clone()
                changed[:, :, position] = 0
                changed[:, base, position] = 1
                effects[:, base, position] = (head(changed) - head(encoded))[:, 0]
    centred = effects - effects.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(scores, centred, atol=1e-4)
    assert "region_attribution_delta" not in regions


def test_delta__says_where_an_activation_has_no_rule(folder):
    with pytest.warns(ConvergenceWarning, match=r"3 of 3 regions.*no DeepLIFT rule.*are wrong"):
        _, regions = run(folder, model="tangermeme_nets:functional")
    projected = project(regions.region_contributions.values, regions.region_sequence.values)
    assert (regions.region_attribution_delta.values > 0.01).all()
    assert np.abs(projected).sum() > 0


def test_store__keeps_its_coordinates_and_says_which_rows_are_left(tmp_path):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (4, WIDTH)).astype(np.uint8)
    codes[1, 3] = 4
    scores = rng.normal(size=codes.shape).astype(np.float32)
    path = stored(create_regions(codes, scores), tmp_path / "given.zarr")
    out = tmp_path / "out.zarr"
    given = {"peaks": None, "fasta": None, "input_width": None, "regions": path, "out_path": out}
    with pytest.raises(RunError, match="--region-width needs --peaks"):
        asked(tmp_path, **given)
    given["region_width"] = None
    _, regions = run(tmp_path, **given)
    assert regions.region_source_row.values.tolist() == [0, 2, 3]
    np.testing.assert_array_equal(regions.region_sequence.values, codes[[0, 2, 3]])


def test_run__that_failed_goes_on_where_it_was(folder, monkeypatch):
    expected = run(folder, out_path=folder / "expected.zarr")[1].load()
    computed = []
    method = attribute.AttributionOptions.how(asked(folder))

    class Failing:
        def attribute(self, head, codes):
            computed.append(len(codes))
            if len(computed) == 2:
                raise KeyboardInterrupt
            return method.attribute(head, codes)

    monkeypatch.setattr(attribute.AttributionOptions, "how", lambda _: Failing())
    with pytest.raises(KeyboardInterrupt):
        run(folder)
    assert not (folder / "regions.zarr").exists()
    _, regions = run(folder)
    assert computed == [2, 1, 1]
    assert regions.load().drop_attrs().identical(expected.drop_attrs())
    assert not list(folder.glob(".regions.zarr*"))


def test_run__with_other_options_is_not_mixed_with_what_is_there(folder, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(attribute, "extract_regions", stop)
    with pytest.raises(KeyboardInterrupt):
        run(folder)
    monkeypatch.undo()
    with pytest.raises(RunError, match=r"earlier run with other options.*--overwrite"):
        run(folder, seed=1)
    other = folder / "genome.fa"
    text = other.read_text()
    other.write_text(text.replace(nets.SITE, nets.SITE[::-1]))
    (folder / "genome.fa.fai").unlink(missing_ok=True)
    with pytest.raises(RunError, match="earlier run with other options"):
        run(folder)
    other.write_text(text)
    (folder / "genome.fa.fai").unlink(missing_ok=True)
    assert run(folder)[0].startswith("3 regions")


_LOADS = """
import tangermeme_nets
import torch

def load():
    network = tangermeme_nets.motif()
    network.load_state_dict(torch.load("weights.pt", weights_only=True))
    return network
"""


def test_run__with_other_weights_is_not_mixed_with_what_is_there(folder, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.chdir(folder)
    Path("net.py").write_text(_LOADS)
    weights = nets.motif().state_dict()
    torch.save(weights, "weights.pt")
    with monkeypatch.context() as patched:
        patched.setattr(attribute, "extract_regions", stop)
        with pytest.raises(KeyboardInterrupt):
            run(folder, model="net.py:load")
    torch.save(weights | {"dense.bias": weights["dense.bias"] + 1}, "weights.pt")
    with pytest.raises(RunError, match="or another model, left"):
        run(folder, model="net.py:load")
    torch.save(weights, "weights.pt")
    assert run(folder, model="net.py:load")[0].startswith("3 regions")


_SLOW = """
import time
import torch
import tangermeme_nets

class Slow(tangermeme_nets.Motif):
    def forward(self, sequences):
        time.sleep(0.3)
        return super().forward(sequences)
"""


def test_run__that_was_killed_goes_on_where_it_was(folder):
    expected = run(folder, out_path=folder / "expected.zarr", block=1)[1].load()
    (folder / "slow.py").write_text(_SLOW)
    command = [
        *(sys.executable, "-m", "finemo_zarr", "attribute", "--model", "slow:Slow", "--block", "1"),
        *("-p", "peaks.narrowPeak", "-f", "genome.fa", "-w", str(WIDTH), "--device", "cpu"),
        *("--input-width", str(SEEN), "--n-shuffles", "3", "-o", "killed.zarr"),
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    options = {"cwd": folder, "env": environment, "stderr": subprocess.DEVNULL}
    first = folder / ".killed.zarr.attributions/000000.npz"
    started = subprocess.Popen(command, **options)
    until = time.monotonic() + 60
    while not first.exists() and started.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    started.send_signal(signal.SIGKILL)
    assert started.wait() == -signal.SIGKILL
    assert first.exists()
    assert not (folder / "killed.zarr").exists()
    written = first.stat().st_mtime_ns
    assert subprocess.run(command, check=False, **options).returncode == 0
    regions = open_regions(folder / "killed.zarr").load()
    np.testing.assert_array_equal(
        regions.region_contributions.values, expected.region_contributions.values
    )
    assert not first.exists()
    assert written  # the first block was there before the second run, which removes it at its end


def test_output__that_exists_is_refused_unless_it_may_be_replaced(folder):
    run(folder)
    with pytest.raises(RunError, match="exists: choose another place"):
        run(folder)
    assert run(folder, overwrite=True)[0].startswith("3 regions")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fasta": None}, "--peaks needs --fasta"),
        ({"peaks": None, "fasta": None}, "give --peaks and --fasta, or --regions"),
        ({"input_width": 50}, "--input-width 50 is less than --region-width 60"),
        ({"block": 0}, "--block is 0"),
        ({"batch_size": 0}, "--batch-size is 0"),
        ({"n_shuffles": 0}, "--n-shuffles"),
        ({"task": -1}, "count from 0"),
        ({"out_path": Path("regions")}, "must end in .zarr"),
    ],
)
def test_options__that_make_no_sense_are_refused(options, message, tmp_path):
    with pytest.raises(RunError, match=message):
        asked(tmp_path, **options)


def test_scripted_model__is_for_mutagenesis_only(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(nets.motif()), str(folder / "net.pt"))
        with pytest.raises(ReadError, match="--method ism"):
            run(folder, model=str(folder / "net.pt"))
        _, regions = run(folder, model=str(folder / "net.pt"), method="ism")
    assert regions.sizes["region"] == 3


def test_command__stands_in_the_help_and_runs(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as stopped:
        main(["attribute", "--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert "--trust-pickle" in said
    words = "attribute --model tangermeme_nets:motif -p peaks.narrowPeak -f genome.fa -w 60"
    warnings.simplefilter("ignore", InputWarning)
    with pytest.raises(SystemExit) as stopped:
        main([*words.split(), "--n-shuffles", "2", "-o", "made.zarr"])
    assert stopped.value.code == 0
    assert open_regions("made.zarr").sizes["position"] == WIDTH
