"""Good matches of motifs to the sequence, where the scores say that the model looks there."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import HitsAndQC, create_hits
from finemo_zarr.errors import SchemaError
from finemo_zarr.protocols import option
from finemo_zarr_tangermeme.inputs import (
    check_mode,
    codes_of,
    core_matrices,
    projected_scores,
    region_qc,
    running_sums,
    sums_within,
)
from finemo_zarr_tangermeme.null import (
    NullStore,
    compared_with,
    null_quantile,
    null_regions_option,
    null_store_option,
    window_sums,
)
from finemo_zarr_tangermeme.packages import warn_once
from finemo_zarr_tangermeme.scan import Matches, least_pvalue, no_matches, scan

if TYPE_CHECKING:
    import xarray as xr

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class FimoAttribution:
    """Scan with the motifs, keep the matches that have an attribution.

    Parameters
    ----------
    scan_pvalue : float
        Largest p-value of a match, on a uniform background.
    attribution_quantile : float
        A match is kept if the absolute sum of its scores exceeds this quantile of those of all
        windows of its width.
    attribution_threshold : float, optional
        A fixed number instead of the quantile.
    null_store : Path, optional
        Regions store that the windows are those of; by default the region itself.
    null_regions : int
        Regions read of it.
    """

    name: ClassVar[str] = "fimo-attribution"
    summary: ClassVar[str] = "matches of motifs (FIMO) that the scores support (memelite)"

    scan_pvalue: float = option(
        "--scan-pvalue",
        default=1e-4,
        metavar="P",
        help="Largest p-value of a match; a motif of 6 bp can reach 2.4e-4 at best.",
    )
    attribution_quantile: float = option(
        "--attribution-quantile",
        default=0.99,
        metavar="Q",
        help="Keep matches whose scores sum to more than this quantile of all windows do.",
    )
    attribution_threshold: float | None = option(
        "--attribution-threshold",
        default=None,
        metavar="X",
        help="Keep matches whose scores sum to more than this, in place of the quantile.",
    )
    null_store: Path | None = null_store_option()
    null_regions: int = null_regions_option()

    def __post_init__(self) -> None:
        if not 0 < self.scan_pvalue < 1:
            raise SchemaError(f"--scan-pvalue is {self.scan_pvalue}, expected more than 0, below 1")
        if not 0 <= self.attribution_quantile <= 1:
            raise SchemaError(
                f"--attribution-quantile is {self.attribution_quantile}, expected 0 to 1"
            )
        if self.attribution_threshold is not None and not self.attribution_threshold >= 0:
            raise SchemaError(
                f"--attribution-threshold is {self.attribution_threshold}, expected 0 or more"
            )
        if self.null_regions < 1:
            raise SchemaError(f"--null-regions is {self.null_regions}, expected 1 or more")

    @property
    def whole_regions(self) -> str | None:
        """Why regions cannot be solved in tiles, if they cannot."""
        return None if self.attribution_threshold is not None else compared_with(self.null_store)

    def solve(self, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
        """Return hits and qc of one block."""
        check_mode(regions, motifs)
        cores = core_matrices(motifs)
        self._warn_of_unreachable(cores[::2], motifs)
        codes, scores = codes_of(regions), projected_scores(regions)
        total = running_sums(scores)
        thresholds = self._thresholds(total)
        parts = [no_matches()]
        for matches in scan(codes, cores[::2], self.scan_pvalue):
            sums = total[matches.region, matches.end] - total[matches.region, matches.start]
            width = int(matches.end[0] - matches.start[0])  # all are of one motif
            parts.append(matches.take(np.abs(sums) > thresholds(width)[matches.region]))
        found = Matches(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        return HitsAndQC(_hits(found, scores, motifs), region_qc(regions, motifs))

    def _warn_of_unreachable(self, cores: list[NDArray[np.float64]], motifs: "xr.Dataset") -> None:
        names = motifs["motif_name"].to_numpy()[::2]
        narrow = [
            f"{name} ({core.shape[1]} bp, {least:.2g} at best)"
            for name, core in zip(names, cores, strict=True)
            if (least := least_pvalue(core)) > self.scan_pvalue
        ]
        if narrow:
            more = f" and {len(narrow) - _NAMES_SHOWN} more" if len(narrow) > _NAMES_SHOWN else ""
            warn_once(
                f"{len(narrow)} motifs are too narrow or vague for a p-value of"
                f" {self.scan_pvalue:g}, so that they have no hits:"
                f" {', '.join(narrow[:_NAMES_SHOWN])}{more}; raise"
                " --scan-pvalue (6 bp: 2.5e-4), or trim less (-t)"
            )

    def _thresholds(self, total: NDArray[np.float64]) -> Callable[[int], NDArray[np.float64]]:
        """What the attribution of a match must exceed, ``(region,)``, by the width of the match."""
        count = len(total)

        @cache
        def thresholds(width: int) -> NDArray[np.float64]:
            quantile = self.attribution_quantile
            if self.attribution_threshold is not None:
                return np.full(count, self.attribution_threshold)
            if self.null_store is not None:
                null = NullStore.now(self.null_store, self.null_regions)
                return np.full(count, null_quantile(null, width, quantile))
            own: NDArray[np.float64] = np.quantile(window_sums(total, width), quantile, axis=1)
            return own

        return thresholds


def _hits(found: Matches, scores: NDArray[np.float32], motifs: "xr.Dataset") -> "xr.Dataset":
    own = motifs.isel(motif=found.motif)
    untrimmed = found.start - own["motif_start"].to_numpy()
    columns: dict[str, Any] = {
        "region": found.region,
        "motif": found.motif,
        "start": found.start,
        "end": found.end,
        "start_untrimmed": untrimmed,
        "end_untrimmed": untrimmed + own["motif_width"].to_numpy(),
        "coefficient": sums_within(scores, *found[:1], *found[2:4]),
        "importance": sums_within(np.abs(scores), *found[:1], *found[2:4]),
        "importance_sq": sums_within(scores.astype(float) ** 2, *found[:1], *found[2:4]),
        "pvalue": found.pvalue,
    }
    keep = np.ones(found.region.size, dtype=np.bool_)
    if motifs.attrs["placement"] == "full":
        keep = (columns["start_untrimmed"] >= 0) & (columns["end_untrimmed"] <= scores.shape[1])
    order = np.lexsort((found.motif, found.start, found.region))
    order = order[keep[order]]
    return create_hits({name: values[order] for name, values in columns.items()})
