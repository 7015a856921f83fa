"""BPNet score files."""

from dataclasses import dataclass
from typing import ClassVar

from finemo_zarr.readers._h5_scores import H5ScoresReader


@dataclass(frozen=True)
class BPNetH5Reader(H5ScoresReader):
    """Hypothetical scores of ``input_seqs`` and ``hyp_scores``, both ``(region, position, base)``.

    The parameters are those of :class:`finemo_zarr.readers._h5_scores.H5ScoresReader`.
    """

    name: ClassVar[str] = "bpnet-h5"
    summary: ClassVar[str] = "Regions from BPNet score files (H5)."
    datasets: ClassVar[tuple[str, str]] = ("input_seqs", "hyp_scores")
    base_axis: ClassVar[int] = 2
