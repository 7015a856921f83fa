"""What is done with one block of regions, and the part that it leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import store
from finemo_zarr.decoys import DecoyOptions, add_decoys
from finemo_zarr.errors import PluginError
from finemo_zarr.execution.ledger import digest_words
from finemo_zarr.execution.plan import Block
from finemo_zarr.execution.ranking import QVALUES
from finemo_zarr.execution.run import Run
from finemo_zarr.execution.solving import solve_block
from finemo_zarr.model import validate
from finemo_zarr.protocols import HitsAndQC, Solver
from finemo_zarr.sequence import project

if TYPE_CHECKING:
    import xarray as xr

COLUMNS = ("n_hits", "digest_0", "digest_1")
_READ_MOTIFS = Lock()


@dataclass(frozen=True)
class CallTask:
    """Solves a block, writes its part and marks it; holds paths, and opens what it needs.

    Parameters
    ----------
    run : Run
        The run, whose unfinished store holds the motifs.
    regions : path
        The regions store.
    solver : Solver
        The solver.
    post_filter : bool
        Whether hits less similar than the lambda of their motif are dropped.
    tile : int or None
        Length of the pieces in which longer regions are solved.
    tracks : tuple of tuples of int, or None
        Tracks of the store of which each track of the result is the mean.
    ragged : bool
        Whether the regions have widths of their own.
    decoys : DecoyOptions or None
        Decoys that are called together with the motifs.
    """

    run: Run
    regions: store.Location
    solver: Solver
    post_filter: bool
    tile: int | None
    tracks: tuple[tuple[int, ...], ...] | None
    ragged: bool
    decoys: DecoyOptions | None = None

    def __call__(self, block: Block) -> None:
        """Do a block."""
        ledger = self.run.ledger
        ledger.unmark(block.index)
        with _READ_MOTIFS:  # by one thread, for all
            motifs = _motifs(self.run.path, self.run.token, self.decoys)
        hits, qc = self._solve(block, motifs)
        part = encode_part(hits, qc)
        store.write_file(part_path(self.run, block), part)
        ledger.mark(block.index, (len(hits["hit_region"]), *digest_part(part)))

    def _solve(self, block: Block, motifs: "xr.Dataset") -> tuple[dict[str, Any], dict[str, Any]]:
        solved = solve_block(self.solver, self._load(block, motifs), motifs, tile=self.tile)
        hits, qc = self._checked(solved, block)
        if self.post_filter:
            hits = hits.isel(hit=_similar(hits, motifs))
        hits = hits.drop_vars(QVALUES, errors="ignore")
        columns = {str(name): variable.values for name, variable in hits.variables.items()}
        columns["hit_region"] = columns["hit_region"] + block.start
        if self.run.has_tracks:
            columns["hit_track"] = np.full(hits.sizes["hit"], block.track, dtype=np.int32)
        return columns, {str(name): variable.values for name, variable in qc.variables.items()}

    def _load(self, block: Block, motifs: "xr.Dataset") -> "xr.Dataset":
        tracks = None if self.tracks is None else self.tracks[block.track]
        data = store.read_block(self.regions, block.regions, tracks, ragged=self.ragged)
        scores = data["region_contributions"]
        if motifs.attrs["mode"][1] == "p" and "base" in scores.dims:
            projected = project(scores.values, data["region_sequence"].values)
            data["region_contributions"] = (("region", "position"), projected)
        return data

    def _checked(self, solved: HitsAndQC, block: Block) -> HitsAndQC:
        hits, qc = validate(solved.hits, "hits"), validate(solved.qc, "qc")
        numbers = hits["hit_region"].values
        if qc.sizes["region"] != block.size or not ((numbers >= 0) & (numbers < block.size)).all():
            raise PluginError(
                f"the solver {self.solver.name} returned qc for {qc.sizes['region']} regions, or "
                f"hits outside of them; expected a block of {block.size}, numbered from 0"
            )
        return HitsAndQC(hits, qc)


@lru_cache(maxsize=2)
def _motifs(path: store.Location, _token: str, decoys: DecoyOptions | None) -> "xr.Dataset":
    """Motifs of a run, and decoys, made once by each process that works on it."""
    motifs = store.read_group(path, "motifs")
    return motifs if decoys is None else add_decoys(motifs, decoys)


def _similar(hits: "xr.Dataset", motifs: "xr.Dataset") -> Any:
    similarity = hits["hit_similarity"].values
    least = motifs["motif_lambda"].values.astype(np.float32)[hits["hit_motif"].values]
    return np.flatnonzero(~(similarity < least))


# --- Parts ---------------------------------------------------------------------------------------


def part_path(run: Run, block: Block) -> store.Location:
    """Where the part of a block lies."""
    return run.state / "parts" / f"{block.index:07d}.npz"


def encode_part(hits: Mapping[str, NDArray[Any]], qc: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the hits and qc of a block as one file."""
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **hits, **qc)
    return buffer.getvalue()


def decode_part(part: bytes) -> dict[str, NDArray[Any]] | None:
    """Read a part; None if it is damaged."""
    try:
        with np.load(BytesIO(part), allow_pickle=False) as arrays:
            return dict(arrays)
    except (BadZipFile, ValueError, OSError, KeyError, EOFError):
        return None


def digest_part(part: bytes) -> tuple[int, ...]:
    """Digest of a part, as its mark holds it."""
    return digest_words(blake2b(part, digest_size=16).digest())
