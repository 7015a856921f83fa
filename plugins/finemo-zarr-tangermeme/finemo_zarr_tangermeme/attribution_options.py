"""What `attribute` is asked: which sequences, and how their contributions are computed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

from finemo_zarr.errors import RunError
from finemo_zarr.protocols import option
from finemo_zarr_tangermeme.attributing import Method
from finemo_zarr_tangermeme.model_options import ModelOptions
from finemo_zarr_tangermeme.peaks import Sequences, around_peaks, of_store

_WIDTH = 1000


@dataclass(frozen=True, kw_only=True)
class AttributionOptions(ModelOptions):
    """The regions that a model is asked about, and how.

    Parameters
    ----------
    peaks, fasta : Path, optional
        Regions around the summits of peaks, in a genome.
    regions : Path, optional
        Those of a regions store instead.
    region_width : int, optional
        Width of the regions in bp, 1000 around peaks; those of a store have theirs.
    input_width : int, optional
        Width that the model sees; by default that of the regions.
    method : {"deeplift", "ism"}
        How contributions are computed.
    n_shuffles, seed : int
        References of DeepLIFT.
    delta_threshold : float
        Convergence delta from which on a region is counted as doubtful.
    """

    name: ClassVar[str] = "attribute"
    summary: ClassVar[str] = "Contributions of a model (DeepLIFT/SHAP or mutagenesis), as regions."

    peaks: Path | None = option(
        "-p", "--peaks", default=None, metavar="FILE", help="Peaks: narrowPeak or BED."
    )
    fasta: Path | None = option(
        "-f", "--fasta", default=None, metavar="FILE", help="Genome of the peaks, FASTA."
    )
    regions: Path | None = option(
        "-r",
        "--regions",
        default=None,
        metavar="STORE",
        help="Regions store whose sequences are attributed, in place of peaks and genome.",
    )
    region_width: int | None = option(
        "-w",
        "--region-width",
        default=None,
        metavar="BP",
        help=f"Width of the regions around peaks, in bp; by default {_WIDTH}.",
    )
    input_width: int | None = option(
        "--input-width",
        default=None,
        metavar="BP",
        help="Width that the model sees around each region; by default that of the regions.",
    )
    method: Literal["deeplift", "ism"] = option(
        "--method",
        default="deeplift",
        help="DeepLIFT/SHAP, or in-silico saturation mutagenesis, which takes any model.",
    )
    n_shuffles: int = option(
        "--n-shuffles", default=20, metavar="N", help="Shuffled references of each sequence."
    )
    seed: int = option("--seed", default=0, metavar="N", help="Of the references.")
    delta_threshold: float = option(
        "--delta-threshold",
        default=0.001,
        metavar="X",
        help="Convergence delta above which a region is counted in the warning.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.regions is None) == (self.peaks is None and self.fasta is None):
            raise RunError("give --peaks and --fasta, or --regions STORE")
        if self.regions is None and (self.peaks is None or self.fasta is None):
            raise RunError("--peaks needs --fasta, the genome, and the other way round")
        if self.regions is not None and self.input_width is not None:
            raise RunError("--input-width needs --peaks and --fasta: a store has no flanks")
        if self.regions is not None and self.region_width is not None:
            raise RunError("--region-width needs --peaks and --fasta: regions of a store have one")
        if self._width < 1 or self.n_shuffles < 1:
            raise RunError("--region-width and --n-shuffles must be 1 or more")
        if self.input_width is not None and self.input_width < self._width:
            raise RunError(
                f"--input-width {self.input_width} is less than --region-width {self._width}"
            )

    @property
    def _width(self) -> int:
        return _WIDTH if self.region_width is None else self.region_width

    def sequences(self) -> Sequences:
        """Sequences as wide as the model sees them."""
        if self.regions is not None:
            return of_store(Path(self.regions))
        width = self.input_width or self._width
        return around_peaks(Path(self.peaks or ""), Path(self.fasta or ""), self._width, width)

    def within(self, wide: NDArray[Any]) -> NDArray[Any]:
        """The region of what the model saw, along the last axis."""
        if self.regions is not None:
            return wide
        first = wide.shape[-1] // 2 - self._width // 2
        return wide[..., first : first + self._width]

    def how(self) -> Method:
        """The method, with its options.

        Raises
        ------
        RunError
            If the batch size is none.
        """
        return Method(self.method, self.n_shuffles, self.seed, self.batch_size, self.torch_device())
