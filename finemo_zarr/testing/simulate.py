"""Simulated motifs and regions with planted, known sites.

Everything is determined by the seed. Regions are drawn in cells of a fixed size, each with a seed
of its own, so that the same regions come out in whatever blocks they are asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError
from finemo_zarr.model import create_motifs, create_regions
from finemo_zarr.sequence import project

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[Any]
Truth = dict[str, NDArray[Any]]

BACKGROUND = np.array([0.29, 0.21, 0.21, 0.29])
"""Base frequencies of simulated sequences."""

_CHROMS = ("chr1", "chr2", "chr3")
_FIRST_START = 1000  # of the first region on each chromosome
_BETWEEN_REGIONS = 500
_CELL = 500  # regions drawn with one seed
_SPACING = 5  # smallest distance of two planted cores, bp
_TRIM = 0.3  # what counts as a motif's core, as in call-hits
_STRENGTH_SPREAD = 0.3  # of the logarithm


def simulate_motifs(
    n_motifs: int,
    width: int = 30,
    core: tuple[int, int] = (6, 20),
    *,
    n_negative: int = 0,
    palindromes: float = 0.1,
    seed: int = 0,
) -> "xr.Dataset":
    """Motifs with the shapes of real ones: an informative core between flanks of low noise.

    Core columns are of three kinds, as in databases: one base, a choice of two, or little
    preference; the first and the last are of the first kind. The hypothetical matrix is the
    centred log-odds of the probabilities, and the contribution matrix is what its average over
    sites would be.

    Parameters
    ----------
    n_motifs : int
        How many.
    width : int
        Untrimmed width, bp.
    core : tuple of int
        Shortest and longest core, bp.
    n_negative : int
        How many of them, the last, have negative contributions; their names begin with
        ``neg_patterns``.
    palindromes : float
        Share of motifs that nearly equal their reverse complement, 0 to 1.
    seed : int
        Seed.

    Returns
    -------
    xarray.Dataset
        A motifs dataset with CWM, hCWM and PPM, named as TF-MoDISco names its patterns.

    Raises
    ------
    ValueError
        If the core does not fit in the width.
    """
    shortest, longest = core
    if not 1 <= shortest <= longest <= width:
        raise ValueError(f"cores of {shortest} to {longest} bp do not fit a width of {width} bp")
    rng = np.random.default_rng([seed, 0])
    ppm = np.empty((n_motifs, 4, width))
    hcwm = np.empty((n_motifs, 4, width))
    for index in range(n_motifs):
        palindromic = rng.random() < palindromes
        ppm[index], in_core = _draw_ppm(rng, width, int(rng.integers(shortest, longest + 1)))
        if palindromic:
            ppm[index] = _make_palindromic(rng, ppm[index], in_core)
        hcwm[index] = _hypothetical(rng, ppm[index], in_core)
    hcwm[n_motifs - n_negative :] *= -1
    return create_motifs(
        _pattern_names(n_motifs, n_negative),
        ppm * hcwm,
        matrices={"hcwm": hcwm, "ppm": ppm},
        labels={"origin": "cwm"},
    )


def _pattern_names(n_motifs: int, n_negative: int) -> list[str]:
    positive = n_motifs - n_negative
    return [f"pos_patterns.pattern_{k}" for k in range(positive)] + [
        f"neg_patterns.pattern_{k}" for k in range(n_negative)
    ]


def _draw_ppm(rng: np.random.Generator, width: int, length: int) -> tuple[Array, slice]:
    start = int(np.clip((width - length) // 2 + rng.integers(-2, 3), 0, width - length))
    flanks = rng.dirichlet(400 * BACKGROUND, size=width)
    kinds = rng.choice(3, size=length, p=[0.6, 0.28, 0.12])
    kinds[[0, -1]] = 0
    concentrations = np.array([[60.0, 1, 1, 1], [30, 24, 1, 1], [6, 4, 3, 3]])[kinds]
    columns = np.array([rng.dirichlet(concentration) for concentration in concentrations])
    columns = rng.permuted(0.97 * columns + 0.0075, axis=1)
    flanks[start : start + length] = columns
    return flanks.T, slice(start, start + length)


def _make_palindromic(rng: np.random.Generator, ppm: Array, in_core: slice) -> Array:
    core = ppm[:, in_core]
    mirrored = core[::-1, ::-1].copy()
    half = core.shape[1] // 2
    mirrored[:, :half] = core[:, :half]
    result = ppm.copy()
    result[:, in_core] = mirrored + rng.uniform(0, 0.1) * (core - mirrored)
    return result


def _hypothetical(rng: np.random.Generator, ppm: Array, in_core: slice) -> Array:
    log_odds = np.log(ppm / BACKGROUND[:, None])
    centred = log_odds - BACKGROUND @ log_odds
    outside = np.ones(ppm.shape[1], dtype=bool)
    outside[in_core] = False
    centred[:, outside] = rng.normal(scale=0.02 * centred.max(), size=(4, outside.sum()))
    scaled: Array = centred * rng.uniform(0.02, 0.04)
    return scaled


def simulate_regions(
    motifs: "xr.Dataset",
    n_regions: int,
    width: int,
    *,
    sites_per_region: int | tuple[int, int] = (2, 6),
    hypothetical: bool = False,
    noise: float = 0.05,
    seed: int = 0,
) -> tuple["xr.Dataset", Truth]:
    """Regions with planted sites, and where these are.

    A site's bases are drawn from the motif's PPM; its scores are the motif's hCWM (CWM, if there
    is none) times a random strength around 1, so that their average, projected, is the CWM. Cores
    lie inside the region and do not overlap; the flanks may reach over the edge. The strength, the
    noise and the sites are the same with and without `hypothetical`, and projecting the one gives
    the other.

    Parameters
    ----------
    motifs : xarray.Dataset
        A motifs dataset with a PPM, not oriented.
    n_regions : int
        How many regions.
    width : int
        Their width, bp.
    sites_per_region : int or tuple of int
        Sites per region, or the fewest and the most; fewer where they do not fit.
    hypothetical : bool
        Give hypothetical scores ``(region, base, position)`` instead of projected ones.
    noise : float
        Standard deviation of normal noise on every score, relative to the largest score of the
        motifs.
    seed : int
        Seed.

    Returns
    -------
    regions : xarray.Dataset
        A regions dataset in memory, float32, with coordinates.
    truth : dict of array, ``(site,)``
        Ordered by region and core: ``region``, ``motif`` (index along `motif`), ``strand``
        ("+" or "-"), ``start`` (of the untrimmed motif, relative to the region, may be negative),
        ``core_start`` and ``core_end`` (relative to the region).

    Raises
    ------
    SchemaError
        If the motifs have no PPM.
    """
    simulation = _Simulation.of(motifs, n_regions, width, sites_per_region, noise, seed)
    return simulation.regions(0, n_regions, hypothetical=hypothetical)


def simulate_blocks(
    motifs: "xr.Dataset", n_regions: int, width: int, *, block_size: int = 2000, **settings: Any
) -> Iterator[tuple["xr.Dataset", Truth]]:
    """The regions of :func:`simulate_regions` block by block, for more than memory holds.

    Parameters
    ----------
    motifs : xarray.Dataset
        A motifs dataset with a PPM, not oriented.
    n_regions : int
        How many regions in all.
    width : int
        Their width, bp.
    block_size : int
        Regions per block; best a multiple of 500.
    **settings
        Keyword arguments of :func:`simulate_regions`.

    Yields
    ------
    regions, truth
        As from :func:`simulate_regions`; ``truth["region"]`` counts over all blocks.
    """
    hypothetical = settings.pop("hypothetical", False)
    defaults: dict[str, Any] = {"sites_per_region": (2, 6), "noise": 0.05, "seed": 0}
    simulation = _Simulation.of(motifs, n_regions, width, **(defaults | settings))
    for first in range(0, n_regions, block_size):
        last = min(first + block_size, n_regions)
        yield simulation.regions(first, last, hypothetical=hypothetical)


@dataclass(frozen=True)
class _Oriented:
    """Motifs on both strands: index ``2 * motif + (strand == "-")``."""

    thresholds: Array  # (oriented, 3, width): cumulative probabilities of A, C, G
    scores: Array  # (oriented, 4, width)
    start: Array  # (oriented,): first column of the core
    end: Array

    @classmethod
    def of(cls, motifs: "xr.Dataset") -> "_Oriented":
        if "motif_ppm" not in motifs:
            raise SchemaError("the motifs have no motif_ppm: sites cannot be drawn from them")
        widths = motifs["motif_width"].to_numpy()
        matrices = motifs["motif_hcwm" if "motif_hcwm" in motifs else "motif_cwm"].to_numpy()
        strength = np.abs(_both_strands(motifs["motif_cwm"].to_numpy(), widths)).sum(axis=1)
        in_core = strength >= _TRIM * strength.max(axis=1, keepdims=True)
        return cls(
            np.cumsum(_both_strands(motifs["motif_ppm"].to_numpy(), widths), axis=1)[:, :3],
            _both_strands(matrices, widths).astype(np.float32),
            in_core.argmax(axis=1),
            in_core.shape[1] - in_core[:, ::-1].argmax(axis=1),
        )


def _both_strands(matrices: Array, widths: Array) -> Array:
    both = np.zeros((2 * len(matrices), *matrices.shape[1:]))
    both[::2] = matrices
    for index, width in enumerate(widths):
        both[2 * index + 1, :, :width] = matrices[index, ::-1, :width][:, ::-1]
    return both


@dataclass(frozen=True)
class _Sites:
    """Planted sites of a cell, ``(region, rank)``; `count` of them per region are meant."""

    count: Array
    oriented: Array
    start: Array  # untrimmed

    def ranks(self, width: int) -> Iterator[tuple[Array, ...]]:
        """Region, oriented motif, motif column and position, one site per region at a time."""
        column = np.arange(width)
        for rank in range(self.start.shape[1]):
            region = np.flatnonzero(rank < self.count)[:, None]
            position = self.start[region, rank] + column
            yield np.broadcast_arrays(region, self.oriented[region, rank], column, position)


@dataclass(frozen=True)
class _Simulation:
    motifs: _Oriented
    n_regions: int
    width: int
    sites: tuple[int, int]
    noise: float
    seed: int

    @classmethod
    def of(
        cls,
        motifs: "xr.Dataset",
        n_regions: int,
        width: int,
        sites_per_region: int | tuple[int, int],
        noise: float,
        seed: int,
    ) -> "_Simulation":
        few, many = (
            (sites_per_region, sites_per_region)
            if isinstance(sites_per_region, int)
            else sites_per_region
        )
        oriented = _Oriented.of(motifs)
        scale = float(np.abs(oriented.scores).max(initial=0)) * noise
        return cls(oriented, n_regions, width, (few, many), scale, seed)

    def regions(self, first: int, last: int, *, hypothetical: bool) -> tuple["xr.Dataset", Truth]:
        """Regions `first` to `last`, exclusive, and the truth in them."""
        cells = [
            self._cell(index, hypothetical=hypothetical)
            for index in range(first // _CELL, max(-(-last // _CELL), first // _CELL + 1))
        ]
        begin = first // _CELL * _CELL
        wanted = slice(first - begin, last - begin)
        sequence, scores = (np.concatenate([cell[part] for cell in cells]) for part in (0, 1))
        truth = {key: np.concatenate([cell[2][key] for cell in cells]) for key in cells[0][2]}
        kept = (truth["region"] >= first) & (truth["region"] < last)
        regions = create_regions(
            sequence[wanted],
            scores[wanted],
            coordinates=self._coordinates(np.arange(first, last)),
            chrom_order=_CHROMS,
        )
        return regions, {key: values[kept] for key, values in truth.items()}

    def _coordinates(self, index: Array) -> dict[str, Any]:
        start = _FIRST_START + index // len(_CHROMS) * (self.width + _BETWEEN_REGIONS)
        return {
            "chrom": [_CHROMS[i % len(_CHROMS)] for i in index],
            "start": start,
            "end": start + self.width,
            "name": [f"peak{i}" for i in index],
            "id": index,
        }

    def _cell(self, index: int, *, hypothetical: bool) -> tuple[Array, Array, Truth]:
        rng = np.random.default_rng([self.seed, 1, index])
        edges = np.cumsum(BACKGROUND)[:3].astype(np.float32)
        letters = rng.random((_CELL, self.width), dtype=np.float32)
        sequence = np.searchsorted(edges, letters).astype(np.uint8)
        sites = self._place(rng)
        self._write_bases(rng, sequence, sites)
        strength = rng.lognormal(0, _STRENGTH_SPREAD, sites.start.shape).astype(np.float32)
        observed = rng.standard_normal(sequence.shape, dtype=np.float32) * np.float32(self.noise)
        signal = self._signal(sites, strength)
        if not hypothetical:
            return sequence, project(signal, sequence) + observed, self._truth(sites, index)
        others = np.random.default_rng([self.seed, 2, index])
        noise = others.standard_normal(signal.shape, dtype=np.float32) * np.float32(self.noise)
        np.put_along_axis(noise, sequence[:, None].astype(np.intp), observed[:, None], axis=1)
        return sequence, signal + noise, self._truth(sites, index)

    def _place(self, rng: np.random.Generator) -> _Sites:
        """Cores in random order, with the free bases spread at random between them."""
        few, many = self.sites
        oriented = rng.integers(len(self.motifs.start), size=(_CELL, many))
        length = (self.motifs.end - self.motifs.start)[oriented] + _SPACING
        count = rng.integers(few, many + 1, size=_CELL)
        fits = (np.cumsum(length, axis=1) - _SPACING <= self.width).sum(axis=1)
        count = np.minimum(count, fits)
        unused = np.arange(many) >= count[:, None]
        length[unused] = 0
        free = self.width + _SPACING * (count > 0) - length.sum(axis=1)
        shares = rng.random((_CELL, many))
        shares[unused] = 1  # sorted behind those in use
        shifts = np.floor(np.sort(shares, axis=1) * (free + 1)[:, None]).astype(np.int64)
        core = shifts + np.cumsum(length, axis=1) - length
        return _Sites(count, oriented, core - self.motifs.start[oriented])

    def _write_bases(self, rng: np.random.Generator, sequence: Array, sites: _Sites) -> None:
        motifs = self.motifs
        for region, oriented, column, position in sites.ranks(motifs.scores.shape[2]):
            core = (column >= motifs.start[oriented]) & (column < motifs.end[oriented])
            thresholds = motifs.thresholds[oriented[core], :, column[core]]
            bases = (rng.random(len(thresholds))[:, None] > thresholds).sum(axis=1)
            sequence[region[core], position[core]] = bases

    def _signal(self, sites: _Sites, strength: Array) -> Array:
        signal = np.zeros((_CELL, 4, self.width), dtype=np.float32)
        ranks = sites.ranks(self.motifs.scores.shape[2])
        for rank, (region, oriented, column, position) in enumerate(ranks):
            inside = (position >= 0) & (position < self.width)
            at = region[inside]
            scores = self.motifs.scores[oriented[inside], :, column[inside]]
            signal[at, :, position[inside]] += strength[at, rank, None] * scores
        return signal

    def _truth(self, sites: _Sites, index: int) -> Truth:
        region, rank = np.nonzero(np.arange(sites.start.shape[1]) < sites.count[:, None])
        oriented, start = sites.oriented[region, rank], sites.start[region, rank]
        return {
            "region": region + index * _CELL,
            "motif": oriented // 2,
            "start": start,
            "strand": np.where(oriented % 2, "-", "+"),
            "core_start": start + self.motifs.start[oriented],
            "core_end": start + self.motifs.end[oriented],
        }
