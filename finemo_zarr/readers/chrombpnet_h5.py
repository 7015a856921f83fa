"""ChromBPNet score files."""

from dataclasses import dataclass
from typing import ClassVar

from finemo_zarr.readers._h5_scores import H5ScoresReader


@dataclass(frozen=True)
class ChromBPNetH5Reader(H5ScoresReader):
    """Hypothetical scores of ``raw/seq`` and ``shap/seq``, both ``(region, base, position)``.

    The parameters are those of :class:`finemo_zarr.readers._h5_scores.H5ScoresReader`.
    """

    name: ClassVar[str] = "chrombpnet-h5"
    summary: ClassVar[str] = "Regions from ChromBPNet score files (H5)."
    datasets: ClassVar[tuple[str, str]] = ("raw/seq", "shap/seq")
    base_axis: ClassVar[int] = 1
