"""A regions store and motifs into a hits store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr import store
from finemo_zarr.decoys import add_decoys, warn_of_decoys
from finemo_zarr.errors import RunError
from finemo_zarr.execution.calling import COLUMNS, CallTask
from finemo_zarr.execution.choose import DEFAULT_SOLVER
from finemo_zarr.execution.finish import finish_hits_store
from finemo_zarr.execution.options import CallOptions
from finemo_zarr.execution.plan import share_of
from finemo_zarr.execution.provenance import describe_run
from finemo_zarr.execution.ranking import DECOY_VARIABLES, Ranking
from finemo_zarr.execution.run import Layout, Run, begin_run, find_run, is_finished, work_on
from finemo_zarr.execution.scheduler import Workers
from finemo_zarr.model import validate
from finemo_zarr.protocols import Solver, option_values
from finemo_zarr.registry import get_solver

if TYPE_CHECKING:
    import xarray as xr
    from distributed import Client


_INHERITED = ("chrom_order", "provenance")


@dataclass(frozen=True)
class CallJob:
    """A run of :func:`call_hits` in steps, for jobs that share its work.

    One process calls :meth:`plan`; any number, at any time and in any order, :meth:`work`, each for
    a share; and then one :meth:`finish`. All must be made with the same parameters.

    Parameters
    ----------
    regions : path
        A regions store.
    motifs : xarray.Dataset
        Oriented motifs.
    out : path
        The hits store to write.
    solver : Solver
        The solver.
    options : CallOptions
        What is called, and where.
    client : distributed.Client, optional
        A cluster, in place of the scheduler of the options.
    """

    regions: store.Location
    motifs: "xr.Dataset"
    out: store.Location
    solver: Solver
    options: CallOptions = field(default_factory=CallOptions)
    client: "Client | None" = None

    def __post_init__(self) -> None:
        validate(self.motifs, "motifs")
        if self.options.tile is not None and (why := getattr(self.solver, "whole_regions", None)):
            raise RunError(f"--tile cannot be used with the solver {self.solver.name}: {why}")

    def run(self, *, overwrite: bool = False) -> store.HitsStore:
        """Plan, work and finish; see :func:`call_hits`."""
        provenance = self.provenance()
        if is_finished(self.out, provenance, overwrite=overwrite):
            return store.open_hits(self.out)
        with store.staged(self.out, overwrite=overwrite, resumable=True):
            opened = self._open()
            run = self._begin(opened, provenance, overwrite=overwrite)
            self._work(run, opened)
            warn = finish_hits_store(run, self.solver.name, self._ranking())
        warn()
        return store.open_hits(self.out)

    def plan(self, *, overwrite: bool = False) -> int:
        """Begin the run; returns the number of its blocks.

        Raises
        ------
        RunError
            As :func:`call_hits`.
        """
        with store.reserved(self.out, overwrite=overwrite):
            run = self._begin(self._open(), self.provenance(), overwrite=overwrite)
            return len(run.layout.blocks())

    def work(self, number: int, count: int) -> int:
        """Do one of several shares of the blocks; returns the number of its blocks.

        Raises
        ------
        RunError
            If there is no plan, there is no such share, or a block fails.
        """
        with store.shared(self.out, f"{number}-of-{count}"), self._planned() as run:
            blocks = share_of(run.layout.blocks(), number, count)
            self._work(run, self._open(), blocks)
            return len(blocks)

    def finish(self, *, overwrite: bool = False) -> store.HitsStore:
        """Join what the shares gave.

        Raises
        ------
        RunError
            If there is no plan, or a block is not done.
        """
        with store.staged(self.out, overwrite=overwrite, resumable=True), self._planned() as run:
            warn = finish_hits_store(run, self.solver.name, self._ranking())
        warn()
        return store.open_hits(self.out)

    @contextmanager
    def _planned(self) -> Iterator[Run]:
        if find_run(self.out) is None:
            raise RunError(f"{self.out}: nothing is planned; call-hits --plan comes first")

        def create(_: store.Location) -> Layout:
            raise RunError(f"{self.out}: planned in another way; plan it anew")

        yield begin_run(self.out, self.provenance(), create, COLUMNS)

    def provenance(self) -> dict[str, Any]:
        """How the run is made."""
        known = self.motifs.attrs.get("provenance", {})
        options = {"post_filter": self.options.post_filter, **option_values(self.solver)}
        if (decoys := self.options.decoys) is not None:
            options |= {f"decoys_{name}": value for name, value in asdict(decoys).items()}
        for name in ("tracks", "combine_tracks", "tile", "max_qvalue"):
            if (value := getattr(self.options, name)) is not None:
                options[name] = list(value) if name == "tracks" else value
        described = describe_run(
            "call-hits",
            plugin=self.solver.name,
            options={**known.get("options", {}), **options},
            inputs=[self.regions, *map(store.locate, known.get("inputs", ()))],
        )
        return {**described, "motifs": self._digest()}

    @cached_property
    def _placed(self) -> "xr.Dataset":
        """The motifs, and their decoys if there are to be any; blocks make the same."""
        decoys = self.options.decoys
        return self.motifs if decoys is None else add_decoys(self.motifs, decoys)

    def _ranking(self) -> Ranking | None:
        decoys = self.options.decoys
        return None if decoys is None else Ranking(self._placed, self.options.max_qvalue)

    def _digest(self) -> str:
        digest = store.new_digest()
        for name in ("motif_weights", "motif_lambda", "motif_start", "motif_end"):
            digest.update(np.ascontiguousarray(self.motifs[name].values).data)
        digest.update("\n".join(map(str, self.motifs["motif_name"].values)).encode())
        return str(digest.hexdigest())

    def _open(self) -> "xr.Dataset":
        opened = store.open_regions(self.regions)
        check_mode(opened, str(self.regions), self.motifs.attrs["mode"])
        return opened

    def _begin(self, opened: "xr.Dataset", provenance: dict[str, Any], *, overwrite: bool) -> Run:
        groups = self._track_groups(opened)
        if self.options.decoys is not None:
            warn_of_decoys(self._placed, self.options.decoys)

        def create(path: store.Location) -> Layout:
            root = store.create_store(path, "hits", provenance)
            kept = opened.drop_vars(["region_sequence", "region_contributions"], errors="ignore")
            inherited = {name: opened.attrs[name] for name in _INHERITED if name in opened.attrs}
            sizes = {"region_width": opened.sizes["position"], "source": str(self.regions)}
            kept.attrs = {**inherited, **sizes}
            if "track" in kept:
                kept = kept.drop_vars("track") if groups is None else kept.isel(track=groups)
            store.write_dataset(root.create_group("regions"), kept)
            store.write_dataset(root.create_group("motifs"), self._stored_motifs())
            chunk: int = opened["region_contributions"].chunksizes["region"][0]
            return Layout(
                opened.sizes["region"],
                n_tracks=1 if groups is None else len(groups),
                chunk=chunk,
                block=self.options.block or chunk,
                tracks=groups is not None,
            )

        return begin_run(self.out, provenance, create, COLUMNS, overwrite=overwrite)

    def _stored_motifs(self) -> "xr.Dataset":
        """The motifs as they are kept, with room for what the decoys will show."""
        motifs = self.motifs.drop_vars(DECOY_VARIABLES, errors="ignore")
        ranking = self._ranking()
        return motifs if ranking is None else motifs.assign(ranking.motif_variables())

    def _work(self, run: Run, opened: "xr.Dataset", blocks: Any = None) -> None:
        task = CallTask(
            run=run,
            regions=self.regions,
            solver=self.solver,
            post_filter=self.options.post_filter,
            tile=self.options.tile,
            tracks=self._averaged(opened),
            ragged="region_width" in opened,
            decoys=self.options.decoys,
        )
        workers = Workers(self.options.scheduler, self.options.jobs, self.client)
        work_on(run, task, workers, regions=opened, label="call hits", blocks=blocks)

    def _chosen(self, opened: "xr.Dataset") -> list[int] | None:
        """Indices of the tracks that are wanted; None where there are no tracks."""
        names = [str(name) for name in opened["track"].values] if "track" in opened.dims else None
        wanted = self.options.tracks
        if names is None:
            if wanted or self.options.combine_tracks:
                raise RunError(f"{self.regions}: has no tracks to choose from or to combine")
            return None
        if unknown := [name for name in wanted or () if name not in names]:
            raise RunError(
                f"{self.regions}: has no track {', '.join(unknown)}; it has {', '.join(names)}"
            )
        return [names.index(name) for name in dict.fromkeys(wanted or names)]

    def _track_groups(self, opened: "xr.Dataset") -> list[int] | None:
        """Indices of the tracks that the result has; None if it has none."""
        return None if self.options.combine_tracks else self._chosen(opened)

    def _averaged(self, opened: "xr.Dataset") -> tuple[tuple[int, ...], ...] | None:
        """Tracks of the store of which each track of the result is the mean."""
        chosen = self._chosen(opened)
        if chosen is None:
            return None
        combined = self.options.combine_tracks is not None
        return (tuple(chosen),) if combined else tuple((track,) for track in chosen)


def call_hits(
    regions: Path | str | store.RemotePath,
    motifs: "xr.Dataset",
    out: Path | str | store.RemotePath,
    *,
    solver: Solver | None = None,
    options: CallOptions | None = None,
    client: "Client | None" = None,
    overwrite: bool = False,
) -> store.HitsStore:
    """Find the hits of motifs in all regions of a store, block by block.

    A run that was ended goes on where it was, when it is started again in the same way.

    Parameters
    ----------
    regions : path
        A regions store.
    motifs : xarray.Dataset
        Oriented motifs, from :func:`finemo_zarr.motifs.prepare_motifs`. An attribute `provenance`
        with `options` and `inputs` is kept with the result.
    out : path
        The hits store to write, usually named ``*.zarr``. It appears when it is complete.
    solver : Solver, optional
        By default coordinate descent with its defaults.
    options : CallOptions, optional
        Which tracks, in what pieces, in how many jobs, and whether hits are filtered.
    client : distributed.Client, optional
        A dask cluster that does the work.
    overwrite : bool
        Replace a store that is there.

    Returns
    -------
    HitsStore
        The result, opened from the store.

    Raises
    ------
    ReadError
        If the regions store cannot be read.
    RunError
        If the output exists or cannot be written, was begun in another way, the store lacks what
        the mode needs, or a block fails; then the others are done.
    PluginError
        If the solver returns something else than hits and qc of its block.

    Warns
    -----
    ConvergenceWarning
        If regions missed the tolerance, with the names of the first.
    InputWarning
        If there are to be decoys and those of some motifs are few or similar to motifs.
    """
    solver = get_solver(DEFAULT_SOLVER)() if solver is None else solver
    options = CallOptions() if options is None else options
    job = CallJob(store.locate(regions), motifs, store.locate(out), solver, options, client)
    return job.run(overwrite=overwrite)


def check_mode(regions: "xr.Dataset", name: str, mode: str) -> None:
    """Raise unless regions have what a mode needs.

    Parameters
    ----------
    regions : xarray.Dataset
        A regions dataset.
    name : str
        What a message calls it.
    mode : {"pp", "ph", "hp", "hh"}
        Second letter: projected or hypothetical scores.

    Raises
    ------
    RunError
        If hypothetical scores are needed and there are none.
    """
    if mode[1] == "h" and "base" not in regions["region_contributions"].dims:
        raise RunError(
            f"{name}: holds projected scores, and mode {mode} needs hypothetical ones; use mode "
            f"{mode[0]}p, or extract from a file with hypothetical scores"
        )
