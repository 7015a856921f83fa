"""The patterns of a TF-MoDISco-lite file, and the seqlets that they are made of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError, SchemaError
from finemo_zarr_modisco.information import WIDTH, best_window, information, informative_core
from finemo_zarr_modisco.jaccard import l1_normalised

_SCORES = ("contrib_scores", "hypothetical_contribs")
_LEGACY = "metacluster_idx_to_submetacluster_results"


@dataclass(frozen=True, eq=False)
class Pattern:
    """A pattern, cut to its most informative window.

    Parameters
    ----------
    name : str
        Group and name in the file, ``pos_patterns.pattern_0``.
    width : int
        Width in the file, in bp.
    first : int
        First base of the window in the pattern; negative where the pattern is narrower.
    bits : array, ``(width,)``
        Information of all positions of the pattern.
    raw : array, ``(seqlet, track, window, 4)``
        Scores of the seqlets in the window, in the direction of the pattern.
    """

    name: str
    width: int
    first: int
    bits: NDArray[np.float64]
    raw: NDArray[np.float64]

    @property
    def windows(self) -> NDArray[np.float64]:
        """The same scores, normalised."""
        return l1_normalised(self.raw)

    def core(self, least: float) -> tuple[int, int]:
        """Start and end of what has so much information at both ends, within the window.

        Raises
        ------
        SchemaError
            If nothing has.
        """
        low = max(self.first, 0)
        found = informative_core(self.bits[low : self.first + WIDTH], least)
        if found is None:
            raise SchemaError(
                f"motif {self.name} has no position with {least} bits of information: lower"
                " --min-ic, or leave the motif out with -I"
            )
        return low + found[0], low + found[1]


def read_pattern(
    path: Path, name: str, background: tuple[float, ...], *, hypothetical: bool
) -> Pattern:
    """Read a pattern with the scores of its seqlets.

    Parameters
    ----------
    path : Path
        TF-MoDISco-lite file.
    name : str
        Group and name of the pattern.
    background : tuple of four floats
        Base frequencies.
    hypothetical : bool
        Whether to read hypothetical scores, too.

    Raises
    ------
    ReadError
        If the file cannot be read, or has no such pattern, or no scores of its seqlets.
    """
    import h5py
    import hdf5plugin  # noqa: F401 - files may be compressed with what it brings

    where = f"{path}, {name}"
    try:
        with h5py.File(path, "r") as file:
            if _LEGACY in file:
                raise ReadError(
                    f"{path} is in the layout of the first TF-MoDISco; convert it with"
                    f" `modisco convert -i {path} -o converted.h5`"
                )
            return _read(file, name, where, background, _SCORES[: 1 + hypothetical])
    except OSError as error:
        raise ReadError(f"{path}: {error}; expected a TF-MoDISco-lite HDF5 file") from error


def _read(
    file: Any, name: str, where: str, background: tuple[float, ...], keys: tuple[str, ...]
) -> Pattern:
    group, _, number = name.partition(".")
    pattern = file.get(f"{group}/{number}")
    if pattern is None or "sequence" not in pattern:
        raise ReadError(
            f"{where}: no such pattern in the file; give the TF-MoDISco-lite file of the motifs"
            " with --modisco-h5-for-scoring, or leave the motif out with -I"
        )
    seqlets = pattern.get("seqlets", {})
    if missing := [key for key in keys if key not in seqlets]:
        raise ReadError(
            f"{where}: the seqlets have no {' and no '.join(missing)}, which modisco-scoring"
            " compares with; use the file as TF-MoDISco-lite wrote it, or another solver"
        )
    bits = information(np.asarray(pattern["sequence"][()]), background)
    first = best_window(bits)
    raw = np.stack([_window(seqlets[key], first, len(bits), where) for key in keys], axis=1)
    if not len(raw):
        raise ReadError(f"{where}: the pattern has no seqlets; leave the motif out with -I")
    return Pattern(name, len(bits), first, bits, raw)


def _window(dataset: Any, first: int, width: int, where: str) -> NDArray[np.float64]:
    if dataset.ndim != 3 or dataset.shape[1:] != (width, 4):
        raise ReadError(
            f"{where}: {dataset.name} has shape {dataset.shape}, expected (seqlets, {width}, 4)"
        )
    low, high = max(first, 0), min(first + WIDTH, width)
    scores = dataset[:, low:high].astype(np.float64)
    behind = WIDTH - (high - low) - (low - first)
    padded: NDArray[np.float64] = np.pad(scores, ((0, 0), (low - first, behind), (0, 0)))
    if not np.isfinite(padded).all():
        raise ReadError(f"{where}: {dataset.name} holds values that are not finite")
    return padded


@dataclass(frozen=True)
class MotifSource:
    """Where a motif of a run is to be found.

    Parameters
    ----------
    path : str
        TF-MoDISco-lite file.
    name : str
        Group and name of the pattern.
    width : int
        Width of the motif in bp, for a check.
    """

    path: str
    name: str
    width: int

    @property
    def sign(self) -> int:
        """Whether it raises or lowers what the model says."""
        return -1 if self.name.startswith("neg") else 1


def motif_sources(motifs: Any, given: Path | None) -> list[MotifSource]:
    """The pattern of each motif, one for both strands, in the order of the motifs.

    Parameters
    ----------
    motifs : xarray.Dataset
        Oriented motifs.
    given : Path, optional
        File to use instead of those that the motifs were read from.

    Raises
    ------
    SchemaError
        If it is not known which file a motif was read from.
    """
    names = _texts(motifs, "motif_name_orig", "motif_name")
    widths = motifs["motif_width"].values.tolist()
    if given is None and "motif_source" not in motifs:
        raise SchemaError(
            "the motifs do not say which file they were read from: give the TF-MoDISco-lite file"
            " with --modisco-h5-for-scoring"
        )
    paths = [str(given)] * len(names) if given else _texts(motifs, "motif_source")
    return [MotifSource(*at) for at in zip(paths[::2], names[::2], widths[::2], strict=True)]


def _texts(motifs: Any, *names: str) -> list[str]:
    found = next(name for name in names if name in motifs)
    return [str(value) for value in motifs[found].values]
