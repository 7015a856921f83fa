"""Where a model finds motifs: occupancies of regions, lazily, and hits in them."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch  # noqa: TID253

from finemo_zarr.errors import SchemaError
from finemo_zarr_tisfm.data import check_alike
from finemo_zarr_tisfm.model import TiSFM
from finemo_zarr_tisfm.readouts import own_widths
from finemo_zarr_tisfm.training import one_hot

if TYPE_CHECKING:
    import xarray as xr

_TYPES = {
    "region": np.int64,
    "motif": np.int64,
    "start": np.int64,
    "coefficient": np.float64,
    "occupancy": np.float32,
    "part": np.float32,
}


def occupancies(model: TiSFM, regions: "xr.Dataset") -> "xr.DataArray":
    """Occupancy of each motif at each place and strand of regions, computed when looked at.

    Parameters
    ----------
    model : TiSFM
        The model.
    regions : xarray.Dataset
        A regions dataset.

    Returns
    -------
    xarray.DataArray
        ``(region, motif, strand, place)``, lazy; place 0 is that of the kernel's first base.
    """
    return _lazy(model, regions, "occupancy", None)


def contributions(model: TiSFM, regions: "xr.Dataset", track: str) -> "xr.DataArray":
    """What each motif and place adds to the signal of a track, computed when looked at.

    Their sum over a region, and the bias of the track, is the predicted signal.
    """
    return _lazy(model, regions, "contribution", model.tracks.index(track))


def _lazy(model: TiSFM, regions: "xr.Dataset", name: str, track: int | None) -> "xr.DataArray":
    import xarray as xr

    check_alike(regions)
    codes = regions["region_sequence"].chunk().data
    _check_width(model, codes.shape[1])
    shape = (len(model.motif_names), 2, codes.shape[1] - model.bank.width + 1)

    def compute(block: Any) -> Any:
        with torch.no_grad():
            parts = model.parts(one_hot(torch.as_tensor(block, device=model.linear.weight.device)))
            wanted = parts.occupancy
            if track is not None:
                wanted = parts.contributions(model.linear.weight[track])
        return wanted.cpu().numpy()

    codes = codes.rechunk({0: 64, 1: -1})
    values = codes.map_blocks(
        compute,
        dtype=np.float32,
        drop_axis=1,
        new_axis=[1, 2, 3],
        chunks=(codes.chunks[0], *((size,) for size in shape)),
        meta=np.empty((0, 0, 0, 0), np.float32),
    )
    words = np.dtypes.StringDType()
    coords = {
        "motif": np.asarray(model.motif_names, dtype=words),
        "strand": np.asarray(["+", "-"], dtype=words),
    }
    return xr.DataArray(values, coords, ("region", "motif", "strand", "place"), name)


def _check_width(model: TiSFM, width: int) -> None:
    fixed = model.architecture.attention or model.architecture.pooling == "max"
    if fixed and width != model.window:
        raise SchemaError(f"regions of {width} bp, but the model takes {model.window} bp")


class Finder:
    """Finds hits of the motifs that a call asks for.

    Parameters
    ----------
    model : TiSFM
        The model.
    track : int
        Whose weights count.
    motifs : xarray.Dataset
        Oriented motifs; found in the model by their names.

    Raises
    ------
    SchemaError
        If the model has none of them, or one of another width.

    Attributes
    ----------
    unknown : list of str
        Names of motifs that the model has not.
    """

    def __init__(self, model: TiSFM, track: int, motifs: "xr.Dataset") -> None:
        self.model, self.track = model, track
        place = {name: index for index, name in enumerate(model.motif_names)}
        known = motifs["motif_name_orig" if "motif_name_orig" in motifs else "motif_name"].values
        pairs = [(i, place[str(name)]) for i, name in enumerate(known) if str(name) in place]
        if not pairs:
            raise SchemaError("the model has none of the motifs (-m): give those of its training")
        self.oriented, self.kernel = np.array(pairs).T
        self._check_widths(motifs)
        self.unknown = list(dict.fromkeys(str(name) for name in known if str(name) not in place))
        reverse = motifs["motif_strand"].values[self.oriented] == "-"
        self.strand = reverse.astype(np.int64)
        core = motifs["motif_start"].values[self.oriented]
        self.offset = model.starts()[self.kernel, self.strand] + core
        self.apart = (motifs["motif_end"].values[self.oriented] - core + 1) // 2

    def _check_widths(self, motifs: "xr.Dataset") -> None:
        """A motif of another width lies elsewhere than its kernel says."""
        found = motifs["motif_width"].values[self.oriented]
        expected = own_widths(self.model)[self.kernel]
        if (wrong := np.flatnonzero(found != expected)).size:
            first = wrong[0]
            raise SchemaError(
                f"the motif {self.model.motif_names[self.kernel[first]]} (-m) is {found[first]} bp"
                f" wide, and {expected[first]} bp in the model: give the motifs of its training,"
                " or rename those that are not"
            )

    @staticmethod
    def nothing() -> dict[str, Any]:
        """No hits."""
        return {name: np.zeros(0, kind) for name, kind in _TYPES.items()}

    def find(self, codes: Any, least: float, share: float = 0.0) -> dict[str, Any]:
        """Hits of regions ``(region, position)``, numbered from 0, not ordered.

        A hit is a place whose effect is at least `least` and not 0, with at least a `share` of the
        motif's occupancies in the region, and the largest of its motif and strand within half a
        core.
        """
        _check_width(self.model, codes.shape[1])
        with torch.no_grad():
            weight = self.model.linear.weight[self.track]
            parts = self.model.parts(one_hot(torch.as_tensor(codes, device=weight.device)))
            arrays = (parts.effects(weight), parts.occupancy, parts.contributions(weight))
            effect, occupancy, part = (array.cpu().numpy() for array in arrays)
        index = (slice(None), self.kernel, self.strand)
        size = np.abs(effect[index])
        enough = share * occupancy.sum(axis=(2, 3))[:, self.kernel, None]
        wanted = (size >= least) & (size > 0) & (occupancy[index] >= enough) & self._largest(size)
        region, which, at = np.nonzero(wanted)
        place = (region, self.kernel[which], self.strand[which], at)
        found = {
            "region": region,
            "motif": self.oriented[which],
            "start": at + self.offset[which],
            "coefficient": effect[place],
            "occupancy": occupancy[place],
            "part": part[place],
        }
        return {name: values.astype(_TYPES[name]) for name, values in found.items()}

    def _largest(self, size: np.ndarray) -> np.ndarray:
        """Where no place nearby of the same motif and strand has a larger effect."""
        from scipy.ndimage import maximum_filter1d

        largest = np.empty(size.shape, dtype=bool)
        for index, apart in enumerate(self.apart):
            around = maximum_filter1d(size[:, index], 2 * int(apart) + 1, axis=-1, mode="nearest")
            largest[:, index] = size[:, index] >= around
        return largest
