"""A trained model as `attribute` and `marginalize` take it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finemo_zarr.errors import MissingDependencyError

if TYPE_CHECKING:
    from torch import nn


def with_products(model: "nn.Module") -> "nn.Module":
    """Replace the products of a model by those that tangermeme has a rule for, in place.

    Raises
    ------
    MissingDependencyError
        If tangermeme is not installed.
    """
    try:
        from tangermeme.deep_lift_shap import BilinearOp  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingDependencyError(
            f"contribution scores of a tiSFM need tangermeme 1.5 or newer ({error}): "
            "pip install 'finemo-zarr-tisfm[attribute]'"
        ) from error
    from finemo_zarr_tisfm.layers import Product

    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Product):
                setattr(module, name, BilinearOp(child.equation))
    return model


def load_for_scores(folder: Path) -> Any:
    """Load a trained model for contribution scores.

    Parameters
    ----------
    folder : Path
        Folder that `train-tisfm` or `tisfm-path` wrote; its ``model.py`` calls this.

    Returns
    -------
    torch.nn.Module
        From one-hot sequences ``(batch, 4, position)`` to signal ``(batch, track)``.

    Raises
    ------
    ReadError
        If it cannot be read.
    MissingDependencyError
        If tangermeme is not installed.
    """
    from finemo_zarr_tisfm.files import load_model

    return with_products(load_model(folder)).eval()
