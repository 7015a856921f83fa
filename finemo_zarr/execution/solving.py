"""A block of regions of any widths, solved by a solver that need not know of that.

Regions of different widths are handed over in groups of one width, each cut to it, unless the
solver says (``ragged``) that it looks at ``region_width`` itself. Long regions are solved in tiles.

A tile is solved with a margin on either side, and with the scale of the whole region. Between two
tiles their solutions are compared: where no hit of either reaches across a position, and both have
the same hits around it, what lies on its left and what lies on its right do not depend on one
another. There the solutions are joined, and what is joined is the solution of the whole: each
column sees the same residual as in the tile that it was solved in. If there is no such position,
the two tiles are solved as one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import PluginError
from finemo_zarr.model import create_hits, create_qc
from finemo_zarr.protocols import HitsAndQC, Solver
from finemo_zarr.sequence import NO_BASE
from finemo_zarr.solvers._columns import core_weights
from finemo_zarr.solvers._hits import problem_scores, region_scales

if TYPE_CHECKING:
    import xarray as xr

Columns = dict[str, NDArray[Any]]

_MARGIN = 10
"""Margin of a tile, in widths of the widest motif: chains of hits that touch are seldom longer."""
_TILES_AT_ONCE = 8
_SAME = (1e-6, 0.05)
_PLACES = ("start", "end", "start_untrimmed", "end_untrimmed")


def solve_block(
    solver: Solver, regions: "xr.Dataset", motifs: "xr.Dataset", *, tile: int | None = None
) -> HitsAndQC:
    """Solve a block whose regions may be of different widths, or long.

    Parameters
    ----------
    solver : Solver
        The solver.
    regions : xarray.Dataset
        A regions dataset, in memory, without tracks, perhaps with ``region_width``.
    motifs : xarray.Dataset
        Oriented motifs.
    tile : int, optional
        Regions longer than this are solved in tiles of about this length, in bp.

    Returns
    -------
    HitsAndQC
        As :meth:`finemo_zarr.protocols.Solver.solve`. Of a region solved in tiles, the duality gap
        is the sum of those of its tiles, margins and all, the number of steps that of the slowest.

    Raises
    ------
    PluginError
        If tiles are needed and the solver does not take the scale that it is given.
    """
    length = regions.sizes["position"]
    widths = regions.get("region_width")
    if tile is None or tile >= length:
        if widths is None or getattr(solver, "ragged", False):
            return solver.solve(regions, motifs)
        tile = None
    each = np.full(regions.sizes["region"], length) if widths is None else widths.values
    solved = []
    for width in np.unique(each).tolist():
        rows = np.flatnonzero(each == width)
        if tile is None or width <= tile:
            solved.append((rows, solver.solve(cut(regions, rows, 0, width), motifs)))
        else:
            solved += [
                (rows[i : i + 1], _solve_tiled(solver, cut(regions, row, 0, width), motifs, tile))
                for i, row in enumerate(rows[:, None])
            ]
    return _joined(solved, regions.sizes["region"])


def cut(regions: "xr.Dataset", rows: Any, start: int, end: int) -> "xr.Dataset":
    """Sequences and scores of some regions between two positions."""
    names = ["region_sequence", "region_contributions"]
    names += ["region_scale"] if "region_scale" in regions else []
    return regions[names].isel(region=rows, position=slice(start, end))


def _joined(solved: Sequence[tuple[NDArray[Any], HitsAndQC]], n_regions: int) -> HitsAndQC:
    """Put the answers for parts of a block in the order of its regions."""
    import xarray as xr

    if not solved:
        raise PluginError("a block without regions cannot be solved")
    hits = xr.concat([part.hits for _, part in solved], dim="hit")
    numbers = np.concatenate([rows[part.hits["hit_region"].values] for rows, part in solved])
    hits["hit_region"] = hits["hit_region"].copy(data=numbers.astype(np.int64))
    # Stable: within a region the solver's own order stays.
    hits = hits.isel(hit=np.argsort(numbers, kind="stable"))
    qc = xr.concat([part.qc for _, part in solved], dim="region")
    order = np.empty(n_regions, dtype=np.int64)
    order[np.concatenate([rows for rows, _ in solved])] = np.arange(n_regions)
    return HitsAndQC(hits, qc.isel(region=order))


# --- Tiles ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tile:
    """The solution of a region between two positions; `hits` count from the region's start."""

    start: int
    end: int
    hits: Columns
    qc: Columns


@dataclass(frozen=True)
class _Long:
    """A region that is solved in tiles."""

    solver: Solver
    region: "xr.Dataset"
    motifs: "xr.Dataset"
    scale: float

    @property
    def widest(self) -> int:
        """Width of the widest motif."""
        return int(self.motifs["motif_width"].values.max())

    def solve(self, spans: Sequence[tuple[int, int]]) -> list[_Tile]:
        """Solve the region between pairs of positions, those of equal lengths together."""
        tiles: list[_Tile] = []
        for first in range(0, len(spans), _TILES_AT_ONCE):
            some = spans[first : first + _TILES_AT_ONCE]
            for length in dict.fromkeys(end - start for start, end in some):
                tiles += self._solve_alike([s for s in some if s[1] - s[0] == length])
        return sorted(tiles, key=lambda tile: tile.start)

    def _solve_alike(self, spans: Sequence[tuple[int, int]]) -> list[_Tile]:
        import xarray as xr

        parts = [cut(self.region, [0], start, end) for start, end in spans]
        block = xr.concat(parts, dim="region")
        block["region_scale"] = ("region", np.full(len(spans), self.scale))
        solved = self.solver.solve(block, self.motifs)
        scales = solved.qc["qc_scale"].values
        if not np.allclose(scales, self.scale, rtol=1e-4):
            raise PluginError(
                f"the solver {self.solver.name} does not take the scale that it is given "
                "(region_scale), so it cannot solve regions in tiles; leave --tile out"
            )
        number = solved.hits["hit_region"].values
        return [
            _Tile(
                start,
                end,
                _shifted(_columns(solved.hits.isel(hit=number == index), "hit_"), start),
                _columns(solved.qc.isel(region=[index]), "qc_"),
            )
            for index, (start, end) in enumerate(spans)
        ]


def _columns(dataset: "xr.Dataset", prefix: str) -> Columns:
    return {
        str(name).removeprefix(prefix): variable.values
        for name, variable in dataset.variables.items()
    }


def _shifted(hits: Columns, offset: int) -> Columns:
    places = {name: hits[name] + offset for name in _PLACES}
    return {**hits, **places, "region": np.zeros_like(hits["region"])}


def _solve_tiled(
    solver: Solver, region: "xr.Dataset", motifs: "xr.Dataset", tile: int
) -> HitsAndQC:
    scores = problem_scores(region, motifs)
    scale = float(region_scales(region, scores)[0])
    job = _Long(solver, region, motifs, scale)
    length = region.sizes["position"]
    margin = _MARGIN * job.widest
    edges = np.linspace(0, length, -(-length // tile) + 1).astype(int).tolist()
    # All of one length, so that they are solved together: those at the ends have a wider margin.
    span = min(max(np.diff(edges).tolist()) + 2 * margin, length)
    starts = [int(np.clip(edge - margin, 0, length - span)) for edge in edges[:-1]]
    tiles = job.solve([(start, start + span) for start in dict.fromkeys(starts)])
    tiles, cuts = _merged(job, tiles)
    bounds = [0, *cuts, length]
    parts = [
        _select(tile.hits, (tile.hits["start"] >= low) & (tile.hits["start"] < high))
        for tile, low, high in zip(tiles, bounds, bounds[1:], strict=False)
    ]
    hits = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return HitsAndQC(create_hits(hits), create_qc(_quality(job, tiles, hits, scores)))


def _select(hits: Columns, chosen: Any) -> Columns:
    return {name: values[chosen] for name, values in hits.items()}


def _merged(job: _Long, tiles: list[_Tile]) -> tuple[list[_Tile], list[int]]:
    """Tiles between which there are cuts, and the cuts; tiles without one between are merged."""
    index, cuts = 0, list[int]()
    while index < len(tiles) - 1:
        left, right = tiles[index], tiles[index + 1]
        found = _find_cut(left, right, job, cuts[-1] if cuts else 0)
        if found is not None:
            cuts.append(found)
            index += 1
            continue
        tiles[index : index + 2] = job.solve([(left.start, right.end)])
        if cuts:  # the merged tile has a new solution, also where it meets the one before
            cuts.pop()
            index -= 1
    return tiles, cuts


def _find_cut(left: _Tile, right: _Tile, job: _Long, after: int) -> int | None:
    """Position in the middle of the overlap, as nearly as may be, that cuts no hit.

    Around it, as far as the widest motif reaches, both solutions are the same, and the ends of the
    tiles are too far away to matter to any column that reaches across.
    """
    reach = 2 * job.widest
    low, high = max(right.start + reach, after + 1), left.end - reach
    if low >= high:
        return None
    free = np.ones(high - low, dtype=bool)

    def block(starts: Any, ends: Any) -> None:
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            free[max(start - low, 0) : max(end - low, 0)] = False

    for hits in (left.hits, right.hits):
        block(hits["start"] + 1, hits["end"])
    for hits in _differing(left, right):
        block(hits["start"] - job.widest + 1, hits["end"] + job.widest)
    candidates = low + np.flatnonzero(free)
    if not candidates.size:
        return None
    middle = (right.start + left.end) // 2
    return int(candidates[np.abs(candidates - middle).argmin()])


def _closeness(left: _Tile, right: _Tile) -> float:
    """How far coefficients may differ that are the same: about the root of what the gaps leave."""
    gap = max(float(tile.qc["dual_gap"][0]) for tile in (left, right))
    return float(np.clip(np.sqrt(gap), *_SAME)) if np.isfinite(gap) else _SAME[1]


def _differing(left: _Tile, right: _Tile) -> tuple[Columns, Columns]:
    """Hits in the overlap of two tiles that the other solution does not have, or otherwise."""
    start, end, close = right.start, left.end, _closeness(left, right)

    def inside(hits: Columns) -> Columns:
        return _select(hits, (hits["end"] > start) & (hits["start"] < end))

    def keyed(hits: Columns) -> dict[tuple[int, int], float]:
        keys = zip(hits["motif"].tolist(), hits["start"].tolist(), strict=True)
        return dict(zip(keys, hits["coefficient"].tolist(), strict=True))

    def odd(hits: Columns, other: dict[tuple[int, int], float]) -> Columns:
        own = keyed(hits)
        differs = [abs(own[key] - other.get(key, 0.0)) > close for key in own]
        return _select(hits, np.array(differs, dtype=bool))

    ours, theirs = inside(left.hits), inside(right.hits)
    return odd(ours, keyed(theirs)), odd(theirs, keyed(ours))


def _quality(job: _Long, tiles: Sequence[_Tile], hits: Columns, scores: Any) -> Columns:
    """Quality of the whole, one value each."""
    length = scores.shape[2]
    lengths = np.array([tile.end - tile.start for tile in tiles])
    gaps = np.concatenate([tile.qc["dual_gap"] for tile in tiles])
    residual = _residual(job, hits, scores)
    return {
        "nll": np.array([(residual**2).sum() / (2 * length)]),
        "dual_gap": np.array([(gaps * lengths).sum() / length]),
        "steps": np.array([max(int(tile.qc["steps"][0]) for tile in tiles)]),
        "step_size": np.array([min(float(tile.qc["step_size"][0]) for tile in tiles)]),
        "scale": np.array([job.scale]),
        "converged": np.array([all(bool(tile.qc["converged"][0]) for tile in tiles)]),
    }


def _residual(job: _Long, hits: Columns, scores: Any) -> NDArray[np.float64]:
    """What the hits leave of the scaled scores, ``(rows, position)``."""
    scaled = scores[0] / job.scale if job.scale > 0 else np.zeros_like(scores[0])
    energy = np.concatenate([[0.0], np.cumsum((scaled**2).sum(axis=0))])
    weights, codes = core_weights(job.motifs), job.region["region_sequence"].values[0]
    left = scaled.copy()
    rows = zip(
        *(hits[name].tolist() for name in ("motif", "start", "end", "coefficient")), strict=True
    )
    for motif, start, end, coefficient in rows:
        size = coefficient / np.sqrt(energy[end] - energy[start] + 1)
        core = weights[motif, :, : end - start]
        if scaled.shape[0] == 1:
            bases = codes[start:end]
            own = core[np.minimum(bases, 3), np.arange(end - start)]
            left[0, start:end] -= size * np.where(bases < NO_BASE, own, 0)
        else:
            left[:, start:end] -= size * core
    return np.asarray(left)
