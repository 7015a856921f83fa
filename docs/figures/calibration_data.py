"""Sets with known sites, and how far q-values on them can be trusted."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from finemo_zarr import MotifOptions, get_solver, prepare_motifs
from finemo_zarr.decoys import DecoyOptions, add_decoys, decoys_per_motif, hit_qvalues, is_decoy
from finemo_zarr.errors import FinemoWarning
from finemo_zarr.sequence import project
from finemo_zarr.testing import simulate_motifs, simulate_regions

Array = NDArray[Any]
Rng = np.random.Generator
ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared/reference"

N_REGIONS, WIDTH, N_MOTIFS = 400, 500, 12
SEEDS = range(5)
LOW_LAMBDA = 0.5


class Planted(NamedTuple):
    """Regions, motifs that are not oriented, and where their sites are."""

    regions: xr.Dataset
    motifs: xr.Dataset
    region: Array
    motif: Array
    start: Array  # of the core
    end: Array
    mode: str = "pp"


# --- Simulated sets ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """A simulated set: how strong the noise is, relative to the largest score, and what is special.

    Parameters
    ----------
    noise : float
        Standard deviation.
    shape : callable
        Draws noise of standard deviation 1.
    weakest : float
        Sites are weakened by a factor between this and 1.
    others : callable, optional
        Makes motifs that have sites, too, and are not among those that are called.
    """

    noise: float
    shape: Callable[[Rng, tuple[int, int]], Array] = lambda rng, size: rng.standard_normal(size)
    weakest: float = 1.0
    others: Callable[[xr.Dataset, int], xr.Dataset] | None = None


def _heavy(rng: Rng, size: tuple[int, int]) -> Array:
    return rng.standard_t(3, size) / np.sqrt(3)


def _correlated(rng: Rng, size: tuple[int, int]) -> Array:
    kernel = np.exp(-(np.arange(-12, 13) ** 2) / 8)
    return _smoothed(rng.standard_normal(size), kernel / np.sqrt((kernel**2).sum()))


def _bursts(rng: Rng, size: tuple[int, int]) -> Array:
    level = np.exp(1.5 * _smoothed(rng.standard_normal(size), np.full(15, 15**-0.5)))
    return rng.standard_normal(size) * level / np.sqrt((level**2).mean())


def _smoothed(values: Array, kernel: Array) -> Array:
    return np.apply_along_axis(np.convolve, 1, values, kernel, "same")


def _unknown(_: xr.Dataset, seed: int) -> xr.Dataset:
    """Eight motifs that nobody told the caller of."""
    return simulate_motifs(8, seed=1000 + seed)


def _halves(motifs: xr.Dataset, _: int) -> xr.Dataset:
    """The left halves of the motifs."""
    oriented = prepare_motifs(motifs, MotifOptions()).isel(motif=slice(0, None, 2))
    middle = (oriented.motif_start + oriented.motif_end).values // 2
    left = np.arange(motifs.sizes["motif_position"]) < middle[:, None]
    halves = motifs.copy()
    for name, outside in (("motif_cwm", 0.0), ("motif_hcwm", 0.0), ("motif_ppm", 0.25)):
        halves[name] = (motifs[name].dims, np.where(left[:, None], motifs[name].values, outside))
    return halves


SIMULATED: Mapping[str, Setting] = {
    "white noise": Setting(0.15),
    "strong white noise": Setting(0.3),
    "very strong white noise": Setting(0.5),
    "weak sites": Setting(0.15, weakest=0.2),
    "heavy tails": Setting(0.25, _heavy),
    "bursts": Setting(0.4, _bursts),
    "correlated noise": Setting(0.3, _correlated),
}
"""Sets on which q-values are to hold."""

BEYOND: Mapping[str, Setting] = {
    "sites of unknown motifs": Setting(0.1, others=_unknown),
    "halves of the motifs": Setting(0.1, others=_halves),
}
"""Sets with something that decoys cannot see, or not well."""


def simulated(setting: Setting, seed: int) -> Planted:
    """Draw a set; what is drawn differs in everything from one seed to another."""
    motifs = simulate_motifs(N_MOTIFS, seed=100 + seed)
    planted = motifs
    if setting.others is not None:
        others = setting.others(motifs, seed)
        names = [f"other_{index}" for index in range(others.sizes["motif"])]
        planted = xr.concat([motifs, others.assign(motif_name=("motif", names))], dim="motif")
    regions, truth = simulate_regions(planted, N_REGIONS, WIDTH, noise=0, seed=seed)
    rng = np.random.default_rng([seed, 7])
    scores = regions.region_contributions.values.astype(np.float64)
    for region, start, factor in zip(
        truth["region"],
        truth["start"],
        rng.uniform(setting.weakest, 1, truth["start"].size),
        strict=True,
    ):
        scores[region, max(start, 0) : start + motifs.sizes["motif_position"]] *= factor
    largest = float(np.abs(motifs.motif_hcwm.values).max())
    scores += setting.noise * largest * setting.shape(rng, (N_REGIONS, WIDTH))
    regions["region_contributions"] = (("region", "position"), scores.astype(np.float32))
    own = truth["motif"] < N_MOTIFS
    columns = (truth[name][own] for name in ("region", "motif", "core_start", "core_end"))
    return Planted(regions, motifs, *columns)


# --- Sets of files -------------------------------------------------------------------------------


def reference_set(name: str) -> Planted:
    """Set P or Q of ../shared/reference, in the mode in which its hits are recorded."""
    import polars as pl

    from finemo_zarr.readers.modisco_fmt import ModiscoFmtReader
    from finemo_zarr.readers.modisco_h5 import ModiscoH5Reader

    width, mode = {"P": (1000, "pp"), "Q": (500, "hh")}[name]
    reader = ModiscoFmtReader(
        sequences=SHARED / f"{name}_ohe.npz",
        attributions=(SHARED / f"{name}_attr.npz",),
        peaks=SHARED / f"{name}.narrowPeak",
        region_width=width,
    )
    motifs = ModiscoH5Reader().read(SHARED / f"{name}_modisco.h5")
    oriented = prepare_motifs(motifs, MotifOptions(mode=mode))
    truth = pl.read_csv(SHARED / f"{name}_truth.tsv", separator="\t")
    numbers = {str(motif): index for index, motif in enumerate(motifs.motif_name.values)}
    motif = np.array([numbers[each] for each in truth["motif"]])
    row = 2 * motif + (truth["strand"].to_numpy() == "-")
    start, end = (
        truth["start"].to_numpy() + oriented[f"motif_{edge}"].values[row]
        for edge in ("start", "end")
    )
    regions = _in_mode(reader.read().compute(), mode)
    return Planted(regions, motifs, truth["region"].to_numpy(), motif, start, end, mode)


def example_set() -> Planted:
    """The bundled example."""
    import polars as pl

    from finemo_zarr.readers.chrombpnet_h5 import ChromBPNetH5Reader
    from finemo_zarr.readers.modisco_h5 import ModiscoH5Reader

    data = ROOT / "examples/data"
    reader = ChromBPNetH5Reader(
        h5s=(data / "scores.h5",), peaks=data / "peaks.narrowPeak", region_width=500
    )
    regions = _in_mode(reader.read().compute(), "pp")
    motifs = ModiscoH5Reader().read(data / "modisco.h5")
    table = pl.read_csv(data / "motif_names.tsv", separator="\t", has_header=False)
    renamed = dict(table.iter_rows())
    numbers = {renamed[str(name)]: index for index, name in enumerate(motifs.motif_name.values)}
    truth = pl.read_csv(data / "truth.tsv", separator="\t")
    rows = {str(name): row for row, name in enumerate(regions.region_name.values)}
    region = np.array([rows[name] for name in truth["peak_name"]])
    first = regions.region_start.values[region]
    motif = np.array([numbers[name] for name in truth["motif"]])
    start, end = (truth[edge].to_numpy() - first for edge in ("start", "end"))
    return Planted(regions, motifs, region, motif, start, end)


def _in_mode(regions: xr.Dataset, mode: str) -> xr.Dataset:
    if mode[1] == "h":
        return regions
    projected = project(regions.region_contributions.values, regions.region_sequence.values)
    return regions.assign(region_contributions=(("region", "position"), projected))


def file_sets() -> dict[str, Planted]:
    """Sets of files, those that are there."""
    found = {"bundled example": example_set()}
    if SHARED.exists():
        found |= {f"reference set {name}": reference_set(name) for name in "PQ"}
    return found


# --- Calls ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Called:
    """Hits of motifs, not of decoys.

    Parameters
    ----------
    qvalue : array, ``(hit,)``
        Over all motifs; NaN without decoys.
    false : array of bool, ``(hit,)``
        Whether no planted site shares half of the shorter with the hit.
    wrong : array of bool, ``(hit,)``
        Whether there are such sites, all of other motifs.
    found : array of bool, ``(site, hit)`` pairs
        Site and hit of each right call.
    n_sites : int
        How many sites there are.
    seconds : float
        What the solver took.
    """

    qvalue: Array
    false: Array
    wrong: Array
    found: tuple[Array, Array]
    n_sites: int
    seconds: float

    def kept(self, most: float | None) -> Array:
        """Hits with at most this q-value; by default all."""
        return np.ones(self.false.size, bool) if most is None else self.qvalue <= most

    def proportion(self, most: float | None = None) -> float:
        """Share of false hits among those kept, the false-discovery proportion."""
        kept = self.kept(most)
        return float(self.false[kept].mean()) if kept.any() else 0.0

    def mislabelled(self, most: float | None = None) -> float:
        """Share of hits of the wrong motif among those kept."""
        kept = self.kept(most)
        return float(self.wrong[kept].mean()) if kept.any() else 0.0

    def recall(self, most: float | None = None) -> float:
        """Share of the sites that are called, as what they are."""
        site, hit = self.found
        return np.unique(site[self.kept(most)[hit]]).size / self.n_sites


def call(planted: Planted, decoys: DecoyOptions | None = None, lambda_: float = 0.7) -> Called:
    """Call a set as `call-hits` does, with or without decoys, and compare with the truth."""
    import time

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FinemoWarning)
        options = MotifOptions(mode=planted.mode, lambda_default=lambda_)
        motifs = prepare_motifs(planted.motifs, options)
        placed = motifs if decoys is None else add_decoys(motifs, decoys)
        start = time.perf_counter()
        hits = get_solver("coordinate-descent")().solve(planted.regions, placed).hits
    seconds = time.perf_counter() - start
    least = placed.motif_lambda.values.astype(np.float32)[hits.hit_motif.values]
    hits = hits.isel(hit=np.flatnonzero(hits.hit_similarity.values >= least))
    number = hits.hit_motif.values
    qvalue, own = np.full(number.size, np.nan), np.ones(number.size, bool)
    if decoys is not None:
        score = hits.hit_coefficient.values * hits.hit_similarity.values.astype(np.float64)
        parents, decoy = placed.motif_parent.values[number], is_decoy(placed)[number]
        qvalue, _ = hit_qvalues(score, parents, decoy, decoys_per_motif(placed))
        own = ~decoy
    return _judged(planted, hits.isel(hit=np.flatnonzero(own)), qvalue[own], seconds)


def _judged(planted: Planted, hits: xr.Dataset, qvalue: Array, seconds: float) -> Called:
    order = np.argsort(planted.region, kind="stable")
    region, start, end = hits.hit_region.values, hits.hit_start.values, hits.hit_end.values
    low, high = (np.searchsorted(planted.region[order], region, side=s) for s in ("left", "right"))
    hit = np.repeat(np.arange(region.size), high - low)
    site = order[np.arange(hit.size) - np.repeat(np.cumsum(high - low) - high, high - low)]
    shared = np.minimum(end[hit], planted.end[site]) - np.maximum(start[hit], planted.start[site])
    shorter = np.minimum((end - start)[hit], (planted.end - planted.start)[site])
    close = 2 * shared >= shorter
    right = close & (planted.motif[site] == hits.hit_motif.values[hit] // 2)
    false = np.bincount(hit[close], minlength=region.size) == 0
    wrong = ~false & (np.bincount(hit[right], minlength=region.size) == 0)
    found = (site[right], hit[right])
    return Called(qvalue, false, wrong, found, planted.region.size, seconds)
