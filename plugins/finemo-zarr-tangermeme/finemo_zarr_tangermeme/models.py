"""From what a user names to a network: a function, or a file."""

import importlib
import importlib.util
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from finemo_zarr.errors import ReadError
from finemo_zarr_tangermeme.bpnet_lite import PREFIX, read_bpnet_lite
from finemo_zarr_tangermeme.packages import package

_FUNCTION = "package.module:function or path.py:function, which returns a torch.nn.Module"
_TRUST = "If you made the file yourself, or trust who did: --trust-pickle"
_WHY = {
    "pickle": "is a pickle, which can run any code when it is loaded, so it is not. Save the "
    f"weights (state_dict) and give a function that builds the network ({_FUNCTION}); a BPNet of "
    f"bpnet-lite is read without running anything: --model {PREFIX}FILE. {_TRUST}",
    "export": "is a file of torch.export, parts of which torch reads as pickles and expressions, "
    "which can run any code, so it is not loaded. Give a function that builds the network "
    f"({_FUNCTION}), or TorchScript. {_TRUST}",
}


def load_model(spec: str, *, trust_pickle: bool = False) -> tuple[Any, bool]:
    """Return a network, and whether its activations can be seen.

    Parameters
    ----------
    spec : str
        ``package.module:function``, ``path.py:function``, ``bpnet-lite:file``, or a file of
        TorchScript or ``torch.export``.
    trust_pickle : bool
        Load a pickled module or a file of ``torch.export``, too, which can run whatever code is in
        it.

    Returns
    -------
    model : torch.nn.Module
        On the CPU.
    transparent : bool
        False for a file of TorchScript or ``torch.export``: its operations are no modules, so that
        DeepLIFT cannot follow them.

    Raises
    ------
    ReadError
        If there is no such model, or it is a pickle that is not trusted.
    """
    torch = package("torch", "A model")
    if spec.startswith(PREFIX):
        file = Path(spec.removeprefix(PREFIX))
        if not file.is_file():
            raise ReadError(f"--model {spec}: no such file; expected a checkpoint of bpnet-lite")
        return read_bpnet_lite(file), True
    path, colon, function = spec.rpartition(":")
    if colon and function.isidentifier():
        return _called(torch, path, function), True
    file = Path(spec)
    if not file.is_file():
        raise ReadError(f"--model {spec}: no such file; expected {_FUNCTION}, or a file")
    if file.suffix == ".py":
        raise ReadError(
            f"--model {spec}: which function? Give {spec}:NAME, which returns the model"
        )
    return _loaded(torch, file, trust_pickle=trust_pickle)


def weights_digest(model: Any) -> str:
    """Digest of names, shapes and values of the weights of a network."""
    torch = package("torch", "A model")
    digest = blake2b(digest_size=16)
    for name, value in sorted(model.state_dict().items()):
        if isinstance(value, torch.Tensor):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.detach().cpu().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _called(torch: Any, path: str, function: str) -> Any:
    if not path:
        raise ReadError(f"--model :{function}: which module? Expected {_FUNCTION}")
    with _importing(path):
        module = _from_file(Path(path)) if path.endswith(".py") else importlib.import_module(path)
    made = getattr(module, function, None)
    if not callable(made):
        names = [name for name, value in vars(module).items() if callable(value) and name[0] != "_"]
        raise ReadError(f"--model: {path} has no function {function}; it has {', '.join(names)}")
    model = made if isinstance(made, torch.nn.Module) else made()
    if not isinstance(model, torch.nn.Module):
        raise ReadError(
            f"--model: {path}:{function} returned {type(model).__name__}, expected torch.nn.Module"
        )
    return model


@contextmanager
def _importing(path: str) -> Iterator[None]:
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    try:
        yield
    except ImportError as error:
        raise ReadError(f"--model: {path} cannot be imported: {error}") from error
    finally:
        sys.path.remove(str(Path.cwd()))


def _from_file(path: Path) -> Any:
    if not path.is_file():
        raise ReadError(f"--model: {path}: no such file; expected {_FUNCTION}")
    found = importlib.util.spec_from_file_location(f"finemo_zarr_model_{path.stem}", path)
    if found is None or found.loader is None:
        raise ReadError(f"--model: {path} is not a Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module  # dataclasses and pickles of the module look there
    found.loader.exec_module(module)
    return module


def _loaded(torch: Any, file: Path, *, trust_pickle: bool) -> tuple[Any, bool]:
    kind = _kind(file)
    if kind != "torchscript" and not trust_pickle:
        raise ReadError(f"--model {file} {_WHY[kind]}")
    try:
        if kind == "torchscript":
            return torch.jit.load(str(file), map_location="cpu"), False
        if kind == "export":
            return torch.export.load(str(file)).module(), False
        return _unpickled(torch, file), True
    except ReadError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ReadError(f"--model {file} cannot be loaded: {reason}") from error


def _kind(file: Path) -> str:
    """What is in a file, by the names of its parts."""
    if not zipfile.is_zipfile(file):
        return "pickle"
    with zipfile.ZipFile(file) as archive:
        names = {name.partition("/")[2] or name for name in archive.namelist()}
    if "constants.pkl" in names:
        return "torchscript"
    if {"archive_format", "serialized_exported_program.json"} & names:
        return "export"
    return "pickle"


def _unpickled(torch: Any, file: Path) -> Any:
    model = torch.load(file, map_location="cpu", weights_only=False)
    if not isinstance(model, torch.nn.Module):
        raise ReadError(
            f"--model {file} holds {type(model).__name__}, expected a torch.nn.Module; weights "
            f"alone are no model: give a function ({_FUNCTION}) that builds it and loads them"
        )
    return model
