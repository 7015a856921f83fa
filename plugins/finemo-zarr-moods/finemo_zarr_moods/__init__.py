"""The solver `moods` of finemo-zarr: motif matches of MOODS, with the contributions under them."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import InputWarning, SchemaError
from finemo_zarr.hookspecs import hookimpl
from finemo_zarr.model import create_hits, create_qc
from finemo_zarr.protocols import HitsAndQC, option
from finemo_zarr.sequence import NO_BASE, decode, project

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_PSEUDOCOUNT, _KAPPA = 0.01, 0.001  # of log-odds, as in MOODS, and of the information content
_STEPS = 500  # of one nat: scores are rounded to them, so that their chances can be added up


class _Core(NamedTuple):
    log_odds: Array  # (base, position), nats
    steps: NDArray[np.int64]  # the same, rounded, with 0 for the least of each position
    tail: Array  # (score in steps,): chance of this score or more
    information: Array  # (position,), bits


@dataclass(frozen=True)
class MoodsSolver:
    """Matches of the motifs' cores, wherever there are scores under them."""

    name: ClassVar[str] = "moods"
    summary: ClassVar[str] = "MOODS matches of the motifs, with the contributions under them"

    scan_pvalue: float = option(
        "--scan-pvalue", default=1e-4, metavar="P", help="Largest p-value of a motif match."
    )
    gc_content: float = option(
        "--gc-content", default=0.5, metavar="SHARE", help="G and C in the background of p-values."
    )

    def __post_init__(self) -> None:
        for name, value in (("--scan-pvalue", self.scan_pvalue), ("--gc-content", self.gc_content)):
            if not 0 < value < 1:
                raise SchemaError(f"{name} is {value}, expected a number between 0 and 1")

    def solve(self, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
        """Return hits and qc of one block; see :class:`finemo_zarr.protocols.Solver`."""
        codes, scores = regions["region_sequence"].values, _projected(regions, motifs)
        cores = _cores(motifs, self.gc_content)
        _tell_unreachable(motifs["motif_name"].values, cores, self.scan_pvalue)
        places = np.array(sorted(_matches(codes, cores, self.scan_pvalue)), dtype=np.int64)
        hits = _described(codes, scores, cores, places.reshape(-1, 3).T)
        before, width = (motifs[f"motif_{n}"].values[hits["motif"]] for n in ("start", "width"))
        hits["start_untrimmed"] = hits["start"] - before
        hits["end_untrimmed"] = hits["start_untrimmed"] + width
        kept = (hits["pvalue"] <= self.scan_pvalue) & (hits["importance"] > 0)
        if motifs.attrs["placement"] == "full":
            kept &= (hits["start_untrimmed"] >= 0) & (hits["end_untrimmed"] <= codes.shape[1])
        scale = np.asarray(regions.get("region_scale", np.sqrt((scores**2).mean(axis=1))))
        hits = {name: values[kept] for name, values in hits.items()}
        return HitsAndQC(create_hits(hits), create_qc({"scale": scale}))


@hookimpl
def register_solvers() -> list[type[MoodsSolver]]:
    """Return the solver of this plugin."""
    return [MoodsSolver]


def _projected(regions: "xr.Dataset", motifs: "xr.Dataset") -> Array:
    codes = regions["region_sequence"].values
    scores = regions["region_contributions"].values.astype(np.float64)
    if scores.ndim == 3:
        scores = project(scores, codes)
    elif motifs.attrs["mode"][1] == "h":
        raise SchemaError("this mode needs hypothetical scores, the regions hold projected ones")
    scores[codes == NO_BASE] = 0
    if not np.isfinite(scores).all():
        raise SchemaError("regions hold scores that are not finite: replace them by 0")
    return scores


def _cores(motifs: "xr.Dataset", gc_content: float) -> list[_Core]:
    if "motif_ppm" not in motifs:
        raise SchemaError("moods looks for probability matrices (motif_ppm), the motifs have none")
    background = np.array([1 - gc_content, gc_content, gc_content, 1 - gc_content])[:, None] / 2
    names = ("motif_ppm", "motif_start", "motif_end")
    rows = zip(*(motifs[name].values for name in names), strict=True)
    return [_core(ppm[:, start:end].astype(float), background) for ppm, start, end in rows]


def _core(ppm: Array, background: Array) -> _Core:
    total = ppm.sum(axis=0)
    log_odds = np.log((ppm / background + _PSEUDOCOUNT) / (total + _PSEUDOCOUNT))
    steps = np.round((log_odds - log_odds.min(axis=0)) * _STEPS).astype(np.int64)
    chance = np.ones(1)  # of each score in steps, column after column
    for column in steps.T:
        longer = np.zeros(chance.size + column.max())
        for step, share in zip(column, background[:, 0], strict=True):
            longer[step : step + chance.size] += share * chance
        chance = longer
    smooth = (ppm + _KAPPA) / (total + 4 * _KAPPA)
    information = (smooth * np.log2(smooth / 0.25)).sum(axis=0)
    return _Core(log_odds, steps, np.cumsum(chance[::-1])[::-1], information)


def _tell_unreachable(names: Any, cores: list[_Core], pvalue: float) -> None:
    best = {name: core.tail[-1] for name, core in zip(names, cores, strict=True)}
    said = [f"{name} ({chance:.2g} at best)" for name, chance in best.items() if chance > pvalue]
    if said:
        more = f" and {len(said) - 5} more" if len(said) > 5 else ""
        _warn_once(
            f"{len(said)} motifs are too narrow or vague for a p-value of {pvalue:g}, so that they "
            f"have no hits: {', '.join(said[:5])}{more}; raise --scan-pvalue, or trim less (-t)"
        )


@cache
def _warn_once(message: str) -> None:
    """Warn once per process: a solver sees many blocks of one run."""
    warnings.warn(message, InputWarning, stacklevel=4)


def _matches(
    codes: NDArray[np.uint8], cores: list[_Core], pvalue: float
) -> Iterator[tuple[int, int, int]]:
    """Region, start and motif of all matches, and of some that are just too weak."""
    import MOODS.scan

    numbers, limits = [], []
    for number, core in enumerate(cores):
        if core.tail[-1] <= pvalue:
            steps = (core.tail <= pvalue).argmax() - core.steps.shape[1] / 2 - 1  # as to rounding
            numbers.append(number)
            limits.append(core.log_odds.min(axis=0).sum() + steps / _STEPS)
    tables = [cores[number].log_odds.tolist() for number in numbers]
    # With a window wider than a motif, MOODS misses what lies at the end of a sequence.
    scanner = MOODS.scan.Scanner(min([7, *(len(table[0]) for table in tables)]))
    scanner.set_motifs(tables, [0.25] * 4, limits)
    for region, row in enumerate(codes):
        for motif, matches in zip(numbers, scanner.scan(decode(row)), strict=True):
            yield from ((region, match.pos, motif) for match in matches)


def _described(codes: Any, scores: Array, cores: list[_Core], places: Any) -> dict[str, Any]:
    """Columns for :func:`finemo_zarr.model.create_hits`."""
    region, start, motif = places
    names = ("coefficient", "importance", "importance_sq", "imp_frac")
    columns = {name: np.zeros(start.size) for name in (*names, "imp_ic_avg", "pvalue")}
    columns |= {"region": region, "motif": motif, "start": start, "end": start.copy()}
    for number in np.unique(motif):
        core, own = cores[number], np.flatnonzero(motif == number)
        offsets = np.arange(core.steps.shape[1])
        at = region[own, None], start[own, None] + offsets
        under = scores[at]
        columns["end"][own] += offsets.size
        columns["coefficient"][own] = under.sum(axis=1)
        columns["importance"][own] = np.abs(under).sum(axis=1)
        columns["importance_sq"][own] = (under**2).sum(axis=1)
        columns["imp_ic_avg"][own] = (under * core.information).mean(axis=1)
        columns["pvalue"][own] = core.tail[core.steps[codes[at], offsets].sum(axis=1)]
    total = np.abs(scores).sum(axis=1)[region]
    columns["imp_frac"] = columns["importance"] / np.where(total > 0, total, 1)
    return columns
