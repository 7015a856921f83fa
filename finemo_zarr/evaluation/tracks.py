"""One track of a store of many."""

from typing import TYPE_CHECKING

import numpy as np

from finemo_zarr.errors import SchemaError
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr


def select_track(hits: HitsStore, track: str | None = None) -> HitsStore:
    """Return the hits of one track, as if there were no others.

    Parameters
    ----------
    hits : HitsStore
        A hits store.
    track : str, optional
        Name of the track; needed where there are several.

    Raises
    ------
    SchemaError
        If there is no such track, or it is not said which.
    """
    if "track" not in hits.regions.coords:
        if track is not None:
            raise SchemaError(f"the track {track!r} was asked for, and the store has no tracks")
        return hits
    names = [str(name) for name in hits.regions["track"].values]
    if track is None and len(names) == 1:
        track = names[0]
    if track not in names:
        asked = "no track was named" if track is None else f"there is no track {track!r}"
        raise SchemaError(f"{asked}; name one (--track): {', '.join(names)}")
    index = names.index(track)
    own = np.flatnonzero(hits.hits["hit_track"].values == index)
    return HitsStore(
        hits.regions.drop_vars("track"),
        hits.motifs,
        hits.qc.isel(track=index, drop=True),
        hits.hits.isel(hit=own).drop_vars("hit_track"),
    )


def select_scores(regions: "xr.Dataset", tracks: tuple[str, ...] = ()) -> "xr.Dataset":
    """Return regions with the scores of one track, or with the mean over several.

    Parameters
    ----------
    regions : xarray.Dataset
        A regions dataset.
    tracks : tuple of str
        Names; by default all.
    """
    name = "region_contributions"
    if "track" not in regions[name].dims:
        return regions
    scores = regions[name].sel(track=list(tracks)) if tracks else regions[name]
    mean = scores.mean("track", dtype=np.float64).astype(np.float32)
    return regions.drop_vars([name, "track"]).assign({name: mean.drop_attrs()})
