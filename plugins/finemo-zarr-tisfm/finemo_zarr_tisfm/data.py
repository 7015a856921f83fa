"""What a model is trained on: sequences, their signal, and which part each belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from finemo_zarr.errors import ReadError, SchemaError

if TYPE_CHECKING:
    import xarray as xr

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class SignalData:
    """Sequences and signal.

    Parameters
    ----------
    codes : array of uint8, ``(region, position)``
        Base codes.
    signal : array of float32, ``(region, track)``
        Signal.
    names, tracks : tuple of str
        Names of regions and tracks.
    chroms : array of str, ``(region,)``, optional
        Chromosomes, where they are known.
    parts : mapping
        Rows of each part.
    scaling : pair of arrays, optional
        Mean and standard deviation of each track, by which the signal was scaled.
    """

    codes: NDArray[np.uint8]
    signal: NDArray[np.float32]
    names: tuple[str, ...]
    tracks: tuple[str, ...]
    chroms: NDArray[Any] | None = None
    parts: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    scaling: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def __post_init__(self) -> None:
        if self.signal.shape != (len(self.codes), len(self.tracks)):
            raise SchemaError(
                f"the signal has shape {self.signal.shape}, expected "
                f"({len(self.codes)}, {len(self.tracks)}): regions, tracks"
            )
        faulty = np.flatnonzero(~np.isfinite(self.signal).all(axis=1))
        if faulty.size:
            raise SchemaError(
                f"the signal of {faulty.size} regions is not finite, first "
                f"{self.names[faulty[0]]}: leave these regions out"
            )

    @property
    def window(self) -> int:
        """Length of the sequences, bp."""
        return int(self.codes.shape[1])

    def rows(self, part: str) -> NDArray[np.int64]:
        """Rows of a part.

        Raises
        ------
        SchemaError
            If it has none.
        """
        rows = self.parts.get(part)
        if rows is None or not rows.size:
            raise SchemaError(f"no region belongs to the {part} part; change the split")
        return rows

    def standardised(self) -> "SignalData":
        """Tracks with mean 0 and standard deviation 1 of the training regions, or all if none."""
        known = (self.signal[self.rows("train")] if self.parts else self.signal).astype(np.float64)
        spread = spread_of(known)
        return self.scaled(known.mean(axis=0), np.where(spread > 0, spread, 1))

    def scaled(self, mean: ArrayLike, spread: ArrayLike) -> "SignalData":
        """Tracks less a mean each, divided by a standard deviation.

        Raises
        ------
        SchemaError
            If these are not as many as the tracks.
        """
        pair = (np.asarray(mean, np.float64), np.asarray(spread, np.float64))
        if pair[0].shape != (len(self.tracks),) or pair[1].shape != pair[0].shape:
            raise SchemaError(f"{pair[0].size} tracks were scaled, the data have {self.tracks}")
        signal = ((self.signal - pair[0]) / pair[1]).astype(np.float32)
        return replace(self, signal=signal, scaling=pair)


def check_alike(regions: "xr.Dataset") -> None:
    """Check that regions are of one width: those that are padded would be taken for wider ones.

    Raises
    ------
    SchemaError
        If they are not.
    """
    if "region_width" in regions:
        widths = regions["region_width"].values
        raise SchemaError(
            f"regions of {widths.min()} to {widths.max()} bp, expected one width: extract regions"
            " of one width around the summits"
        )


def spread_of(signal: NDArray[Any]) -> NDArray[np.float64]:
    """Standard deviation of each track; exactly 0 where it is constant, whatever rounding says."""
    spread: NDArray[np.float64] = signal.std(axis=0, dtype=np.float64)
    return np.where(np.ptp(signal, axis=0) > 0, spread, 0.0)


def read_splits(folder: Path, count: int) -> dict[str, NDArray[np.int64]]:
    """Read ``train_split.npy``, ``validation_split.npy`` and ``test_split.npy``.

    Parameters
    ----------
    folder : Path
        Their folder.
    count : int
        Number of rows that there are.

    Raises
    ------
    ReadError
        If a file is missing, holds no row numbers, or a row is in two parts.
    """
    parts: dict[str, NDArray[np.int64]] = {}
    for part in PARTS:
        path = folder / f"{part}_split.npy"
        try:
            rows = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ReadError(
                f"{path}: missing or damaged ({error}); expected row numbers"
            ) from error
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise ReadError(f"{path}: {rows.dtype} of shape {rows.shape}, expected row numbers")
        if rows.size and not 0 <= rows.min() <= rows.max() < count:
            raise ReadError(f"{path}: rows {rows.min()} to {rows.max()}, expected 0 to {count - 1}")
        parts[part] = rows.astype(np.int64)
    joined = np.concatenate(list(parts.values()))
    if np.unique(joined).size < joined.size:
        raise ReadError(f"{folder}: a row is in two parts, or twice in one")
    return parts


def split_by_chromosome(
    chroms: NDArray[Any] | None, validation: Sequence[str], test: Sequence[str]
) -> dict[str, NDArray[np.int64]]:
    """Validation and test regions by their chromosomes; the others are for training.

    Raises
    ------
    SchemaError
        If the regions have no coordinates, or a chromosome has no region.
    """
    if chroms is None:
        raise SchemaError("the regions have no chromosomes, so that these cannot split them")
    if both := set(validation) & set(test):
        raise SchemaError(f"{', '.join(sorted(both))} cannot be for validation and for test")
    names = np.asarray([str(chrom) for chrom in chroms])
    if missing := [chrom for chrom in (*validation, *test) if chrom not in set(names)]:
        raise SchemaError(f"no region lies on {', '.join(missing)}")
    for_validation, for_test = np.isin(names, validation), np.isin(names, test)
    masks = (~for_validation & ~for_test, for_validation, for_test)
    return {part: np.flatnonzero(mask) for part, mask in zip(PARTS, masks, strict=True)}


def split_at_random(
    count: int, validation: float, test: float, seed: int
) -> dict[str, NDArray[np.int64]]:
    """Shares of the regions, drawn at random.

    Raises
    ------
    SchemaError
        If the shares leave nothing for training.
    """
    if min(validation, test) < 0 or validation + test >= 1:
        raise SchemaError(f"shares of {validation} and {test} leave nothing for training")
    order = np.random.default_rng([seed, 1]).permutation(count)
    first, last = round(count * validation), round(count * (validation + test))
    groups = (order[last:], order[:first], order[first:last])
    return {part: np.sort(rows) for part, rows in zip(PARTS, groups, strict=True)}
