"""What both solvers take of regions and motifs, and what they say of regions."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import create_qc
from finemo_zarr.errors import SchemaError
from finemo_zarr.sequence import NO_BASE, project

if TYPE_CHECKING:
    import xarray as xr


def codes_of(regions: "xr.Dataset") -> NDArray[np.uint8]:
    """Base codes ``(region, position)``."""
    codes: NDArray[np.uint8] = regions["region_sequence"].to_numpy()
    return codes


def projected_scores(regions: "xr.Dataset") -> NDArray[np.float32]:
    """Scores ``(region, position)`` of the bases that are there; 0 where there is none.

    Raises
    ------
    SchemaError
        If one is not finite: among the scores of a null it would silently leave no seqlets.
    """
    codes = codes_of(regions)
    scores = regions["region_contributions"].to_numpy().astype(np.float32)
    if scores.ndim == 3:
        scores = project(scores, codes)
    scores[codes == NO_BASE] = 0
    unusable = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if unusable.size:
        raise SchemaError(
            f"{unusable.size} regions have scores that are not finite, the first is number "
            f"{unusable[0]} of its block; set them to 0, as extract-regions does"
        )
    return scores


def check_mode(regions: "xr.Dataset", motifs: "xr.Dataset") -> None:
    """Refuse a mode whose scores are not there.

    The solvers read projected scores whatever the mode; but who asks for hypothetical ones should
    not believe that they were used.

    Raises
    ------
    SchemaError
        If the mode is ``ph`` or ``hh`` and the regions hold projected scores.
    """
    mode = str(motifs.attrs.get("mode", "pp"))
    if mode[1] == "h" and "base" not in regions["region_contributions"].dims:
        raise SchemaError(
            f"mode {mode} needs hypothetical scores, the regions hold projected ones; use mode pp"
        )


def core_matrices(motifs: "xr.Dataset") -> list[NDArray[np.float64]]:
    """Base probabilities ``(4, width)`` of the core of each oriented motif.

    Raises
    ------
    SchemaError
        If the motifs have none.
    """
    if "motif_ppm" not in motifs:
        raise SchemaError(
            "the motifs have no base probabilities (motif_ppm), which scanning and TOMTOM compare; "
            "give motifs from a MEME file or from TF-MoDISco, which have them"
        )
    matrices = motifs["motif_ppm"].to_numpy().astype(np.float64)
    starts, ends = motifs["motif_start"].to_numpy(), motifs["motif_end"].to_numpy()
    return [
        np.ascontiguousarray(matrix[:, start:end])
        for matrix, start, end in zip(matrices, starts, ends, strict=True)
    ]


def running_sums(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Sums ``(region, position + 1)`` of all scores before a position."""
    total = np.zeros((scores.shape[0], scores.shape[1] + 1))
    np.cumsum(scores, axis=1, dtype=np.float64, out=total[:, 1:])
    return total


def sums_within(
    scores: NDArray[Any], rows: NDArray[Any], starts: NDArray[Any], ends: NDArray[Any]
) -> NDArray[np.float64]:
    """Sum of the scores ``(region, position)`` from start to end, for each interval of a region."""
    total = running_sums(scores)
    sums: NDArray[np.float64] = total[rows, ends] - total[rows, starts]
    return sums


def region_qc(regions: "xr.Dataset", motifs: "xr.Dataset") -> "xr.Dataset":
    """Qc of a method that has no objective: the scale of each region, and nothing else.

    The scale is the one of :mod:`finemo_zarr.problem`.
    """
    if "region_scale" in regions:
        return create_qc({"scale": regions["region_scale"].to_numpy()})
    scores: NDArray[Any] = projected_scores(regions)
    if motifs.attrs["mode"][1] == "h":
        scores = regions["region_contributions"].to_numpy()
    width = max(scores.shape[-1], 1)
    scores = scores.astype(np.float64).reshape(scores.shape[0], int(np.prod(scores.shape[1:])))
    squares = np.abs(scores).sum(axis=1) if motifs.attrs["sqrt_transform"] else (scores**2).sum(1)
    return create_qc({"scale": np.sqrt(squares / width)})
