"""What of a model learns, and what of that is penalised."""

from typing import Any

import torch  # noqa: TID253
from torch import nn  # noqa: TID253

from finemo_zarr.errors import RunError
from finemo_zarr_tisfm.fitting import FitOptions
from finemo_zarr_tisfm.model import TiSFM
from finemo_zarr_tisfm.readouts import spreads


def parameter_groups(model: TiSFM, options: FitOptions, codes: Any) -> list[dict[str, Any]]:
    """Groups for :class:`finemo_zarr_tisfm.prox.ProximalAdam`; what is not in one does not learn.

    Parameters
    ----------
    model : TiSFM
        The model.
    options : FitOptions
        What learns, and what is penalised in which units.
    codes : array of uint8, ``(region, position)``
        Regions, over which the units are found.

    Raises
    ------
    RunError
        If of the layers that are to be penalised none learns.
    """
    units: dict[str, Any] = {}
    if options.strength and options.units == "importance":
        units = spreads(model, codes)
    model.motifs.kernels.requires_grad_(options.learn == "all")
    others: list[nn.Parameter] = []
    penalised: list[dict[str, Any]] = []
    for name, parameter in model.named_parameters():
        layer, _, kind = name.rpartition(".")
        if options.learn == "last":
            parameter.requires_grad_(layer == "linear")
        if not (parameter.requires_grad and parameter.numel()):
            continue
        if kind == "weight" and layer.split(".")[0] in options.penalised:
            unit = torch.as_tensor(units.get(layer, 1.0), device=parameter.device)
            penalised.append({"params": [parameter], "penalised": True, "unit": unit})
        else:
            others.append(parameter)
    if options.penalised and not penalised:
        raise RunError(
            f"--penalise {' '.join(options.penalised)}: nothing of that learns; leave it out, or"
            " --no-interaction or --learn last"
        )
    return [{"params": others}, *penalised]
