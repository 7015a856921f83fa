"""Training in a process of its own, which is killed as nothing can prevent it."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from finemo_zarr_tisfm.files import load_model, state_arrays
from finemo_zarr_tisfm.path_command import TisfmPath
from finemo_zarr_tisfm.train_command import TrainTisfm

EPOCHS = 40
NAMES = {"signal": "signal.tsv", "sequences": "sequences.tsv", "motifs": "motifs.meme"}
OPTIONS = {"window_size": 60, "epochs": EPOCHS, "batch": 60, "rate": 0.02, "no_attention": True}


def run_killed(code: str, folder: Path, checkpoint: Path) -> None:
    """Run code in a process that is killed once there is a checkpoint."""
    words = [sys.executable, "-c", code]
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen(
            words, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=said, stderr=said
        )
        while not checkpoint.exists() and process.poll() is None:
            time.sleep(0.001)
        process.kill()
        assert process.wait() == -9, (folder / "said.txt").read_text()


@pytest.mark.parametrize(
    ("kind", "own", "checkpoint"),
    [
        (TrainTisfm, {"strength": 1e-3}, "checkpoint.npz"),
        (TisfmPath, {"lambdas": (1e-3,), "step_rate": 0.01}, "checkpoint_001.npz"),
    ],
)
def test_run__that_is_killed_gives_the_same_history(files, kind, own, checkpoint) -> None:
    given = OPTIONS | own | {name: files / file for name, file in NAMES.items()}
    whole, broken = (kind(**given, out=files / name) for name in ("whole", "broken"))
    module = f"from {kind.__module__} import {kind.__name__}; from pathlib import PosixPath"
    kept = files / ".broken.partial" / "run" / checkpoint
    run_killed(f"{module}; {broken!r}.run()", files, kept)
    assert not (files / "broken").exists()
    with np.load(kept) as arrays:
        assert f'"epoch": {EPOCHS}' not in str(arrays["facts"])
    broken.run()
    whole.run()
    for name in ("history.tsv", "model.json"):
        first, second = ((files / each / name).read_bytes() for each in ("whole", "broken"))
        assert first == second
    assert second.count(b"\n") > EPOCHS
    states = [state_arrays(load_model(files / name)) for name in ("whole", "broken")]
    for name, values in states[0].items():
        assert np.array_equal(values, states[1][name]), name
    with pytest.raises(Exception, match="exists already"):
        replace(broken, epochs=1).run()
