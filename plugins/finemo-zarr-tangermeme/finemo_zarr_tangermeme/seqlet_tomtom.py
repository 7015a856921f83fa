"""Seqlets, each named after the motif that its sequence resembles most."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import HitsAndQC, create_hits
from finemo_zarr.errors import SchemaError
from finemo_zarr.protocols import option
from finemo_zarr_tangermeme.calibration import SeqletOptions
from finemo_zarr_tangermeme.inputs import (
    check_mode,
    codes_of,
    core_matrices,
    projected_scores,
    region_qc,
    sums_within,
)
from finemo_zarr_tangermeme.null import (
    NullStore,
    compared_with,
    null_regions_option,
    null_store_option,
)
from finemo_zarr_tangermeme.seqlets import Seqlets, call_seqlets
from finemo_zarr_tangermeme.tomtom import best_matches

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class SeqletTomtom:
    """Spans of high score (recursive seqlets), labelled by TOMTOM.

    Parameters
    ----------
    seqlet_threshold : float
        Largest p-value of a seqlet and of each part of it.
    seqlet_shortest, seqlet_longest : int
        Widths of seqlets in bp, without their flanks.
    seqlet_flanks : int
        Bases added on both sides.
    match_pvalue : float
        Largest p-value of a match.
    n_matches : int
        Best matches that become hits, for each seqlet.
    null_store, control_store : Path, optional
        Regions stores: what p-values refer to; scores of shuffled sequences.
    null_regions : int
        Regions read of each.
    target_fdr : float
        Share of false seqlets allowed, with a control.
    """

    name: ClassVar[str] = "seqlet-tomtom"
    summary: ClassVar[str] = "spans of high score, named by TOMTOM (tangermeme)"

    seqlet_threshold: float = option(
        "--seqlet-threshold", default=0.01, metavar="P", help="Largest p-value of a seqlet."
    )
    seqlet_shortest: int = option(
        "--seqlet-shortest", default=4, metavar="BP", help="Least width of a seqlet."
    )
    seqlet_longest: int = option(
        "--seqlet-longest", default=25, metavar="BP", help="Largest width of a seqlet."
    )
    seqlet_flanks: int = option(
        "--seqlet-flanks", default=1, metavar="BP", help="Bases added on both sides of a seqlet."
    )
    match_pvalue: float = option(
        "--match-pvalue", default=0.05, metavar="P", help="Largest TOMTOM p-value of a match."
    )
    n_matches: int = option(
        "--n-matches",
        default=1,
        metavar="N",
        help="Best matches that become hits of a seqlet; more than 1 where motifs are redundant.",
    )
    null_store: Path | None = null_store_option()
    null_regions: int = null_regions_option()
    control_store: Path | None = option(
        "--control-store",
        default=None,
        metavar="STORE",
        help="Regions store of shuffled sequences, from which the p-value of seqlets is found that"
        " gives --target-fdr; needs --null-store.",
    )
    target_fdr: float = option(
        "--target-fdr",
        default=0.1,
        metavar="SHARE",
        help="Share of false seqlets allowed, with --control-store.",
    )

    def __post_init__(self) -> None:
        for what, value in (
            ("--seqlet-threshold", self.seqlet_threshold),
            ("--match-pvalue", self.match_pvalue),
            ("--target-fdr", self.target_fdr),
        ):
            if not 0 < value <= 1:
                raise SchemaError(f"{what} is {value}, expected more than 0, and at most 1")
        if not 1 <= self.seqlet_shortest <= self.seqlet_longest:
            raise SchemaError(
                f"seqlets of {self.seqlet_shortest} to {self.seqlet_longest} bp cannot be: give "
                "--seqlet-shortest 1 or more, and --seqlet-longest as much or more"
            )
        if self.seqlet_flanks < 0 or self.n_matches < 1 or self.null_regions < 1:
            raise SchemaError(
                "--seqlet-flanks must be 0 or more, --n-matches and --null-regions 1 or more"
            )
        if self.control_store is not None and self.null_store is None:
            raise SchemaError(
                "--control-store is compared with --null-store, which is missing: give the store "
                "that is called"
            )

    @property
    def whole_regions(self) -> str | None:
        """Why regions cannot be solved in tiles, if they cannot."""
        return compared_with(self.null_store)

    def solve(self, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
        """Return hits and qc of one block."""
        check_mode(regions, motifs)
        targets = core_matrices(motifs)[::2]
        scores, codes = projected_scores(regions), codes_of(regions)
        seqlets = _with_bases(call_seqlets(scores, self._seqlet_options()), codes)
        matches = best_matches(seqlets, codes, targets, self.n_matches)
        hits = self._hits(seqlets, matches, scores, motifs)
        return HitsAndQC(hits, region_qc(regions, motifs))

    def _seqlet_options(self) -> SeqletOptions:
        most, stores = self.null_regions, (self.null_store, self.control_store)
        null, control = (None if path is None else NullStore.now(path, most) for path in stores)
        return SeqletOptions(
            self.seqlet_threshold,
            self.seqlet_shortest,
            self.seqlet_longest,
            self.seqlet_flanks,
            null,
            control,
            self.target_fdr,
        )

    def _hits(
        self,
        seqlets: Seqlets,
        matches: NDArray[np.float64],
        scores: NDArray[np.float32],
        motifs: "xr.Dataset",
    ) -> "xr.Dataset":
        pvalue, _, offset, _, strand, target = matches
        row, nth = np.nonzero(pvalue <= self.match_pvalue)
        of = seqlets.take(row)
        motif = (2 * target + strand)[row, nth].astype(np.int64)
        columns: dict[str, Any] = {
            "region": of.region,
            "motif": motif,
            "start": of.start,
            "end": of.end,
            "coefficient": of.attribution,
            "importance": sums_within(np.abs(scores), of.region, of.start, of.end),
            "importance_sq": sums_within(scores.astype(float) ** 2, of.region, of.start, of.end),
            "pvalue": of.pvalue,
            "match_pvalue": pvalue[row, nth],
        }
        own = motifs.isel(motif=motif)
        placed = of.start - offset[row, nth].astype(np.int64) - own["motif_start"].to_numpy()
        columns["motif_position"] = placed
        columns["start_untrimmed"] = np.minimum(placed, of.start)
        columns["end_untrimmed"] = np.maximum(placed + own["motif_width"].to_numpy(), of.end)
        order = np.lexsort((motif, of.start, of.region))
        if motifs.attrs["placement"] == "full":
            inside = columns["start_untrimmed"] >= 0
            inside &= columns["end_untrimmed"] <= scores.shape[1]
            order = order[inside[order]]
        return create_hits({name: values[order] for name, values in columns.items()})


def _with_bases(seqlets: Seqlets, codes: NDArray[np.uint8]) -> Seqlets:
    """Those that have a base: TOMTOM refuses the others."""
    known = sums_within(codes < 4, seqlets.region, seqlets.start, seqlets.end)
    return seqlets.take(np.flatnonzero(known > 0))
