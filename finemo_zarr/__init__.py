"""Motif instances from neural-network contribution scores.

The names below are loaded on first use, so that importing the package is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from finemo_zarr.errors import FinemoError as FinemoError

_HOME = {
    "FinemoError": "errors",
    "create_regions": "model",
    "create_motifs": "model",
    "create_hits": "model",
    "create_qc": "model",
    "validate": "model",
    "hookimpl": "hookspecs",
    "option": "protocols",
    "HitsAndQC": "protocols",
    "MotifOptions": "motifs",
    "prepare_motifs": "motifs",
    "combine_motifs": "motifs",
    "get_reader": "registry",
    "get_solver": "registry",
    "read_motifs": "registry",
    "open_regions": "store",
    "open_hits": "store",
    "extract_regions": "execution",
    "call_hits": "execution",
    "CallOptions": "execution",
    "CallJob": "execution",
    "DecoyOptions": "decoys",
    "write_tables": "export",
    "export_hits": "export",
    "ExportOptions": "export",
    "summarise": "evaluation",
    "evaluate": "evaluation",
    "make_report": "report",
}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    try:
        home = _HOME[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
