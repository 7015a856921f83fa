"""The solver `modisco-scoring`: what finemo-zarr sees of this plugin."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from finemo_zarr.errors import ReadError, SchemaError
from finemo_zarr.model import create_hits, create_qc
from finemo_zarr.protocols import HitsAndQC, option
from finemo_zarr_modisco.block import Block, joined
from finemo_zarr_modisco.learned import Request, learn
from finemo_zarr_modisco.patterns import MotifSource, motif_sources

if TYPE_CHECKING:
    import xarray as xr

    from finemo_zarr_modisco.placement import Columns

_SEQLET_FDR = 0.2


@dataclass(frozen=True)
class ModiscoScoringSolver:
    """Density-adapted scoring of important windows against the seqlets of TF-MoDISco.

    All that is learned comes from files, so that hits do not depend on how regions are cut into
    blocks. See the page of the plugin.
    """

    name: ClassVar[str] = "modisco-scoring"
    summary: ClassVar[str] = "seqlets scored against those of TF-MoDISco-lite"

    scoring_h5: Path | None = option(
        "--modisco-h5-for-scoring",
        default=None,
        metavar="FILE",
        help="TF-MoDISco-lite file with the seqlets to compare with; by default the file that each"
        " motif was read from.",
    )
    calibrate_on: str | None = option(
        "--calibrate-on",
        default=None,
        metavar="STORE",
        help="Regions store from which the importance of a seqlet is learned, against a Laplace"
        " null, and the base frequencies; usually the one of -r. Without it, a seqlet is as"
        " important as 95% of those of TF-MoDISco.",
    )
    seqlet_fdr: float = option(
        "--seqlet-fdr",
        default=_SEQLET_FDR,
        metavar="RATE",
        help="False-discovery rate of seqlets against the null, with --calibrate-on.",
    )
    window: int | None = option(
        "--scoring-window",
        default=None,
        metavar="BP",
        help="Look only at the central part of each region, as TF-MoDISco did. By default all.",
    )
    min_ic: float | None = option(
        "--min-ic",
        default=None,
        metavar="BITS",
        help="A core reaches from the first to the last position of the 25 bp with this information"
        " (published: 0.2). By default cores are those of call-hits.",
    )
    density_kernel: Literal["reference", "calibrated"] = option(
        "--density-kernel",
        default="reference",
        help="reference: distances over beta, as published. calibrated: times beta, which is what"
        " beta is searched for.",
    )
    exclude_self: bool = option(
        "--exclude-self",
        default=False,
        help="Leave self-similarity out of the calibration by neighbours, as later versions do.",
    )
    leiden_seeds: int = option(
        "--leiden-seeds", default=50, metavar="N", help="Starts of the Leiden algorithm."
    )

    def __post_init__(self) -> None:
        if not 0 < self.seqlet_fdr < 1:
            raise SchemaError(f"--seqlet-fdr is {self.seqlet_fdr}, expected one between 0 and 1")
        if self.seqlet_fdr != _SEQLET_FDR and self.calibrate_on is None:
            raise SchemaError(
                "--seqlet-fdr is that of seqlets found anew, which needs --calibrate-on STORE"
            )
        for name, least in (("leiden_seeds", 1), ("window", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise SchemaError(f"{name} is {value}, expected at least {least}")

    def solve(self, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
        """Return hits and qc of one block; see :class:`finemo_zarr.protocols.Solver`."""
        _check(motifs)
        block = Block.of(regions, motifs, self.window)
        sources = motif_sources(motifs, self.scoring_h5)
        parts: list[Columns] = []
        for sign in (1, -1):
            rows = [index for index, source in enumerate(sources) if source.sign == sign]
            if rows:
                learned = learn(self._request([sources[row] for row in rows], block))
                parts.append(block.hits(learned, sign, np.array(rows), self.min_ic))
        hits = joined(parts)
        order = np.lexsort((hits["motif"], hits["start"], hits["region"]))
        qc: dict[str, Any] = {"scale": block.scales()}
        return HitsAndQC(
            create_hits({name: values[order] for name, values in hits.items()}), create_qc(qc)
        )

    def _request(self, sources: list[MotifSource], block: Block) -> Request:
        return Request(
            sources=tuple(sources),
            stamps=self._stamps(sources),
            hypothetical=block.hypothetical,
            kernel=self.density_kernel,
            seeds=self.leiden_seeds,
            exclude_self=self.exclude_self,
            calibrate_on=self.calibrate_on,
            fdr=self.seqlet_fdr,
            window=self.window,
        )

    def _stamps(self, sources: list[MotifSource]) -> tuple[int, ...]:
        """When files were last written, since what was learned is remembered."""
        paths = [Path(path) for path in sorted({source.path for source in sources})]
        root = None if self.calibrate_on is None else Path(self.calibrate_on, "zarr.json")
        if root is not None and root.is_file():
            paths.append(root)
        try:
            found = [path.stat() for path in paths]
        except OSError as error:
            raise ReadError(
                f"{error.filename}: {str(error.strerror).lower()}; expected the TF-MoDISco-lite"
                " file of the motifs: say where it is with --modisco-h5-for-scoring"
            ) from error
        return tuple(number for each in found for number in (each.st_mtime_ns, each.st_size))


def _check(motifs: "xr.Dataset") -> None:
    if motifs.attrs.get("sqrt_transform"):
        raise SchemaError("modisco-scoring compares scores as they are: leave -q out")
    if "motif_origin" in motifs and (motifs["motif_origin"].values == "decoy").any():
        raise SchemaError(
            "modisco-scoring compares with seqlets, and decoys have none: leave --fdr out; filter"
            " by hit_mod_precision, or with filter-hits"
        )
