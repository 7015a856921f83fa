"""Finished attributions as a reader, so that they become a store like any other."""

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import create_regions
from finemo_zarr.errors import InputWarning, ReadError
from finemo_zarr_tangermeme.attribution_options import AttributionOptions
from finemo_zarr_tangermeme.peaks import Sequences
from finemo_zarr_tangermeme.pieces import Pieces

if TYPE_CHECKING:
    import xarray as xr

_NAMES_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Computed(AttributionOptions):
    """A reader of the finished blocks, with the options of the command as provenance.

    Parameters
    ----------
    pieces : Pieces
        Where the blocks are.
    sizes : tuple of int
        Regions of each block.
    coordinates : mapping, optional
        Of all regions.
    source_row : array of int, ``(region,)``, optional
        Row of the input of each region, where some were left out.
    """

    pieces: Pieces = field(repr=False)
    sizes: tuple[int, ...] = field(repr=False)
    coordinates: dict[str, Any] | None = field(repr=False)
    source_row: NDArray[np.int64] | None = field(repr=False)

    def of_regions(self, name: str) -> NDArray[Any]:
        """One number for each region, as it was saved: ``delta`` or ``difference``."""
        return np.concatenate([self.pieces.load(index, name) for index in range(len(self.sizes))])

    def read(self) -> "xr.Dataset":
        """Return a regions dataset, lazy along `region`."""
        width = int(self.pieces.load(0, "codes").shape[1])
        coordinates = self.coordinates
        if coordinates is not None and self.source_row is not None:
            # TF-MoDISco can only have seen what is computed here.
            coordinates = {**coordinates, "example": np.arange(len(self.source_row))}
        regions = create_regions(
            self._lazy("codes", (width,), np.uint8),
            self._lazy("scores", (4, width), np.float32),
            coordinates=coordinates,
        )
        if self.method == "deeplift":
            regions = regions.assign(region_attribution_delta=("region", self.of_regions("delta")))
        if self.source_row is not None and self.coordinates is None:
            regions = regions.assign(region_source_row=("region", self.source_row))
        return regions

    def _lazy(self, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
        import dask.array as da

        def load(block_info: Any = None) -> Any:
            return self.pieces.load(block_info[None]["chunk-location"][0], name)

        chunks = (self.sizes, *((size,) for size in shape))
        meta = np.empty((0,) * len(chunks), dtype)
        map_blocks: Any = da.map_blocks
        return map_blocks(load, chunks=chunks, dtype=dtype, meta=meta)


def complete(sequences: Sequences) -> tuple[Sequences, NDArray[np.int64]]:
    """Those with a base everywhere, which DeepLIFT wants, and their rows among all.

    Raises
    ------
    ReadError
        If there are none.
    """
    whole = sequences.complete()
    kept, dropped = np.flatnonzero(whole), np.flatnonzero(~whole)
    if not kept.size:
        raise ReadError(
            f"all {dropped.size} regions have positions without a base where the model looks; is "
            "the genome the one of the peaks, and the input width right?"
        )
    if dropped.size:
        names = ", ".join(sequences.label(int(row)) for row in dropped[:_NAMES_SHOWN])
        more = dropped.size - _NAMES_SHOWN
        warnings.warn(
            f"{dropped.size} of {whole.size} regions are left out, since they have positions "
            f"without a base, or reach over the end of a chromosome, where the model looks: {names}"
            f"{f' and {more} more' if more > 0 else ''}; region_id (or region_source_row) says "
            "which row of the input each region is",
            InputWarning,
            stacklevel=3,
        )
    return sequences.take(kept), kept
