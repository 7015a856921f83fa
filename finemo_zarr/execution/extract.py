"""Score files into a regions store."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from finemo_zarr import store
from finemo_zarr.errors import InputWarning, ReadError
from finemo_zarr.execution.labels import region_label
from finemo_zarr.execution.ledger import Ledger, digest_arrays
from finemo_zarr.execution.plan import Block
from finemo_zarr.execution.provenance import describe_run, input_paths
from finemo_zarr.execution.run import Layout, Run, begin_run, is_finished, work_on
from finemo_zarr.execution.scheduler import Workers
from finemo_zarr.model import validate
from finemo_zarr.protocols import Reader, option_values

if TYPE_CHECKING:
    import xarray as xr
    from distributed import Client

_BLOCKWISE = ("region_sequence", "region_contributions")
_SAME = ("region_chrom", "region_start", "region_end", "region_width")
"""What the readers of several tracks must agree on, besides the sequences."""
_COLUMNS = (
    "n",
    "n_nan",
    "first_nan",
    "n_infinite",
    "first_infinite",
    "n_nonzero",
    "sequence_digest_0",
    "sequence_digest_1",
    "digest_0",
    "digest_1",
)


def extract_regions(
    reader: Reader | Mapping[str, Reader],
    out: Path | str | store.RemotePath,
    *,
    scheduler: str = "threads",
    jobs: int | None = None,
    client: "Client | None" = None,
    overwrite: bool = False,
) -> "xr.Dataset":
    """Read score files into a regions store, block by block.

    A run that was ended goes on where it was, when it is started again in the same way.

    Parameters
    ----------
    reader : Reader, or mapping of str to Reader
        A reader, with its options; or one for each track, by the names of the tracks. All tracks
        must have the same regions.
    out : path
        The store to write, usually named ``*.zarr``. It appears when it is complete.
    scheduler : {"threads", "processes", "sync"} or str
        Where blocks are read; or the address of a dask cluster.
    jobs : int, optional
        Number of threads or processes; by default one for each core.
    client : distributed.Client, optional
        A cluster, in place of `scheduler`.
    overwrite : bool
        Replace a store that is there.

    Returns
    -------
    xarray.Dataset
        The regions, opened from the store.

    Raises
    ------
    ReadError
        If the input cannot be read, all scores of a track are zero or NaN, any is infinite, or
        tracks differ in their regions.
    RunError
        If the output exists or cannot be written, was begun in another way, or a block fails.

    Warns
    -----
    InputWarning
        If some scores are NaN; they are stored as 0.
    """
    workers, out = Workers(scheduler, jobs, client), store.locate(out)
    readers = dict(reader) if isinstance(reader, Mapping) else {"": reader}
    provenance = _provenance(readers)
    if is_finished(out, provenance, overwrite=overwrite):
        return store.open_regions(out)
    with store.staged(out, overwrite=overwrite, resumable=True) as path:
        sources = _Sources.read(readers)
        create = partial(_create, sources=sources, provenance=provenance)
        run = begin_run(out, provenance, create, _COLUMNS, overwrite=overwrite)
        task = _BlockTask(run.path, run.state, run.token, readers)
        _known[run.token] = sources
        try:
            work_on(run, task, workers, regions=sources.regions, label="extract regions")
        finally:
            _known.pop(run.token)
            _opened.cache_clear()
        _finish(run, path, sources)
    return store.open_regions(out)


class _Sources(NamedTuple):
    """Coordinates of the regions, and sequences and scores of each track, lazily."""

    regions: "xr.Dataset"
    tracks: list["xr.Dataset"]
    names: list[str]

    @classmethod
    def read(cls, readers: Mapping[str, Reader]) -> "_Sources":
        tracks: dict[str, xr.Dataset] = {}
        for label, reader in readers.items():
            regions = validate(reader.read(), "regions")
            if not regions.sizes["region"]:
                raise ReadError(
                    f"the reader {reader.name} found no regions; is the peak file empty?"
                )
            for name, scores in _split(regions, label):
                if name in tracks:
                    raise ReadError(f"two tracks are called {name}; give each its own name")
                tracks[name] = scores
        first, *others = tracks
        for other in others:
            _check_same(tracks[first], tracks[other], first, other)
        coordinates = tracks[first].drop_vars(_BLOCKWISE)
        names = [] if first == "" else list(tracks)
        if names:
            coordinates = coordinates.assign_coords(track=_text(names))
        return cls(coordinates, list(tracks.values()), names)


def _split(regions: "xr.Dataset", label: str) -> list[tuple[str, "xr.Dataset"]]:
    if "track" not in regions.sizes:
        return [(label, regions)]
    names = [str(name) for name in regions["track"].values]
    parts = [regions.isel(track=index, drop=True) for index in range(len(names))]
    return [(f"{label}.{name}" if label else name, p) for name, p in zip(names, parts, strict=True)]


def _text(values: list[str]) -> Any:
    return np.array(values, dtype=np.dtypes.StringDType())


def _check_same(first: "xr.Dataset", other: "xr.Dataset", name: str, other_name: str) -> None:
    shapes = [dataset["region_contributions"].shape for dataset in (first, other)]
    if shapes[0] != shapes[1]:
        raise ReadError(
            f"tracks must have the same regions and kind of scores: {name} is of shape {shapes[0]},"
            f" {other_name} of {shapes[1]}"
        )
    for variable in _SAME:
        if (variable in first) != (variable in other):
            raise ReadError(f"of the tracks {name} and {other_name} only one has {variable}")
        if variable not in first:
            continue
        different = np.flatnonzero(first[variable].values != other[variable].values)
        if different.size:
            where = [region_label(dataset, int(different[0])) for dataset in (first, other)]
            raise ReadError(
                f"tracks must have the same regions: {different.size} differ, the first is "
                f"{where[0]} of {name} and {where[1]} of {other_name}"
            )


def _provenance(readers: Mapping[str, Reader]) -> dict[str, Any]:
    names = list(dict.fromkeys(reader.name for reader in readers.values()))
    single = readers.get("")
    options = (
        {f"track {name}": option_values(reader) for name, reader in readers.items()}
        if single is None
        else option_values(single)
    )
    return describe_run(
        f"extract-regions-{names[0]}",
        plugin=", ".join(names),
        options=options,
        inputs=_inputs(list(readers.values())),
    )


def _inputs(readers: list[Reader]) -> list[store.Location]:
    """Files of all readers; a genome that they share stands there once."""
    first, *others = (input_paths(reader) for reader in readers)
    return [*first, *dict.fromkeys(path for paths in others for path in paths if path not in first)]


def _create(path: store.Location, sources: _Sources, provenance: Mapping[str, Any]) -> Layout:
    """Create the store with all but sequences and scores."""
    first = sources.tracks[0]
    n_regions, scores = first.sizes["region"], first["region_contributions"]
    source_chunk = int(scores.chunksizes.get("region", (1,))[0])  # 1 if they are in memory
    group = store.create_store(path, "regions", provenance)
    chunk = store.region_chunk(n_regions, 4 * scores.size // n_regions, source_chunk)
    for name, dtype in zip(_BLOCKWISE, (np.uint8, np.float32), strict=True):
        array = first[name]
        if sources.names and name == "region_contributions":
            array = array.expand_dims(track=len(sources.names))
        store.create_array(group, name, array.variable, dtype=dtype, chunk=chunk)
    store.write_dataset(group, sources.regions)
    return Layout(n_regions, len(sources.tracks), chunk, max(chunk, source_chunk))


# --- A block -------------------------------------------------------------------------------------


_known: dict[str, _Sources] = {}
"""What this process has read already, by the token of its run."""


@lru_cache(maxsize=1)
def _opened(token: str, task: "_BlockTask") -> _Sources:
    return _known.get(token) or _Sources.read(task.readers)


@dataclass(frozen=True, eq=False)
class _BlockTask:
    """Reads a block of one track and writes it; holds readers, and opens what they read."""

    path: store.Location
    state: store.Location
    token: str
    readers: Mapping[str, Reader]

    def __hash__(self) -> int:
        return hash(self.token)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BlockTask) and self.token == other.token

    def __call__(self, block: Block) -> None:
        """Write sequences and scores of a block, and mark it with what they are like."""
        ledger = Ledger(self.state)
        ledger.unmark(block.index)
        sources = _opened(self.token, self)
        chosen = sources.tracks[block.track][list(_BLOCKWISE)].isel(region=block.regions)
        loaded = chosen.compute(scheduler="synchronous")
        with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
            scores = np.array(loaded["region_contributions"].values, dtype=np.float32)
        nan, infinite = np.isnan(scores), np.isinf(scores)
        scores[nan] = 0
        codes = np.asarray(loaded["region_sequence"].values, dtype=np.uint8)
        written: dict[str, Any] = {"region_contributions": scores}
        if block.track == 0:
            written["region_sequence"] = codes
        store.write_rows(self.path, block.regions, written, track=block.track)
        counts = (
            scores.size,
            *_locate(nan, block),
            *_locate(infinite, block),
            int(np.count_nonzero(scores)),
        )
        ledger.mark(block.index, (*counts, *digest_arrays(codes), *digest_arrays(codes, scores)))


def _locate(mask: Any, block: Block) -> tuple[int, int]:
    """Count, and the first region that has one, or -1."""
    count = int(np.count_nonzero(mask))
    if not count:
        return 0, -1
    axes = tuple(range(1, mask.ndim))
    return count, block.start + int(np.flatnonzero(mask.any(axis=axes))[0])


# --- The whole -----------------------------------------------------------------------------------


def _finish(run: Run, path: store.Location, sources: _Sources) -> None:
    """Judge the scores as a whole, and make the store one."""
    marks, blocks = run.ledger.read(), run.layout.blocks()
    try:
        for index, name in enumerate(sources.names or [""]):
            rows = marks[[block.index for block in blocks if block.track == index]]
            _check_scores(rows, sources.regions, _plugin(run), name)
        _check_sequences(marks, blocks, sources)
    except ReadError:
        store.remove(run.state)  # it would be so again
        raise
    if not store.is_unfinished(path):
        return
    from zarr.codecs import Crc32cCodec

    group = store.new_group(path, "ledger")
    ledger = group.create_array(
        "marks",
        shape=marks.shape,
        dtype=np.int64,
        chunks=marks.shape,
        compressors=(Crc32cCodec(),),
    )
    ledger[...] = marks
    layout = {**vars(run.layout), "columns": list(_COLUMNS)}
    group.update_attributes(layout)
    store.finish_store(path, {})


def _plugin(run: Run) -> str:
    name: str = run.provenance["plugin"]
    return name


def _check_scores(marks: Any, regions: "xr.Dataset", reader: str, track: str) -> None:
    """Raise or warn about the scores of a track, if they are unusable or odd."""
    numbers = dict(zip(_COLUMNS, marks.T, strict=True))
    total, n_nan = int(numbers["n"].sum()), int(numbers["n_nan"].sum())
    of_track = f" of track {track}" if track else ""

    def first(name: str) -> str:
        found = numbers[name][numbers[name] >= 0]
        return region_label(regions, int(found.min()))

    if n_infinite := int(numbers["n_infinite"].sum()):
        raise ReadError(
            f"{n_infinite} of {total} scores{of_track} are infinite, the first in "
            f"{first('first_infinite')}; expected finite scores. Check how the input of {reader} "
            "was made."
        )
    if n_nan == total:
        raise ReadError(f"all {total} scores{of_track} are NaN; check the input of {reader}")
    if not numbers["n_nonzero"].sum():
        raise ReadError(
            f"all {total} scores{of_track} are zero or NaN; do peaks and scores belong together?"
        )
    if n_nan:
        warnings.warn(
            f"{n_nan} of {total} scores{of_track} are NaN, the first in {first('first_nan')}; they "
            "are stored as 0",
            InputWarning,
            stacklevel=4,
        )


def _check_sequences(marks: Any, blocks: list[Block], sources: _Sources) -> None:
    columns = [_COLUMNS.index(name) for name in ("sequence_digest_0", "sequence_digest_1")]
    first = {block.start: marks[block.index, columns] for block in blocks if block.track == 0}
    for block in blocks:
        if (marks[block.index, columns] != first[block.start]).any():
            where = region_label(sources.regions, block.start)
            raise ReadError(
                f"tracks must have the same sequences: {sources.names[block.track]} has others than"
                f" {sources.names[0]} among the {block.size} regions from {where} on; were they "
                "computed on the same genome?"
            )
