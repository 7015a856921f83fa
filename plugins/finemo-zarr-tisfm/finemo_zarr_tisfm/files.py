"""Models and arrays on disk, without pickles."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.store import write_file
from finemo_zarr_tisfm.bank import MotifBank, describe

if TYPE_CHECKING:
    from torch import nn

    from finemo_zarr_tisfm.model import TiSFM

Arrays = dict[str, NDArray[Any]]

DESCRIPTION, WEIGHTS, LOADER = "model.json", "model.safetensors", "model.py"
_FORMAT = 1
_LOADER = '''"""Loads this model: `finemo-zarr attribute --model model.py:load`."""

from pathlib import Path

from finemo_zarr_tisfm.attribution import load_for_scores


def load():
    return load_for_scores(Path(__file__).parent)
'''


def write_json(path: Path, values: Any) -> None:
    """Write values as JSON; the file appears whole."""
    write_file(path, (json.dumps(values, indent=1) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    ReadError
        If it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ReadError(
            f"{path}: no such file; is {path.parent} what train-tisfm wrote?"
        ) from error
    except (OSError, ValueError) as error:
        raise ReadError(f"{path}: damaged ({error}); train again") from error


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays to an .npz file, which appears whole."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{k: np.asarray(v) for k, v in arrays.items()})
    write_file(path, buffer.getvalue())


def read_arrays(path: Path) -> Arrays:
    """Read the arrays of an .npz file.

    Raises
    ------
    ReadError
        If it is missing or damaged.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:
        raise ReadError(f"{path}: missing or damaged ({error}); train again") from error


def state_arrays(module: "nn.Module") -> Arrays:
    """The weights of a module as arrays of their own."""
    return {
        name: value.detach().cpu().numpy().copy() for name, value in module.state_dict().items()
    }


def set_state(module: "nn.Module", arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give a module weights."""
    import torch

    module.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in arrays.items()})


def save_model(folder: Path, model: "TiSFM", facts: Mapping[str, Any] | None = None) -> None:
    """Write a model: its weights, ``model.json`` with what else it takes, and ``model.py``.

    Parameters
    ----------
    folder : Path
        Where.
    model : TiSFM
        The model.
    facts : mapping, optional
        What else is to be kept: options, numbers of the training data.
    """
    from safetensors.numpy import save

    description = {
        "format": _FORMAT,
        "window": model.window,
        "tracks": list(model.tracks),
        "motifs": describe(model.bank),
        "architecture": asdict(model.architecture),
        "facts": dict(facts or {}),
    }
    write_file(folder / WEIGHTS, save(state_arrays(model)))
    write_file(folder / LOADER, _LOADER.encode())
    write_json(folder / DESCRIPTION, description)


def _load_weights(path: Path) -> Arrays:
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except Exception as error:
        raise ReadError(f"{path}: missing or damaged ({error}); train again") from error


def read_description(folder: Path) -> dict[str, Any]:
    """Read what a model says of itself.

    Raises
    ------
    ReadError
        If it is missing, damaged, or of a newer format.
    """
    description: dict[str, Any] = read_json(folder / DESCRIPTION)
    if description.get("format") != _FORMAT:
        raise ReadError(
            f"{folder / DESCRIPTION}: format {description.get('format')}, expected {_FORMAT}; "
            "update finemo-zarr-tisfm"
        )
    return description


def load_model(folder: Path | str) -> "TiSFM":
    """Read a model that `train-tisfm` or `tisfm-path` wrote.

    Raises
    ------
    ReadError
        If a file is missing or damaged.
    """
    from finemo_zarr_tisfm.model import Architecture, TiSFM

    folder = Path(folder)
    said = read_description(folder)
    arrays = _load_weights(folder / WEIGHTS)
    motifs = said["motifs"]
    try:
        bank = MotifBank(
            tuple(motifs["names"]),
            arrays["motifs.kernels"].astype(np.float64),
            np.array(motifs["starts"], dtype=np.int64),
            np.array(motifs["widths"], dtype=np.int64),
        )
        made = Architecture(**said["architecture"])
        model = TiSFM(bank, said["window"], tuple(said["tracks"]), made)
        set_state(model, arrays)
    except (KeyError, TypeError, RuntimeError) as error:
        raise ReadError(
            f"{folder}: weights and {DESCRIPTION} do not belong together ({error})"
        ) from error
    return model.eval()
