"""Networks of bpnet-lite, from what its training leaves, without running what is in the file."""

import pickle
import warnings
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import is_zipfile

from finemo_zarr.errors import InputWarning, ReadError
from finemo_zarr_tangermeme.packages import package

PREFIX = "bpnet-lite:"
_TENSORS = {
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch", "Size"),
    ("collections", "OrderedDict"),
    ("builtins", "set"),
}

_UNREADABLE = (
    OSError,
    RuntimeError,
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    TypeError,
    ValueError,
)


class Inert(dict[Any, Any]):
    """Stands for an object of any class: keeps its attributes and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) == 2:  # attributes, slots
            state = state[0]
        self.__dict__.update(state if isinstance(state, dict) else {})


class _Unpickler(pickle.Unpickler):
    """Builds tensors and plain values; every class and function else becomes :class:`Inert`."""

    def find_class(self, module: str, name: str) -> Any:
        storage = module == "torch" and name.endswith("Storage")
        if storage or (module, name) in _TENSORS:
            return super().find_class(module, name)
        return Inert


def _load(file: Any, **options: Any) -> Any:
    return _Unpickler(file, **options).load()


def read_bpnet_lite(file: Path) -> Any:
    """Build the network of a checkpoint of bpnet-lite.

    Parameters
    ----------
    file : Path
        Saved by ``torch.save``: a BPNet, or its weights alone (``state_dict``).

    Returns
    -------
    torch.nn.Module
        Profile logits ``(batch, strands, length)`` and log counts ``(batch, 1)``, with control
        tracks of zero.

    Raises
    ------
    ReadError
        If the file cannot be read, or holds another network.
    """
    torch = package("torch", "A model")
    if not is_zipfile(file):
        raise ReadError(
            f"--model {PREFIX}{file} is no checkpoint of torch 1.6 or newer; save it again with "
            "torch.save"
        )
    pickles = ModuleType("inert_pickle")
    vars(pickles).update(Unpickler=_Unpickler, load=_load)
    try:
        found = torch.load(file, map_location="cpu", weights_only=False, pickle_module=pickles)
        weights = dict(found) if not isinstance(found, Inert) else _weights(found)
        trimming = getattr(found, "trimming", None)
        known = isinstance(trimming, int)
        network = _network_class()(weights, trimming if known else None)
    except (
        OSError,
        RuntimeError,
        pickle.UnpicklingError,
        EOFError,
        TypeError,
        ValueError,
    ) as error:
        reason = " ".join(str(error).split())[:300]
        raise ReadError(f"--model {PREFIX}{file} cannot be read: {reason}") from error
    except KeyError as error:
        raise ReadError(
            f"--model {PREFIX}{file}: no {error.args[0]} in it, so that it is no BPNet of "
            "bpnet-lite; give a function that builds the network and loads the weights"
        ) from error
    if not known:
        _warn_of_trimming(file, network.trimming)
    return network


def _warn_of_trimming(file: Path, trimming: int) -> None:
    warnings.warn(
        f"--model {PREFIX}{file} has weights alone, which do not say how much shorter than its"
        f" input the profile is: {trimming} bp at each end are assumed, by the number of layers, as"
        " in bpnet-lite unless it was told otherwise; else give the whole model, which says it",
        InputWarning,
        stacklevel=4,
    )


def _weights(module: Any, prefix: str = "") -> dict[str, Any]:
    """The parameters of a module and of what is in it, by their dotted names."""
    found = {
        f"{prefix}{name}": value
        for name, value in getattr(module, "_parameters", {}).items()
        if value is not None
    }
    for name, child in getattr(module, "_modules", {}).items():
        found |= _weights(child, f"{prefix}{name}.")
    return found


@lru_cache
def _network_class() -> Any:
    """Define the class once torch is there."""
    import torch
    from torch import nn

    def convolution(weight: Any, bias: Any, dilation: int = 1) -> Any:
        layer = nn.Conv1d(
            weight.shape[1], weight.shape[0], weight.shape[2], padding="same", dilation=dilation
        )
        layer.load_state_dict({"weight": weight, "bias": bias})
        return layer

    class BPNet(nn.Module):
        """Residual convolutions of doubling reach; controls of zero leave both heads as they are.

        DeepLIFT follows modules: each activation is one, not a function.
        """

        def __init__(self, weights: dict[str, Any], trimming: int | None) -> None:
            super().__init__()
            count = sum(name.startswith("rconvs.") and name.endswith("weight") for name in weights)
            self.trimming = 2**count if trimming is None else trimming
            self.iconv = convolution(weights["iconv.weight"], weights["iconv.bias"])
            self.rconvs = nn.ModuleList(
                convolution(
                    weights[f"rconvs.{index}.weight"],
                    weights[f"rconvs.{index}.bias"],
                    2 ** (index + 1),
                )
                for index in range(count)
            )
            self.activations = nn.ModuleList(nn.ReLU() for _ in range(count + 1))
            filters = self.iconv.out_channels
            wide = weights["fconv.weight"][:, :filters]
            bias = weights.get("fconv.bias", torch.zeros(len(wide)))
            self.fconv = convolution(wide, bias)
            self.linear = nn.Linear(filters, 1)
            dense = weights["linear.weight"][:, :filters]
            self.linear.load_state_dict(
                {"weight": dense, "bias": weights.get("linear.bias", torch.zeros(1))}
            )

        def forward(self, sequences: Any) -> tuple[Any, Any]:
            first, last = self.trimming, sequences.shape[-1] - self.trimming
            hidden = self.activations[0](self.iconv(sequences))
            for layer, activation in zip(self.rconvs, self.activations[1:], strict=True):
                hidden = hidden + activation(layer(hidden))
            profile = self.fconv(hidden)[..., first:last]
            around = hidden[..., max(first - 37, 0) : last + 37]
            return profile, self.linear(around.mean(dim=-1))

    return BPNet
