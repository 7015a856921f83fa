"""Score files with coordinates, of one head of a model or two."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.protocols import option
from finemo_zarr.readers._assemble import central_columns, stored_regions
from finemo_zarr.readers._checks import file_head, given, listing
from finemo_zarr.readers._h5 import open_h5_arrays
from finemo_zarr.readers._options import (
    check_fasta_option,
    chrom_order_option,
    h5s_option,
    region_width_option,
)
from finemo_zarr.readers._peaks import Coordinates
from finemo_zarr.readers._stored import Codes, StoredArray, check_arrays
from finemo_zarr.sequence import BASES, NO_BASE

if TYPE_CHECKING:
    import xarray as xr

Head = Literal["profile", "count", "both"]

_SEQUENCES = "input_seqs"
_COORDINATES = ("coords_chrom", "coords_start", "coords_end")
_ONE_HEAD = "hyp_scores"
_HEADS = {"profile": "profile_hyp_scores", "count": "count_hyp_scores"}
_SCANNED_BYTES = 2**24


@dataclass(frozen=True)
class ShapH5Reader:
    """Hypothetical scores ``(region, position, base)`` with the coordinates of their windows.

    The files have ``coords_chrom``, ``coords_start`` and ``coords_end``, ``input_seqs``, and either
    ``hyp_scores`` or ``profile_hyp_scores`` and ``count_hyp_scores``. The row of the file, before
    any is dropped, is stored as ``region_id``.

    Parameters
    ----------
    h5s : tuple of Path
        Score files of the same regions; averaged. A score that is NaN in one is NaN.
    head : {"profile", "count", "both"}, optional
        The head whose scores to read; ``both`` as two tracks of these names. Needed where a file
        has two.
    region_width : int, optional
        Width in bp of the regions, which are cut from the centre; by default what is stored.
    keep_non_acgt : bool
        Keep regions that have a position without a base after cutting. TF-MoDISco drops them, and
        numbers the rest anew.
    chrom_order : Path, optional
        File that orders the chromosomes.
    fasta : Path, optional
        Genome to check the stored sequences against.
    """

    name: ClassVar[str] = "shap-h5"
    summary: ClassVar[str] = "Regions from score files with coordinates and heads (H5)."

    h5s: tuple[Path, ...] = h5s_option()
    head: Head | None = option(
        "--head",
        default=None,
        help="Head of the model whose scores to read, where a file has two; both makes two tracks.",
    )
    region_width: int | None = region_width_option(default=None)
    keep_non_acgt: bool = option(
        "--keep-non-acgt",
        default=False,
        help="Keep regions in which a base is not known; by default they are dropped, as for"
        " TF-MoDISco, and region_id says which row of the file each region is.",
    )
    chrom_order: Path | None = chrom_order_option()
    fasta: Path | None = check_fasta_option()

    @property
    def peaks(self) -> None:
        """The files say where the regions lie."""

    @property
    def dropped(self) -> None:
        """See :attr:`peaks`."""

    def read(self) -> "xr.Dataset":
        """Return a regions dataset, lazy along `region`.

        Raises
        ------
        ReadError
            If a file cannot be used, or files disagree.
        """
        paths = given(self.h5s, "H5 files")
        coordinates = _same_coordinates(paths)
        heads: tuple[Head | None, ...] = (
            ("profile", "count") if self.head == "both" else (self.head,)
        )
        made = [self._regions(paths, head, coordinates) for head in heads]
        if len(made) == 1:
            return made[0]
        import xarray as xr

        scores = xr.concat([regions["region_contributions"] for regions in made], dim="track")
        names = np.array(heads, dtype=np.dtypes.StringDType())
        return made[0].assign(region_contributions=scores).assign_coords(track=names)

    def _regions(
        self, paths: Sequence[Path], head: "Head | None", coordinates: Coordinates
    ) -> "xr.Dataset":
        pairs = [open_h5_arrays(path, (_SEQUENCES, _scores_key(path, head)), 2) for path in paths]
        sequences: Sequence[StoredArray] = [pair[0] for pair in pairs]
        scores: Sequence[StoredArray] = [pair[1] for pair in pairs]
        check_arrays(sequences, scores)
        _check_coordinates(coordinates, sequences[0])
        rows = np.arange(len(coordinates))
        if not self.keep_non_acgt:
            rows = _known_rows(sequences[0], *central_columns(sequences[0], self.region_width))
        if len(rows) < len(coordinates):
            coordinates = _take(coordinates, rows)
            sequences, scores = (
                [_Picked.of(a, rows) for a in arrays] for arrays in (sequences, scores)
            )
        return stored_regions(self, sequences, scores, coordinates=coordinates)


@dataclass(frozen=True, eq=False)
class _Picked(StoredArray):
    """Some rows of a stored array, in its order."""

    source: StoredArray | None = None
    rows: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, source: StoredArray, rows: NDArray[np.int64]) -> "_Picked":
        shape = (len(rows), *source.shape[1:])
        return cls(
            source.path,
            source.key,
            shape,
            source.dtype,
            source.base_axis,
            source.stamp,
            source.chunk_rows,
            source,
            rows,
        )

    def read(self, first: int, last: int, start: int, width: int) -> NDArray[Any]:
        """Read the rows between the first and the last that are asked for, and pick."""
        assert self.source is not None
        assert self.rows is not None
        wanted = self.rows[first:last]
        if not wanted.size:
            return self.source.read(0, 0, start, width)
        found = self.source.read(int(wanted[0]), int(wanted[-1]) + 1, start, width)
        picked: NDArray[Any] = found[wanted - wanted[0]]
        return picked

    def _select(self, index: tuple[slice, ...]) -> NDArray[Any]:
        raise NotImplementedError


def _scores_key(path: Path, head: "Head | None") -> str:
    """Name of the dataset with the scores of a head.

    Raises
    ------
    ReadError
        If the file has not that head, or two and none is asked for.
    """
    import h5py

    keys = (_ONE_HEAD, *_HEADS.values())
    file_head(path, "an HDF5 file")
    if not h5py.is_hdf5(path):
        raise ReadError(f"{path} is not an HDF5 file")
    with h5py.File(path, "r") as file:
        found = [key for key in keys if key in file]
    wanted = keys if head is None else (_HEADS[head],)
    usable = [key for key in wanted if key in found]
    if len(usable) == 1:
        return usable[0]
    if usable:
        raise ReadError(
            f"{path} has {listing(usable)}: say whose scores to read, --head profile, count or both"
        )
    hint = "leave --head out" if _ONE_HEAD in found else "expected a file of contribution scores"
    raise ReadError(
        f"{path} does not have {' or '.join(wanted)}; it has {listing(found) or 'no scores'}:"
        f" {hint}"
    )


def _same_coordinates(paths: Sequence[Path]) -> Coordinates:
    first, *others = (_read_coordinates(path) for path in paths)
    for path, other in zip(paths[1:], others, strict=True):
        same = len(first) == len(other) and all(
            np.array_equal(getattr(first, name), getattr(other, name))
            for name in ("chrom", "start", "end")
        )
        if not same:
            raise ReadError(f"{paths[0]} and {path} give different coordinates for their regions")
    return first


def _read_coordinates(path: Path) -> Coordinates:
    import h5py

    open_h5_arrays(path, _COORDINATES, 1)  # says what is missing
    try:
        with h5py.File(path, "r") as file:
            chrom, start, end = (file[name][:] for name in _COORDINATES)
    except OSError as error:
        raise ReadError(f"{path} is damaged or truncated: {error}") from error
    if not len(chrom) == len(start) == len(end):
        raise ReadError(
            f"{path}: coords_chrom, coords_start and coords_end have {len(chrom)}, {len(start)} and"
            f" {len(end)} rows, expected the same number"
        )
    chrom = np.array([c.decode() if isinstance(c, bytes) else str(c) for c in chrom], dtype=object)
    start, end = start.astype(np.int64), end.astype(np.int64)
    names = [f"{c}:{s}-{e}" for c, s, e in zip(chrom, start, end, strict=True)]
    return Coordinates(chrom, start, end, np.array(names, dtype=object), np.arange(len(chrom)))


def _check_coordinates(coordinates: Coordinates, sequences: StoredArray) -> None:
    if len(coordinates) != sequences.count:
        raise ReadError(
            f"{sequences.label} and coords_start ({len(coordinates)},) disagree in the number of"
            " regions"
        )
    wrong = np.flatnonzero(coordinates.end - coordinates.start != sequences.length)
    if wrong.size:
        raise ReadError(
            f"{sequences.path}: {wrong.size} intervals are not as wide as {sequences.label}, first"
            f" {coordinates.describe(int(wrong[0]))}"
        )


def _take(coordinates: Coordinates, rows: NDArray[np.int64]) -> Coordinates:
    columns = {key: v[rows] for key, v in coordinates.as_mapping().items() if v is not None}
    # TF-MoDISco leaves out the same rows, and counts the others.
    return Coordinates(**columns | {"example": np.arange(len(rows))})


def _known_rows(sequences: StoredArray, start: int, width: int) -> NDArray[np.int64]:
    """Rows whose bases are all known between the columns that are read.

    Raises
    ------
    ReadError
        If there is none.
    """
    codes = Codes((sequences,), start, width)
    step = max(1, _SCANNED_BYTES // (len(BASES) * width))
    known = [
        (codes.read(first, min(first + step, sequences.count)) != NO_BASE).all(axis=1)
        for first in range(0, sequences.count, step)
    ]
    rows = np.flatnonzero(np.concatenate([np.zeros(0, np.bool_), *known]))
    if sequences.count and not rows.size:
        raise ReadError(
            f"{sequences.label}: each region has a position without a base; keep them with"
            " --keep-non-acgt"
        )
    return rows
