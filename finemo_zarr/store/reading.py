"""How stores are opened, and what they say of themselves."""

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from finemo_zarr.errors import ReadError
from finemo_zarr.model import validate
from finemo_zarr.sequence import NO_BASE
from finemo_zarr.variables import DatasetKind

if TYPE_CHECKING:
    import xarray as xr
    import zarr

FORMAT = "finemo-zarr"
FORMAT_VERSION = 1
StoreKind = Literal["regions", "hits"]


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


def read_info(path: Path | str, kind: StoreKind | None = None) -> StoreInfo:
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
        If it is missing, no store, of another kind, or of a newer format.
    """
    path = Path(path)
    attributes = _root_attributes(path)
    version = attributes.get("format_version")
    if not isinstance(version, int):
        raise ReadError(f"{path}: a damaged store, without a format version")
    if version > FORMAT_VERSION:
        raise ReadError(
            f"{path}: store format {version}, and this version of finemo-zarr reads up to format "
            f"{FORMAT_VERSION}; update finemo-zarr"
        )
    info = StoreInfo(attributes.get("kind", "?"), version, attributes.get("provenance", {}))
    if kind not in (None, info.kind):
        maker = "extract-regions-*" if kind == "regions" else "call-hits"
        raise ReadError(f"{path}: a {info.kind} store, expected a {kind} store ({maker} makes it)")
    return info


def _root_attributes(path: Path) -> dict[str, Any]:
    import zarr
    from zarr.errors import GroupNotFoundError

    if not path.exists():
        raise ReadError(f"{path}: no such store")
    try:
        attributes = dict(zarr.open_group(path, mode="r", zarr_format=3).attrs)
    except (GroupNotFoundError, FileNotFoundError, NotADirectoryError) as error:
        raise ReadError(f"{path}: not a Zarr store (format 3)") from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ReadError(f"{path}: a damaged Zarr store ({error})") from error
    if attributes.get("format") != FORMAT:
        raise ReadError(f"{path}: a Zarr store, but not one that finemo-zarr wrote")
    return attributes


def open_regions(path: Path | str) -> "xr.Dataset":
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
    path = Path(path)
    read_info(path, "regions")
    dataset = _open_group(path)
    for name in ("region_sequence", "region_contributions"):
        if name in dataset:
            chunks = dataset[name].encoding["preferred_chunks"]
            dataset[name] = dataset[name].chunk(chunks)
    return _validated(dataset, "regions", path)


def read_block(path: Path | str, regions: slice) -> "xr.Dataset":
    """Read sequences and scores of some regions of a regions store into memory.

    Only what a solver needs is opened, so that a block costs two reads.

    Raises
    ------
    ReadError
        If a chunk is damaged or missing.
    """
    import xarray as xr
    import zarr

    data = {}
    try:
        for name in ("region_sequence", "region_contributions"):
            array = zarr.open_array(path, path=name, mode="r", zarr_format=3)
            data[name] = (_dims(array), array[region_index(array, regions)])
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise ReadError(
            f"{path}: a damaged store, regions {regions.start} to {regions.stop - 1} cannot be "
            f"read ({error}); extract them again"
        ) from error
    codes, scores = (np.asarray(values) for _, values in data.values())
    # What a chunk that is not there reads as can be nothing that was written.
    if (codes > NO_BASE).any() or np.isnan(scores).any():
        raise ReadError(
            f"{path}: a damaged store, regions {regions.start} to {regions.stop - 1} are not "
            "complete; extract them again"
        )
    return xr.Dataset(data)


def region_index(array: "zarr.Array[Any]", regions: slice) -> tuple[slice, ...]:
    """Return the index of some regions in an array of a store."""
    return tuple(regions if dim == "region" else slice(None) for dim in _dims(array))


def _dims(array: "zarr.Array[Any]") -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(array.metadata, "dimension_names", None) or ()
    return names


def open_hits(path: Path | str) -> HitsStore:
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
    groups = {name: _open_group(path, name) for name in HitsStore._fields}
    for name in ("motifs", "qc", "hits"):
        _validated(groups[name], name, path)
    groups["motifs"].load()
    return HitsStore(**groups)


def hits_path(path: Path | str) -> Path:
    """Return the path of a hits store, given that or the folder that `call-hits` wrote."""
    path = Path(path)
    inner = path / "hits.zarr"
    return inner if inner.is_dir() else path


def read_stored_motifs(path: Path | str) -> "xr.Dataset":
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
    made = ("strand", "start", "end", "scale", "lambda", "weights")
    return forward.drop_vars([f"motif_{name}" for name in made]).drop_attrs(deep=False)


def _open_group(path: Path, group: str | None = None) -> "xr.Dataset":
    import xarray as xr
    from zarr.errors import ZarrUserWarning

    try:
        with warnings.catch_warnings():
            # An array without metadata is missing, and reported as such by the validation.
            warnings.simplefilter("ignore", ZarrUserWarning)
            return xr.open_dataset(
                path, engine="zarr", group=group, chunks=None, consolidated=False
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        where = f"group {group}" if group else "the root group"
        raise ReadError(f"{path}: a damaged store, {where} cannot be read ({error})") from error


def _validated(dataset: "xr.Dataset", kind: DatasetKind, path: Path) -> "xr.Dataset":
    try:
        return validate(dataset, kind)
    except ValueError as error:
        raise ReadError(f"{path}: a damaged store: {error}") from error


def stored_bytes(path: Path | str) -> int:
    """Size on disk of a store."""
    return sum(
        (Path(folder) / name).stat().st_size for folder, _, names in os.walk(path) for name in names
    )


def is_store(path: Path) -> bool:
    """Whether a path is a store of this package, of any version."""
    try:
        _root_attributes(path)
    except ReadError:
        return False
    return True
