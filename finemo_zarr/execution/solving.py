"""One block of regions, whatever their widths: what the run asks of a solver.

A solver need know neither of regions of different width nor of tiles. It gets the regions of one
width together, cut to it, unless it says (``ragged``) that it looks at ``region_width`` itself; and
of a long region tiles that overlap, with the scale of the whole.

Tiles are joined exactly. Take the solutions of two neighbours and a position `x` in their overlap
such that both have the same coefficients for every column that starts less than the widest core
from `x`. Columns that start before `x` are taken from the left, the others from the right. Then
each column of the whole sees the residual that it sees in the tile it is taken from: a column
reaches less than the widest core beyond its start, so that the only others it could see differ are
those around `x`. Its optimality condition holds as it does there, and a solution of the convex
problem whose columns all meet their conditions is the optimum of the whole. Where there is no such
position, the two tiles are solved as one, and so on, in the worst case up to the whole region.

How far the end of a tile is felt depends on how columns chain. With 80 motifs it was felt up to 13
bases away at the default lambda, and up to 67 where sites touch and lambda is 0.1, with cores of up
to 20 bases; the halo of eight cores, on either side, makes merging rare.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import PluginError
from finemo_zarr.model import create_regions
from finemo_zarr.protocols import HitsAndQC, Solver
from finemo_zarr.solvers._columns import core_room
from finemo_zarr.solvers._evaluate import Coefficients, evaluate
from finemo_zarr.solvers._hits import problem_scores, region_scales, region_widths

if TYPE_CHECKING:
    import xarray as xr

Columns = dict[str, NDArray[Any]]

_HALO = 8  # widest cores
_LEAST_TILE = 4  # halos: shorter tiles would overlap all over
_AT_ONCE = 2**17  # bases that are handed to a solver together
# Columns of two solutions are the same if what they explain differs by no more (scores have a mean
# square of 1). An exact solver is settled to 1e-9, and leaves out hits that explain less than 1e-7.
_SAME = 3e-7
_POSITIONS = ("hit_start", "hit_end", "hit_start_untrimmed", "hit_end_untrimmed")


def solve_block(
    solver: Solver, regions: "xr.Dataset", motifs: "xr.Dataset", *, tile: int | None = None
) -> HitsAndQC:
    """Solve a block of regions, which may be of different widths, and may be long.

    Parameters
    ----------
    solver : Solver
        The solver.
    regions : xarray.Dataset
        A regions dataset in memory, without tracks; with ``region_width`` if widths differ.
    motifs : xarray.Dataset
        Oriented motifs.
    tile : int, optional
        Cut longer regions into tiles of about this many bp, which bounds memory. A tile is no
        shorter than what four halos of eight cores take.

    Returns
    -------
    HitsAndQC
        Those of the solver for each region by itself. Of a region solved in tiles, scale, nll and
        duality gap are computed for the whole, at the coefficients that are returned; the steps are
        those of the tile that took most, and the step size is the smallest. It has converged if all
        tiles have, and what is joined has.

    Raises
    ------
    PluginError
        If tiles are asked for and the solver does not use the scale that it is given.
    """
    widths = region_widths(regions)
    halo = _halo(motifs)
    longest = np.inf if tile is None else max(tile, _LEAST_TILE * halo) + 2 * halo
    long = np.flatnonzero(widths > longest)
    if not long.size:
        return _solve_ragged(solver, regions, motifs)
    parts = []
    if (short := np.flatnonzero(widths <= longest)).size:
        few = regions.isel(region=short, position=slice(max(int(widths[short].max()), 1)))
        parts.append((short, _solve_ragged(solver, few, motifs)))
    tiled = _Tiled(_stricter(solver), regions, motifs, int(longest), halo)
    parts.append((long, tiled.solve(long, widths[long])))
    return _joined(parts)


def _solve_ragged(solver: Solver, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
    """Solve a block, the regions of each width by themselves unless the solver is ragged."""
    if "region_width" not in regions or getattr(solver, "ragged", False):
        return solver.solve(regions, motifs)
    widths = region_widths(regions)
    regions = regions.drop_vars("region_width")
    if not widths.size:
        return solver.solve(regions, motifs)
    parts = []
    for width in np.unique(widths):
        rows = np.flatnonzero(widths == width)
        alike = regions.isel(region=rows, position=slice(int(max(width, 1))))
        parts.append((rows, solver.solve(alike, motifs)))
    return _joined(parts)


def _joined(parts: Sequence[tuple[NDArray[np.int64], HitsAndQC]]) -> HitsAndQC:
    """The answers for some regions of a block each, with their numbers in it, as one."""
    hits = _concatenated([_columns(answer.hits) for _, answer in parts])
    qc = _concatenated([_columns(answer.qc) for _, answer in parts])
    own = [rows[answer.hits["hit_region"].values] for rows, answer in parts]
    hits["hit_region"] = np.concatenate(own).astype(np.int64)
    order = np.argsort(hits["hit_region"], kind="stable")
    regions = np.argsort(np.concatenate([rows for rows, _ in parts]))
    like = parts[0][1]
    return HitsAndQC(
        _dataset(like.hits, {name: values[order] for name, values in hits.items()}),
        _dataset(like.qc, {name: values[regions] for name, values in qc.items()}),
    )


def _columns(dataset: "xr.Dataset") -> Columns:
    return {str(name): variable.values for name, variable in dataset.variables.items()}


def _concatenated(columns: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([each[name] for each in columns]) for name in columns[0]}


def _dataset(like: "xr.Dataset", columns: Columns) -> "xr.Dataset":
    """Columns as a dataset with the dimension and attributes of another."""
    import xarray as xr

    data = {
        name: (like.variables[name].dims, values, like.variables[name].attrs)
        for name, values in columns.items()
    }
    return xr.Dataset(data, attrs=like.attrs)


# --- Tiles ---------------------------------------------------------------------------------------


class _Window(NamedTuple):
    """A tile with its halos."""

    region: int
    start: int
    stop: int

    @property
    def width(self) -> int:
        return self.stop - self.start


class _Solution(NamedTuple):
    """That of a window; hits lie relative to the region."""

    window: _Window
    hits: Columns
    qc: Columns
    answer: HitsAndQC  # what it was part of


def _stricter(solver: Solver) -> Solver:
    """The solver with half its tolerance, if it has one.

    The gap of a whole is the sum of what its tiles have between the cuts, which is at most their
    gaps; and with their halos they have up to twice as many bases as the whole.
    """
    options: Any = solver
    names = {each.name for each in fields(options)} if is_dataclass(type(solver)) else {}
    if "tolerance" not in names:
        return solver
    halved: Solver = replace(options, tolerance=options.tolerance / 2)
    return halved


def _flank(motifs: "xr.Dataset") -> int:
    """Bases that a motif may need beside its core."""
    core, before, behind = core_room(motifs).T
    return int(np.maximum(before, behind - core).max())


def _halo(motifs: "xr.Dataset") -> int:
    return _HALO * _reach(motifs) + _flank(motifs)


def _reach(motifs: "xr.Dataset") -> int:
    """Widest core."""
    return int(core_room(motifs)[:, 0].max())


@dataclass(frozen=True)
class _Tiled:
    """The long regions of a block, and the windows that they are solved in."""

    solver: Solver
    regions: "xr.Dataset"
    motifs: "xr.Dataset"
    width: int  # of a window
    halo: int

    def solve(self, rows: NDArray[np.int64], widths: NDArray[np.int64]) -> HitsAndQC:
        """Solve some of the regions of the block; they are numbered from 0 in what is returned."""
        scales, solved = {}, dict[_Window, _Solution]()
        tilings = {}
        for row, width in zip(rows.tolist(), widths.tolist(), strict=True):
            scales[row] = float(self._scores(row, width)[1])
            tilings[row] = self._windows(row, width)
        while missing := [w for tiling in tilings.values() for w in tiling if w not in solved]:
            solved |= self._solve(missing, scales)
            for row, tiling in tilings.items():
                tilings[row] = self._merged([solved[window] for window in tiling])
            solved = {w: solved[w] for tiling in tilings.values() for w in tiling if w in solved}
        parts = []
        for number, (row, width) in enumerate(zip(rows.tolist(), widths.tolist(), strict=True)):
            whole = self._whole([solved[window] for window in tilings[row]], width)
            parts.append((np.array([number]), whole))
        return _joined(parts)

    def _windows(self, row: int, length: int) -> list[_Window]:
        """Windows of one width that cover a region, each pair shares two halos or more."""
        steps = -(-(length - self.width) // (self.width - 2 * self.halo))
        starts = np.linspace(0, length - self.width, steps + 1).astype(int).tolist()
        return [_Window(row, start, start + self.width) for start in starts]

    def _scores(self, row: int, width: int) -> tuple[NDArray[np.float64], float]:
        """Scores ``(rows, position)`` of a region, as the problem has them, and its scale."""
        names = {"region_sequence", "region_contributions", "region_scale"}
        region = self.regions[[name for name in self.regions.data_vars if name in names]]
        region = region.isel(region=[row], position=slice(width))
        scores = problem_scores(region, self.motifs)
        return scores[0], float(region_scales(region, scores)[0])

    def _solve(
        self, windows: Iterable[_Window], scales: dict[int, float]
    ) -> dict[_Window, _Solution]:
        """Solve windows, as many of one width together as memory should hold."""
        by_width: dict[int, list[_Window]] = {}
        for window in windows:
            by_width.setdefault(window.width, []).append(window)
        solved = {}
        for width, alike in by_width.items():
            at_once = max(1, _AT_ONCE // width)
            for first in range(0, len(alike), at_once):
                for solution in self._solve_alike(alike[first : first + at_once], scales):
                    solved[solution.window] = solution
        return solved

    def _solve_alike(
        self, windows: Sequence[_Window], scales: dict[int, float]
    ) -> Iterable[_Solution]:
        sequence, scores = (
            self.regions[name].values for name in ("region_sequence", "region_contributions")
        )
        block = create_regions(
            np.stack([sequence[row, start:stop] for row, start, stop in windows]),
            np.stack([scores[row, ..., start:stop] for row, start, stop in windows]),
        )
        given = np.array([scales[window.region] for window in windows])
        answer = self.solver.solve(block.assign(region_scale=("region", given)), self.motifs)
        if not np.allclose(answer.qc["qc_scale"].values, given, rtol=1e-4, atol=0):
            raise PluginError(
                f"the solver {self.solver.name} does not use the scale of a region (region_scale) "
                "where it is given one, so that regions cannot be solved in tiles: leave --tile out"
            )
        hits, qc = _columns(answer.hits), _columns(answer.qc)
        for index, window in enumerate(windows):
            chosen = np.flatnonzero(hits["hit_region"] == index)
            own = {name: values[chosen] for name, values in hits.items()}
            own |= {name: own[name] + window.start for name in _POSITIONS}
            own["hit_region"] = np.zeros_like(own["hit_region"])
            quality = {name: values[index : index + 1] for name, values in qc.items()}
            yield _Solution(window, own, quality, answer)

    def _cut(self, left: _Solution, right: _Solution) -> int | None:
        return _find_cut(left, right, _reach(self.motifs), self.halo - _flank(self.motifs))

    def _merged(self, solutions: Sequence[_Solution]) -> list[_Window]:
        """The windows, those between which there is no cut as one."""
        windows = [solutions[0].window]
        for left, right in pairwise(solutions):
            if self._cut(left, right) is None:
                windows[-1] = windows[-1]._replace(stop=right.window.stop)
            else:
                windows.append(right.window)
        return windows

    def _whole(self, solutions: Sequence[_Solution], width: int) -> HitsAndQC:
        """Join the solutions of the windows of a region."""
        cuts = [self._cut(left, right) or 0 for left, right in pairwise(solutions)]
        parts = []
        for solution, (low, high) in zip(solutions, pairwise([0, *cuts, width]), strict=True):
            start = solution.hits["hit_start"]
            chosen = (start >= low) & (start < high)
            parts.append({name: values[chosen] for name, values in solution.hits.items()})
        hits = _concatenated(parts)
        like = solutions[0].answer
        qc = self._quality(solutions, hits, cuts, width)
        return HitsAndQC(_dataset(like.hits, hits), _dataset(like.qc, qc))

    def _quality(
        self, solutions: Sequence[_Solution], hits: Columns, cuts: Sequence[int], width: int
    ) -> Columns:
        """Qc of a region that is joined from solutions."""
        tiles = _concatenated([solution.qc for solution in solutions])
        row = solutions[0].window.region
        scores, scale = self._scores(row, width)
        scaled = scores / scale if scale > 0 else np.zeros_like(scores)
        codes = self.regions["region_sequence"].values[row, :width]
        found = Coefficients(
            motif=hits["hit_motif"].astype(np.int64),
            start=hits["hit_start"].astype(np.int64),
            value=hits["hit_coefficient"].astype(np.float64),
        )
        squares, gap = evaluate(scaled, codes, self.motifs, found, cuts)
        # Solvers that stop by another rule than the gap are not held to their tolerance.
        most = 2 * max(getattr(self.solver, "tolerance", np.inf), tiles["qc_dual_gap"].max())
        whole = {
            "qc_nll": squares / (2 * width),
            "qc_dual_gap": gap / width,
            "qc_steps": tiles["qc_steps"].max(),
            "qc_step_size": tiles["qc_step_size"].min(),
            "qc_scale": scale,
            "qc_converged": tiles["qc_converged"].all() and not gap / width > most,
        }
        # What else a plugin says of a region is that of its first tile.
        return {
            name: np.array([whole.get(name, values[0])], dtype=values.dtype)
            for name, values in tiles.items()
        }


def _find_cut(left: _Solution, right: _Solution, reach: int, spread: int) -> int | None:
    """Position at which to change from one solution to the other; None if there is none.

    It lies less than `spread` from the middle of the overlap, if possible where no hit spans it.

    Parameters
    ----------
    left, right : _Solution
        Neighbours.
    reach : int
        Widest core.
    spread : int
        Largest distance from the middle at which the overlap still has all columns that count.
    """
    middle = (right.window.start + left.window.stop) // 2
    first = middle - spread + reach
    positions = np.arange(first, middle + spread - reach)
    spanned = np.zeros(positions.size, dtype=np.bool_)
    worst = np.zeros(positions.size)
    differences = _differences(left, right)
    for start, end in _cores(left) | _cores(right):
        spanned[max(start + 1 - first, 0) : max(end - first, 0)] = True
    for start, difference in differences:
        near = slice(max(start - reach + 1 - first, 0), max(start + reach - first, 0))
        worst[near] = np.maximum(worst[near], difference)
    # A solution whose gap per base is so large explains scores within the root of twice that.
    gaps = np.nan_to_num([solution.qc["qc_dual_gap"][0] for solution in (left, right)])
    different = worst > max(_SAME, np.sqrt(2 * gaps.max()))
    best = np.lexsort((np.abs(positions - middle), worst, spanned, different))[0]
    return None if different[best] else int(positions[best])


def _cores(solution: _Solution) -> set[tuple[int, int]]:
    starts, ends = (solution.hits[f"hit_{name}"].tolist() for name in ("start", "end"))
    return set(zip(starts, ends, strict=True))


def _differences(left: _Solution, right: _Solution) -> list[tuple[int, float]]:
    """Where columns start on which two solutions differ, and by how much what they explain does.

    A column that only one of them has, and has no coefficient, differs by infinity.
    """
    low, high = right.window.start, left.window.stop
    sides: list[dict[tuple[int, int], list[float]]] = []
    for solution in (left, right):
        hits = solution.hits
        inside = (hits["hit_start"] >= low) & (hits["hit_start"] < high)
        names = ("hit_start", "hit_motif", "hit_coefficient", "hit_importance_sq")
        rows = zip(*(hits[name][inside].tolist() for name in names), strict=True)
        sides.append({(start, motif): numbers for start, motif, *numbers in rows})
    scale = float(left.qc["qc_scale"][0])
    found = []
    for key in sides[0].keys() | sides[1].keys():
        values = [side.get(key, [0.0, 0.0]) for side in sides]
        squares = np.nan_to_num([squares for _, squares in values]).max()
        difference = abs(values[0][0] - values[1][0]) / np.sqrt(squares / scale**2 + 1)
        unknown = 0.0 if key in sides[0] and key in sides[1] else np.inf
        found.append((key[0], unknown if np.isnan(difference) else float(difference)))
    return found
