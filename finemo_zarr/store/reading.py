"""How stores are opened, and what they say of themselves."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from finemo_zarr.errors import FinemoError, ReadError
from finemo_zarr.model import in_order, validate
from finemo_zarr.sequence import NO_BASE
from finemo_zarr.store.locations import Location, RemotePath, access_errors, locate, zarr_at
from finemo_zarr.variables import DatasetKind

if TYPE_CHECKING:
    import xarray as xr
    import zarr

FORMAT = "finemo-zarr"
FORMAT_VERSION = 1
_REMOTE_TRIES = 3
_GROUPS: tuple[DatasetKind, ...] = ("regions", "motifs", "qc", "hits")
StoreKind = Literal["regions", "hits"]
_EXPECTED: Mapping[StoreKind | None, str] = {
    "regions": "a regions store (extract-regions-* makes it)",
    "hits": "a hits store (call-hits makes it)",
    None: "a regions store, a hits store, or a folder that call-hits wrote",
}


class HitsStore(NamedTuple):
    """What a hits store holds, lazily: `regions` has the coordinates only."""

    regions: "xr.Dataset"
    motifs: "xr.Dataset"
    qc: "xr.Dataset"
    hits: "xr.Dataset"


class StoreInfo(NamedTuple):
    """Kind, format version and provenance of a store."""

    kind: str
    format_version: int
    provenance: dict[str, Any]


def read_info(path: Path | str | RemotePath, kind: StoreKind | None = None) -> StoreInfo:
    """Read what a store says of itself.

    Parameters
    ----------
    path : path
        The store.
    kind : {"regions", "hits"}, optional
        What it must be.

    Raises
    ------
    ReadError
        If it is missing, no store, not finished, of another kind, or of a newer format.
    """
    path = locate(path)
    attributes = _root_attributes(path, kind)
    version = attributes.get("format_version")
    if not isinstance(version, int):
        raise ReadError(f"{path}: a damaged store, without a format version")
    if version > FORMAT_VERSION:
        raise ReadError(
            f"{path}: store format {version}, and this version of finemo-zarr reads up to format "
            f"{FORMAT_VERSION}; update finemo-zarr"
        )
    if not attributes.get("complete", True):
        raise ReadError(
            f"{path}: not finished; start the command that writes it again, it goes on where it was"
        )
    info = StoreInfo(attributes.get("kind", "?"), version, attributes.get("provenance", {}))
    if kind not in (None, info.kind):
        raise ReadError(f"{path}: a {info.kind} store, expected {_EXPECTED[kind]}")
    return info


def _root_attributes(path: Location, kind: StoreKind | None = None) -> dict[str, Any]:
    import zarr
    from zarr.errors import GroupNotFoundError

    try:
        attributes = dict(zarr.open_group(**zarr_at(path), mode="r", zarr_format=3).attrs)
    except (GroupNotFoundError, FileNotFoundError, NotADirectoryError) as error:
        if not path.exists():
            raise ReadError(f"{path}: no such store{_unfinished_beside(path)}") from error
        raise ReadError(f"{path}: {_described(path)}, expected {_EXPECTED[kind]}") from error
    except access_errors() as error:
        raise ReadError(f"{path}: a damaged Zarr store ({_first_line(error)})") from error
    if attributes.get("format") != FORMAT:
        raise ReadError(f"{path}: a Zarr store, but not one that finemo-zarr wrote")
    return attributes


def _described(path: Location) -> str:
    """What lies where a store was expected."""
    if path.is_file():
        return "a file, not a Zarr store (a folder)"
    if (path / "hits.zarr").is_dir():
        return "a folder that call-hits wrote"
    return "a folder that is not a Zarr store (format 3)"


def _unfinished_beside(path: Location) -> str:
    if isinstance(path, Path) and (path.parent / f".{path.name}.partial").is_dir():
        return (
            "; the run that writes it is not finished: start the same command again, it goes on "
            "where it was"
        )
    return ""


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@contextmanager
def reading(path: Location) -> Iterator[None]:
    """Report damage that shows only when values are looked at.

    Raises
    ------
    ReadError
        Naming the store, in place of what Zarr and its codecs raise.
    """
    try:
        yield
    except FinemoError:
        raise
    except access_errors() as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk, perhaps of what is written at the same time
        raise ReadError(
            f"{path}: a damaged store, or one that cannot be reached ({_first_line(error)}); "
            "`finemo-zarr check` says what is safe"
        ) from error


def open_regions(path: Path | str | RemotePath) -> "xr.Dataset":
    """Open a regions store.

    Returns
    -------
    xarray.Dataset
        A regions dataset. Sequence and scores are dask arrays with the chunks of the store,
        coordinates load when they are looked at.

    Raises
    ------
    ReadError
        If it is missing, damaged, not a regions store, or of a newer format.
    """
    path = locate(path)
    read_info(path, "regions")
    dataset = _open_group(path)
    for name in ("region_sequence", "region_contributions"):
        if name in dataset:
            chunks = dataset[name].encoding["preferred_chunks"]
            dataset[name] = dataset[name].chunk(chunks)
    return _validated(dataset, "regions", path)


def read_block(
    path: Path | str | RemotePath,
    regions: slice,
    tracks: Sequence[int] | None = None,
    *,
    ragged: bool = False,
    token: str | None = None,
) -> "xr.Dataset":
    """Read sequences and scores of some regions of a regions store into memory.

    Only what a solver needs is opened, so that a block costs two reads.

    Parameters
    ----------
    path : path
        The store.
    regions : slice
        Which regions.
    tracks : sequence of int, optional
        Tracks whose mean is taken, where there are tracks; by default all.
    ragged : bool
        Read the widths of the regions, too.
    token : str, optional
        Of a run, for which arrays are opened once, not for every block.

    Returns
    -------
    xarray.Dataset
        Without a track dimension.

    Raises
    ------
    ReadError
        If a chunk is damaged or missing.
    """
    import xarray as xr

    path = locate(path)
    names = ("region_sequence", "region_contributions", "region_width")[: 2 + ragged]
    # A reply that is cut off, and says that it is not, shows only by the checksum of a chunk.
    for tries_left in range(_REMOTE_TRIES if isinstance(path, RemotePath) else 1)[::-1]:
        try:
            data = {
                name: _read_rows(open_array(path, name, "r", token), regions, tracks)
                for name in names
            }
            break
        except access_errors() as error:
            if not tries_left:
                raise ReadError(
                    f"{path}: a damaged store, regions {regions.start} to {regions.stop - 1} "
                    f"cannot be read ({_first_line(error)}); extract them again"
                ) from error
    codes, scores = data["region_sequence"][1], data["region_contributions"][1]
    # What a chunk that is not there reads as can be nothing that was written.
    if (codes > NO_BASE).any() or np.isnan(scores).any():
        raise ReadError(
            f"{path}: a damaged store, regions {regions.start} to {regions.stop - 1} are not "
            "complete; extract them again"
        )
    return xr.Dataset(data)


def open_array(
    path: Location, name: str, mode: Literal["r", "r+"], token: str | None = None
) -> "zarr.Array[Any]":
    """Open an array of a store; for a run, whose token is given, once in each process.

    Parameters
    ----------
    path : path
        The store.
    name : str
        Of the array, with those of its groups.
    mode : {"r", "r+"}
        Whether it is written.
    token : str, optional
        Of the run. Without one it is opened anew: the store may be another by now.
    """
    return _open_array(path, name, mode) if token is None else _kept(path, name, mode, token)


@lru_cache(maxsize=16)
def _kept(path: Location, name: str, mode: Literal["r", "r+"], _token: str) -> "zarr.Array[Any]":
    return _open_array(path, name, mode)


def _open_array(path: Location, name: str, mode: Literal["r", "r+"]) -> "zarr.Array[Any]":
    import zarr

    return zarr.open_array(**zarr_at(path, name), mode=mode, zarr_format=3)


def _read_rows(
    array: "zarr.Array[Any]", regions: slice, tracks: Sequence[int] | None
) -> tuple[tuple[str, ...], np.ndarray[Any, Any]]:
    dims = dimensions(array)
    if dims[0] != "track":
        return dims, np.asarray(array[regions])
    chosen = range(array.shape[0]) if tracks is None else tracks
    total = np.asarray(array[chosen[0], regions])
    if len(chosen) > 1:
        # In double precision, so that the mean does not depend on the order of the tracks.
        total = total.astype(np.float64)
        for track in chosen[1:]:
            total += np.asarray(array[track, regions])
        total = (total / len(chosen)).astype(np.float32)
    return dims[1:], total


def dimensions(array: "zarr.Array[Any]") -> tuple[str, ...]:
    """Names of the dimensions of an array of a store."""
    names: tuple[str, ...] = getattr(array.metadata, "dimension_names", None) or ()
    return names


def open_hits(path: Path | str | RemotePath) -> HitsStore:
    """Open a hits store; a folder that `call-hits` wrote will do.

    Returns
    -------
    HitsStore
        Four lazy datasets. Motifs are loaded, they are small.

    Raises
    ------
    ReadError
        If it is missing, damaged, not a hits store, or of a newer format.
    """
    path = hits_path(path)
    read_info(path, "hits")
    groups = {name: _open_group(path, name) for name in _GROUPS}
    for name in _GROUPS[1:]:
        _validated(groups[name], name, path)
    with reading(path):
        groups["motifs"].load()
    return HitsStore(**groups)


def hits_path(path: Path | str | RemotePath) -> Location:
    """Return the path of a hits store, given that or the folder that `call-hits` wrote."""
    path = locate(path)
    inner = path / "hits.zarr"
    return inner if inner.is_dir() else path


def read_stored_motifs(path: Path | str | RemotePath) -> "xr.Dataset":
    """Read the motifs of a hits store, as they were before they were oriented.

    Returns
    -------
    xarray.Dataset
        A motifs dataset, not oriented, in memory.

    Raises
    ------
    ReadError
        If it is not a hits store.
    """
    motifs = open_hits(path).motifs
    forward = motifs.isel(motif=motifs["motif_strand"].values == "+")
    made = ("strand", "start", "end", "scale", "lambda", "weights", "decoy_hits", "decoy_cosine")
    names = [f"motif_{name}" for name in made]
    return forward.drop_vars(names, errors="ignore").drop_attrs(deep=False)


def read_group(path: Location, group: DatasetKind) -> "xr.Dataset":
    """Read a small group into memory, also of a store that is not finished."""
    with reading(path):
        return _open_group(path, group).load()


def _open_group(path: Location, group: DatasetKind | None = None) -> "xr.Dataset":
    """Open a group of a hits store, or a regions store, which is one group."""
    import xarray as xr
    from zarr.errors import ZarrUserWarning

    at = zarr_at(path)
    try:
        with warnings.catch_warnings():
            # An array without metadata is missing, and reported as such by the validation.
            warnings.simplefilter("ignore", ZarrUserWarning)
            found = xr.open_dataset(
                at["store"],
                engine="zarr",
                group=group,
                chunks=None,
                # A list of arrays may be older than they; on a disk, a look at each costs nothing.
                consolidated=isinstance(path, RemotePath) and _is_consolidated(at),
                zarr_format=3,
            )
            return in_order(found, group or "regions")
    except access_errors() as error:
        where = f"group {group}" if group else "the root group"
        raise ReadError(
            f"{path}: a damaged store, {where} cannot be read ({_first_line(error)})"
        ) from error


def _is_consolidated(at: dict[str, Any]) -> bool:
    import zarr

    return zarr.open_group(**at, mode="r", zarr_format=3).metadata.consolidated_metadata is not None


def _validated(dataset: "xr.Dataset", kind: DatasetKind, path: Location) -> "xr.Dataset":
    try:
        return validate(dataset, kind)
    except ValueError as error:
        raise ReadError(f"{path}: a damaged store: {error}") from error


def is_store(path: Location) -> bool:
    """Whether a path is a store of this package, of any version, finished or not."""
    try:
        _root_attributes(path)
    except ReadError:
        return False
    return True


def is_unfinished(path: Location) -> bool:
    """Whether a path is a store, or a folder with one, that is still being written."""
    try:
        return not _root_attributes(hits_path(path)).get("complete", True)
    except ReadError:
        return False
