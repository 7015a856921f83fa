"""The parts of all blocks into one hits store."""

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import store
from finemo_zarr.errors import ConvergenceWarning, RunError
from finemo_zarr.execution.calling import decode_part, digest_part, part_path
from finemo_zarr.execution.labels import region_label
from finemo_zarr.execution.plan import Block
from finemo_zarr.execution.ranking import Ranking
from finemo_zarr.execution.run import Run
from finemo_zarr.model import variable_attrs

if TYPE_CHECKING:
    import xarray as xr
    import zarr

_NAMED = 3
"""How many regions or blocks a message names."""


def finish_hits_store(run: Run, solver: str, ranking: Ranking | None = None) -> Callable[[], None]:
    """Join the parts of a run in the order of the blocks, and make the store one.

    Parameters
    ----------
    run : Run
        The run.
    solver : str
        What a warning calls the solver.
    ranking : Ranking, optional
        How hits get q-values, where decoys were called with the motifs.

    Returns
    -------
    callable
        Warns about regions that missed the tolerance, if there are any.

    Raises
    ------
    RunError
        If a block is not done, or its part is not what it wrote; then that block is to be done
        again.
    """
    if store.is_unfinished(run.path):
        _check_marks(run)
        hits = store.ColumnsWriter(store.new_group(run.path, "hits"))
        qc = _QCWriter(run)
        for block, part in _parts(run) if ranking is None else _ranked_parts(run, ranking):
            hits.append(_variables(part, "hit_"))
            qc.add(block, part)
        hits.close()
        digests = {f"hits/{name}": digest for name, digest in hits.digests.items()} | qc.digests
        texts = {name: digest.hexdigest() for name, digest in digests.items()}
        store.finish_store(run.path, {"digests": texts})
    regions = store.read_group(run.path, "regions")
    converged = store.read_group(run.path, "qc")["qc_converged"]
    return _warning(regions, converged, solver)


def _check_marks(run: Run) -> None:
    done = run.ledger.done()
    if not done.all():
        missing = np.flatnonzero(~done)
        first = ", ".join(map(str, missing[:_NAMED])) + (", …" if missing.size > _NAMED else "")
        raise RunError(
            f"{run.path}: {missing.size} of {done.size} blocks are not done ({first}); do them "
            "first, by --block-range or by the same command without --finalise"
        )


def _parts(run: Run) -> Iterator[tuple[Block, dict[str, NDArray[Any]]]]:
    marks = run.ledger.read()
    for block in run.layout.blocks():
        try:
            data = part_path(run, block).read_bytes()
        except FileNotFoundError:
            data = b""
        part = decode_part(data)
        if part is None or (marks[block.index, 1:] != digest_part(data)).any():
            run.ledger.unmark(block.index)
            raise RunError(
                f"{run.path}: the part of block {block.index} (regions {block.start} to "
                f"{block.stop - 1}) is damaged, or two processes wrote different ones; start the "
                "same command again, which does this block anew"
            )
        yield block, part


def _ranked_parts(run: Run, ranking: Ranking) -> Iterator[tuple[Block, dict[str, NDArray[Any]]]]:
    """The parts without the hits of decoys, the others with q-values.

    A q-value depends on all hits, so that all parts are read before the first is given.
    """
    ranks = ranking.rank(part for _, part in _parts(run))
    store.write_rows(run.path, slice(None), {"motifs/motif_decoy_hits": ranks.decoy_hits})
    first = 0
    for block, part in _parts(run):
        yield block, ranks.of_part(part, first)
        first += len(part["hit_region"])


def _variables(part: dict[str, NDArray[Any]], prefix: str) -> "dict[str, xr.Variable]":
    import xarray as xr

    return {
        name: xr.Variable("hit", values, variable_attrs("hits", name))
        for name, values in part.items()
        if name.startswith(prefix)
    }


class _QCWriter:
    """Writes the qc of one track after another."""

    def __init__(self, run: Run) -> None:
        self._layout, self._tracks = run.layout, run.has_tracks
        self._group = store.new_group(run.path, "qc")
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._parts: list[dict[str, NDArray[Any]]] = []
        self.digests: dict[str, Any] = {}

    def add(self, block: Block, part: dict[str, NDArray[Any]]) -> None:
        """Add the qc of a block."""
        self._parts.append({key: values for key, values in part.items() if key.startswith("qc_")})
        if block.stop < self._layout.n_regions:
            return
        for name in self._parts[0]:
            values = np.concatenate([qc[name] for qc in self._parts])
            if name not in self._arrays:
                self._arrays[name] = self._create(name, values.dtype)
                self.digests[f"qc/{name}"] = store.new_digest()
            self._arrays[name][block.track if self._tracks else ...] = values
            self.digests[f"qc/{name}"].update(np.ascontiguousarray(values))
        self._parts = []

    def _create(self, name: str, dtype: Any) -> "zarr.Array[Any]":
        import xarray as xr

        shape: tuple[int, ...] = (self._layout.n_regions,)
        dims: tuple[str, ...] = ("region",)
        if self._tracks:
            shape, dims = (self._layout.n_tracks, *shape), ("track", *dims)
        # One number, seen as so many: only its dimensions and type are looked at.
        values = np.broadcast_to(np.zeros((), dtype), shape)
        variable = xr.Variable(dims, values, variable_attrs("qc", name))
        return store.create_array(self._group, name, variable)


def _warning(regions: "xr.Dataset", converged: "xr.DataArray", solver: str) -> Callable[[], None]:
    missed = np.argwhere(~converged.values)

    def warn() -> None:
        if not missed.size:
            return
        first = ", ".join(_label(regions, row) for row in missed[:_NAMED])
        more = ", …" if len(missed) > _NAMED else ""
        warnings.warn(
            f"{solver} did not reach the tolerance in {len(missed)} of {converged.size} regions "
            f"({first}{more}); their hits are kept, and qc_converged marks them. Allow more steps, "
            "or a larger tolerance.",
            ConvergenceWarning,
            stacklevel=4,
        )

    return warn


def _label(regions: "xr.Dataset", row: NDArray[np.int64]) -> str:
    *track, region = row.tolist()
    of_track = f" of track {regions['track'].values[track[0]]}" if track else ""
    return region_label(regions, region) + of_track
