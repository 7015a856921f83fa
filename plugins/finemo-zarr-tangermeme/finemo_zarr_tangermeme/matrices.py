"""Base probabilities of motifs, from files of any kind, and sites made of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import combine_motifs, read_motifs
from finemo_zarr.errors import ReadError, SchemaError
from finemo_zarr.motifs import trim_core

_TRIM = {"log-odds": 0.0}


def read_matrices(
    paths: Sequence[Path], trim: float | None, widest: int
) -> dict[str, NDArray[np.float64]]:
    """Base probabilities ``(4, width)`` of the core of each motif, by its name.

    Parameters
    ----------
    paths : sequence of Path
        Motif files.
    trim : float, optional
        Share of the largest column; by default 0.3, and 0 for motifs without contributions.
    widest : int
        Width in bp that no motif may exceed.

    Raises
    ------
    SchemaError
        If motifs have no base probabilities.
    ReadError
        If one is too wide.
    """
    motifs = combine_motifs([read_motifs(Path(path)) for path in paths])
    if "motif_ppm" not in motifs:
        raise SchemaError(
            "the motifs have no base probabilities, from which sites are made; give motifs "
            "from a MEME file or from TF-MoDISco, which have them"
        )
    count = motifs.sizes["motif"]
    origins = motifs["motif_origin"].to_numpy() if "motif_origin" in motifs else [""] * count
    found = {}
    for index, name in enumerate(motifs["motif_name"].to_numpy()):
        own = slice(0, int(motifs["motif_width"].to_numpy()[index]))
        share = _TRIM.get(str(origins[index]), 0.3) if trim is None else trim
        start, end = trim_core(motifs["motif_cwm"].to_numpy()[index][:, own], share)
        found[str(name)] = motifs["motif_ppm"].to_numpy()[index][:, start:end].astype(float)
    if wide := [name for name, matrix in found.items() if matrix.shape[1] > widest]:
        raise ReadError(f"motif {wide[0]} is wider than the backgrounds, --width {widest}")
    return found


def consensus(matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Base codes ``(width,)`` of the most probable bases."""
    codes: NDArray[np.uint8] = matrix.argmax(axis=0).astype(np.uint8)
    return codes
