"""Motifs of a TF-MoDISco-lite result."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.model import create_motifs
from finemo_zarr.readers._checks import file_head, listing
from finemo_zarr.readers._motif_arrays import stack_padded

if TYPE_CHECKING:
    import xarray as xr

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_EXPECTED = "a TF-MoDISco-lite HDF5 file"
_GROUPS = ("pos_patterns", "neg_patterns")
_LEGACY_GROUP = "metacluster_idx_to_submetacluster_results"
_RESULT_ATTRIBUTE = "window_size"  # all that a result without any pattern has
_DATASETS = {"cwm": "contrib_scores", "hcwm": "hypothetical_contribs", "ppm": "sequence"}
_NUMBER = re.compile(r"\d+$")


@dataclass(frozen=True)
class ModiscoH5Reader:
    """Reads the patterns of a TF-MoDISco-lite HDF5 file; seqlets and subpatterns are left aside."""

    name: ClassVar[str] = "modisco-h5"
    summary: ClassVar[str] = "TF-MoDISco-lite results (HDF5)"

    def can_read(self, path: Path) -> bool:
        """Whether the file is a TF-MoDISco result of either layout, or an HDF5 file cut short.

        What :meth:`read` refuses is among them where its message says what to do about it.
        """
        try:
            if file_head(Path(path), _EXPECTED) != _SIGNATURE:
                return False
        except ReadError:
            return False
        try:
            with open_result(path) as file:
                return _RESULT_ATTRIBUTE in file.attrs or any(
                    group in file for group in (*_GROUPS, _LEGACY_GROUP)
                )
        except Exception:  # a damaged file may raise anything
            return True

    def read(self, path: Path) -> "xr.Dataset":
        """Read the motifs of a file.

        Parameters
        ----------
        path : Path
            The file.

        Returns
        -------
        xarray.Dataset
            A motifs dataset: positive patterns, then negative ones, each by the number at the end
            of its name. Names are those of group and pattern, ``pos_patterns.pattern_0``.

        Raises
        ------
        ReadError
            If the file is missing, damaged, of the layout of the first TF-MoDISco, without
            patterns, or a pattern is incomplete.
        """
        path = Path(path)
        check_result(path)
        try:
            with open_result(path) as file:
                patterns = _read_patterns(file, path)
        except ReadError:
            raise
        except Exception as error:  # a damaged file may raise anything
            raise ReadError(
                f"{path} is truncated or damaged ({error}): copy or make it again"
            ) from error
        names = list(patterns)
        arrays = {
            key: stack_padded([pattern[key] for pattern in patterns.values()]) for key in _DATASETS
        }
        return create_motifs(
            names,
            arrays.pop("cwm"),
            widths=[len(pattern["cwm"]) for pattern in patterns.values()],
            matrices=arrays,
            labels={"origin": "cwm", "source": str(path), "name_orig": names},
        )


def check_result(path: Path) -> None:
    """Raise unless a path is an HDF5 file."""
    if file_head(path, _EXPECTED) != _SIGNATURE:
        raise ReadError(f"{path} is not an HDF5 file, expected {_EXPECTED}")


def open_result(path: Path) -> Any:
    """Open an HDF5 file that may be compressed with plugins."""
    import h5py
    import hdf5plugin  # noqa: F401 - files may be compressed with what it brings

    return h5py.File(path, "r")


def _read_patterns(file: Any, path: Path) -> dict[str, dict[str, NDArray[Any]]]:
    if _LEGACY_GROUP in file:
        raise ReadError(
            f"{path} is in the layout of the first TF-MoDISco ({_LEGACY_GROUP}), expected that of"
            " TF-MoDISco-lite: pip install modisco-lite, then convert it with"
            f" `modisco convert -i {path} -o converted.h5`"
        )
    if not any(group in file for group in _GROUPS) and _RESULT_ATTRIBUTE not in file.attrs:
        raise ReadError(
            f"{path} has no group {' or '.join(_GROUPS)}, expected {_EXPECTED};"
            f" it holds {listing(file) or 'nothing'}"
        )
    patterns = {
        name: _read_pattern(pattern, where) for name, pattern, where in patterns_of(file, path)
    }
    if not patterns:
        raise ReadError(f"{path} holds no patterns: TF-MoDISco found none, so there is no motif")
    return patterns


def patterns_of(file: Any, path: Path) -> Iterator[tuple[str, Any, str]]:
    """Name, group and place of each pattern: positive ones, then negative ones, by number."""
    for group in _GROUPS:
        if group in file:
            for name in pattern_names(file[group], f"{path}, {group}"):
                yield f"{group}.{name}", file[group][name], f"{path}, {group}/{name}"


def pattern_names(group: Any, where: str) -> list[str]:
    """Names of the patterns of a group, by the number at their end."""
    numbers = {}
    for name in group:
        number = _NUMBER.search(name)
        if number is None:
            raise ReadError(
                f"{where}: {name!r} does not end in a number, expected pattern_<number>"
            )
        numbers[name] = int(number.group())
    return sorted(numbers, key=lambda name: (numbers[name], name))


def _read_pattern(pattern: Any, where: str) -> dict[str, NDArray[Any]]:
    members = list(pattern) if hasattr(pattern, "keys") else []
    missing = [name for name in _DATASETS.values() if name not in members]
    if missing:
        raise ReadError(
            f"{where} lacks {listing(missing)}; it holds {listing(members) or 'nothing'}"
        )
    matrices = {key: np.asarray(pattern[name][()]) for key, name in _DATASETS.items()}
    width = len(matrices["cwm"]) if matrices["cwm"].ndim else 0
    for key, matrix in matrices.items():
        _check_matrix(matrix, width, f"{where}/{_DATASETS[key]}")
    if not matrices["cwm"].any():
        raise ReadError(f"{where}/{_DATASETS['cwm']} is all zero: remove the pattern")
    return matrices


def _check_matrix(matrix: NDArray[Any], width: int, where: str) -> None:
    expected = f"({width or 'width'}, 4), one row per position and columns A C G T"
    if matrix.ndim != 2 or matrix.shape[1] != 4 or len(matrix) != width or not width:
        raise ReadError(f"{where} has shape {matrix.shape}, expected {expected}")
    if matrix.dtype.kind not in "fiu":
        raise ReadError(f"{where} has type {matrix.dtype}, expected numbers")
    if bad := int((~np.isfinite(matrix)).sum()):
        raise ReadError(f"{where} has {bad} values that are NaN or infinite, expected finite ones")
