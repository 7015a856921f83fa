# A script beside the distribution, not part of it.
# ruff: noqa: INP001
"""Time solvers on simulated regions, and print a table in Markdown.

On a machine with a CUDA device, with finemo-zarr[torch] and this plugin installed::

    python plugins/finemo-zarr-cupy/benchmark.py

and anywhere, to see that it runs::

    python plugins/finemo-zarr-cupy/benchmark.py --regions 40 --width 200 --motifs 4 --device cpu
"""

import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import click

from finemo_zarr import (
    CallOptions,
    FinemoError,
    MotifOptions,
    call_hits,
    extract_regions,
    get_solver,
    open_regions,
    prepare_motifs,
)
from finemo_zarr.protocols import option_fields
from finemo_zarr.testing import simulate_motifs, simulate_regions

if TYPE_CHECKING:
    import xarray as xr

_WARM_UP = 64  # regions solved before the clock starts: compiles, and takes memory
_HEAD = ("solver", "run", "regions/s", "reading", "solver alone", "regions/s", "ratio", "hits")


@dataclass(frozen=True)
class SimulatedReader:
    """Regions that are in memory."""

    name: ClassVar[str] = "simulated"
    summary: ClassVar[str] = "Simulated regions."
    regions: Any
    chunk: int

    def read(self) -> "xr.Dataset":
        """Return them, in chunks."""
        chunked: xr.Dataset = self.regions.chunk(region=self.chunk)
        return chunked


class Timing(NamedTuple):
    """Regions, seconds of a run, of reading and of the solver alone, and hits."""

    regions: int
    run: float
    reading: float
    alone: float
    hits: int


@dataclass(frozen=True)
class Setting:
    """What is solved, and with how many threads."""

    regions: "xr.Dataset"
    motifs: "xr.Dataset"
    store: Path
    jobs: int

    def time(self, name: str, device: str) -> "Timing | str":
        """Time one solver: in a run from store to store, and alone on regions in memory."""
        try:
            solver = _solver(name, device)
            self._solve(solver, slice(0, _WARM_UP))
            alone = _seconds(lambda: self._solve(solver, slice(None)))
            run, hits = self._run(solver)
        except (FinemoError, ImportError) as error:
            return f"not run: {error}".replace("|", "/")
        return Timing(self.regions.sizes["region"], run, self._reading(), alone, hits)

    def _solve(self, solver: Any, part: slice) -> None:
        solver.solve(self.regions.isel(region=part), self.motifs)

    def _run(self, solver: Any) -> tuple[float, int]:
        with tempfile.TemporaryDirectory() as folder:
            begin = time.perf_counter()
            out, options = Path(folder) / "hits.zarr", CallOptions(jobs=self.jobs)
            opened = call_hits(self.store, self.motifs, out, solver=solver, options=options)
            return time.perf_counter() - begin, opened.hits.sizes["hit"]

    def _reading(self) -> float:
        """Seconds to read the store in one thread: what a run hides behind the solver, or not."""
        return _seconds(lambda: [part.load() for part in _chunks(open_regions(self.store))])


def _chunks(regions: "xr.Dataset") -> "Iterator[xr.Dataset]":
    chunk = regions["region_contributions"].chunksizes["region"][0]
    for first in range(0, regions.sizes["region"], chunk):
        yield regions.isel(region=slice(first, first + chunk))


def _seconds(work: Any) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _solver(name: str, device: str) -> Any:
    cls: Any = get_solver(name)
    return cls(device=device) if "device" in option_fields(cls) else cls()


def _rows(names: tuple[str, ...], timings: "list[Timing | str]") -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table; ratios are to the first solver that ran."""
    yield _HEAD
    yield ("---",) * len(_HEAD)
    first = next((timing.alone for timing in timings if isinstance(timing, Timing)), 0.0)
    for name, timing in zip(names, timings, strict=True):
        if isinstance(timing, str):
            yield (name, timing, *[""] * (len(_HEAD) - 2))
            continue
        run = (f"{timing.run:.2f} s", f"{timing.regions / timing.run:,.0f}")
        alone = (f"{timing.alone:.2f} s", f"{timing.regions / timing.alone:,.0f}")
        share, ratio = f"{timing.reading / timing.run:.1%}", f"{first / timing.alone:.1f}"
        yield (name, *run, share, *alone, ratio, f"{timing.hits:,}")


def _machine(device: str) -> str:
    if device == "cpu":
        return platform.processor() or platform.machine()
    import cupy

    number = int(device.partition(":")[2] or 0)
    return str(cupy.cuda.runtime.getDeviceProperties(number)["name"].decode())


@click.command()
@click.option("--regions", default=20_000, show_default=True)
@click.option("--width", default=1000, show_default=True, help="bp")
@click.option("--motifs", default=40, show_default=True, help="Each is used on both strands.")
@click.option("--mode", type=click.Choice(["pp", "hh"]), default="pp", show_default=True)
@click.option("--device", default="cuda", show_default=True, help="cpu, cuda or cuda:N")
@click.option("--jobs", default=4, show_default=True, help="Threads of a run.")
@click.option("--chunk", default=2000, show_default=True, help="Regions of a block.")
@click.option("--solver", "names", multiple=True, default=("prox-gradient", "cupy"))
def main(*, names: tuple[str, ...], device: str, jobs: int, **size: Any) -> None:
    """Time solvers on simulated regions, and print a table in Markdown."""
    raw = simulate_motifs(size["motifs"], seed=1)
    regions, _ = simulate_regions(
        raw, size["regions"], size["width"], hypothetical=size["mode"] == "hh", seed=2
    )
    motifs = prepare_motifs(raw, MotifOptions(mode=size["mode"]))
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "regions.zarr"
        extract_regions(SimulatedReader(regions, size["chunk"]), store)
        setting = Setting(regions, motifs, store, jobs)
        timings = [setting.time(name, device) for name in names]
    click.echo(
        f"{size['regions']:,} x {size['width']} bp, {2 * size['motifs']} oriented motifs, mode "
        f"{size['mode']}, {jobs} threads, {_machine(device)}\n"
    )
    click.echo("\n".join(f"| {' | '.join(row)} |" for row in _rows(names, timings)))
    click.echo("\nreading: time to read the store in one thread, as a share of the run")


if __name__ == "__main__":
    main()
