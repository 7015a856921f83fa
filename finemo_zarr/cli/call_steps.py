"""The steps of ``call-hits``: plan, work, finish, or all of them; and the tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finemo_zarr.cli.call_options import CallHits
from finemo_zarr.errors import RunError
from finemo_zarr.protocols import Solver
from finemo_zarr.store.locations import Location

if TYPE_CHECKING:
    import xarray as xr

    from finemo_zarr.execution import CallJob, CallOptions
    from finemo_zarr.store import HitsStore

_STORE = "hits.zarr"
_SURE = 0.05  # the q-value by which hits are summed up, where none was asked for


@dataclass(frozen=True)
class PreparedCall:
    """A call whose motifs are read and whose solver is chosen."""

    options: CallHits
    params: Mapping[str, Any]
    motifs: "xr.Dataset"
    solver: Solver
    call_options: "CallOptions"
    chosen: str

    def _job(self, folder: Location) -> "CallJob":
        from finemo_zarr.execution import CallJob

        return CallJob(
            self.options.regions, self.motifs, folder / _STORE, self.solver, self.call_options
        )

    def plan(self, count: int, *, overwrite: bool) -> str:
        """Prepare a run for several jobs; returns what to say of it."""
        from finemo_zarr.store import reserved, work_path

        self._check_formats()
        out = self.options.out_dir
        with reserved(out, overwrite=overwrite, replaceable=_is_output):
            n_blocks = self._job(work_path(out)).plan(overwrite=overwrite)
        return "\n".join(
            [
                self.chosen,
                f"{n_blocks:,} blocks are planned. Next, with the same options:",
                f"  --block-range K/{count}   for K from 1 to {count}, each a job of its own",
                "  --finalise           when all of them are through",
            ]
        )

    def work(self, number: int, count: int) -> str:
        """Do a share of a planned run; returns what to say of it."""
        from finemo_zarr.store import work_path

        n_blocks = self._job(work_path(self.options.out_dir)).work(number, count)
        return f"share {number} of {count}: {n_blocks:,} blocks are done"

    def run(self, *, overwrite: bool, planned: bool) -> str:
        """Write store and tables, which appear together; returns what to say of them."""
        from finemo_zarr.execution import is_finished
        from finemo_zarr.store import open_hits, staged

        self._check_formats()
        out = self.options.out_dir
        job = self._job(out)
        if is_finished(job.out, job.provenance(), overwrite=overwrite):
            self._write_tables(out)
            said = "complete already"
        else:
            with staged(out, overwrite=overwrite, replaceable=_is_output, resumable=True) as folder:
                _clear_remote(folder)
                inner = self._job(folder)
                if planned:
                    inner.finish()
                else:
                    inner.run(overwrite=overwrite and not _is_done(inner))
                self._write_tables(folder)
            said = self.chosen
        return "\n".join([said, *_summary(self.options, open_hits(out))])

    def _check_formats(self) -> None:
        """Say what cannot be written before the hits are called."""
        from finemo_zarr.export import check_formats

        if self.options.write:
            check_formats(self.options.write, self.options.regions)

    def _write_tables(self, folder: Location) -> None:
        """Write the tables, unless they are there, and what else was asked for."""
        from finemo_zarr.export import TABLES, write_formats, write_tables

        if not self.options.no_tables and not all((folder / name).is_file() for name in TABLES):
            write_tables(folder / _STORE, folder, self.params)
        if self.options.write:
            write_formats(folder / _STORE, folder, self.options.write, self.options.regions)


def _is_done(job: "CallJob") -> bool:
    """Whether a run that was ended had got to the tables: its store, still hidden, can be taken."""
    from finemo_zarr.execution import is_finished

    if not isinstance(job.out, Path):
        return False
    try:
        return is_finished(job.out, job.provenance(), overwrite=False)
    except RunError:
        return False


def _clear_remote(folder: Location) -> None:
    """Remove tables of an earlier call from a bucket, where nothing can be prepared aside."""
    from finemo_zarr.export import OUTPUT_NAMES, TABLES
    from finemo_zarr.store import RemotePath, remove

    if isinstance(folder, RemotePath):
        for name in (*TABLES, *OUTPUT_NAMES):
            remove(folder / name)


def _is_output(path: Location) -> bool:
    """Whether a folder holds what `call-hits` wrote, and nothing else that would be lost."""
    from finemo_zarr.export import OUTPUT_NAMES, TABLES
    from finemo_zarr.store import is_store

    found = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    return is_store(path / _STORE) and found <= {_STORE, *TABLES, *OUTPUT_NAMES}


def _decoy_summary(options: CallHits, opened: "HitsStore") -> list[str]:
    if "hit_qvalue" not in opened.hits:
        return []
    most = _SURE if options.max_qvalue is None else options.max_qvalue
    sure = int((opened.hits["hit_qvalue"].values <= most).sum())
    found = int(opened.motifs["motif_decoy_hits"].values.sum())
    return [f"{sure:,} hits with a q-value of at most {most}; {found:,} hits of decoys"]


def _summary(options: CallHits, opened: "HitsStore") -> list[str]:
    import numpy as np

    names = opened.motifs["motif_name"].values
    called = np.unique(names[np.unique(opened.hits["hit_motif"].values)]).size
    missed = int((~opened.qc["qc_converged"].values).sum())
    n_hits, n_regions = opened.hits.sizes["hit"], opened.qc.sizes["region"]
    of_tracks = f" of {opened.qc.sizes['track']:,} tracks" if "track" in opened.qc.sizes else ""
    tables = [] if options.no_tables else [f"tables: {options.out_dir / 'hits.tsv'} and others"]
    found = f"{n_hits:,} hits of {called} of {np.unique(names).size} motifs"
    if missed:
        converged = [f"{missed:,} regions did not converge"]
    else:  # solvers that do not iterate make no steps
        converged = ["all regions converged"] if opened.qc["qc_steps"].values.any() else []
    return [
        f"{found} in {n_regions:,} regions{of_tracks}",
        *converged,
        *_decoy_summary(options, opened),
        *tables,
        f"store:  {options.out_dir / _STORE}",
    ]
