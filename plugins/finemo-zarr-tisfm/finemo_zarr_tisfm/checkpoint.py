"""How far a training is, in a file."""

import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch  # noqa: TID253
from numpy.typing import NDArray

from finemo_zarr_tisfm.files import Arrays, read_arrays, write_arrays


def run_key(options: Any, arrays: Iterable[NDArray[Any]]) -> str:
    """What a run is of: with other options or arrays, it is another run."""
    digest = blake2b(json.dumps(options, sort_keys=True).encode(), digest_size=16)
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


def keep(
    path: Path,
    facts: Mapping[str, Any],
    groups: Mapping[str, Arrays],
    optimiser: torch.optim.Optimizer,
) -> None:
    """Write facts, groups of arrays, and what an optimiser knows; the file appears whole."""
    arrays = {f"{group}/{name}": v for group, own in groups.items() for name, v in own.items()}
    for index, state in optimiser.state_dict()["state"].items():
        arrays |= {f"adam/{index}/{name}": value.cpu().numpy() for name, value in state.items()}
    write_arrays(path, arrays | {"facts": np.array(json.dumps(dict(facts)))})


def resume(path: Path, key: str) -> tuple[dict[str, Any], dict[str, Arrays]] | None:
    """Read facts and groups of arrays; None if there are none, or of another run.

    Raises
    ------
    ReadError
        If the file is damaged.
    """
    if not path.exists():
        return None
    arrays = read_arrays(path)
    facts: dict[str, Any] = json.loads(str(arrays.pop("facts")))
    if facts["key"] != key:
        return None
    groups: dict[str, Arrays] = {}
    for name, values in arrays.items():
        group, _, own = name.partition("/")
        groups.setdefault(group, {})[own] = values
    return facts, groups


def restore(optimiser: torch.optim.Optimizer, rate: float, arrays: Arrays) -> None:
    """Give an optimiser back what it knew, and its rate."""
    groups = optimiser.state_dict()["param_groups"]
    for group in groups:
        group["lr"] = rate
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in arrays.items():
        index, _, key = name.partition("/")
        state.setdefault(int(index), {})[key] = torch.from_numpy(value)
    optimiser.load_state_dict({"state": state, "param_groups": groups})
