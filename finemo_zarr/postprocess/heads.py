"""Hits of two heads of a model, or of two runs, as one set: motifs matched, hits pooled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import RunError
from finemo_zarr.model import variable_attrs
from finemo_zarr.motifs import motif_numbers
from finemo_zarr.postprocess._columns import hit_columns
from finemo_zarr.postprocess._merged_motifs import Member, MergedMotifs, Pair, merge_motifs
from finemo_zarr.postprocess._new_store import write_groups
from finemo_zarr.postprocess.cluster import ClusterOptions, check_known, cluster, stored_score
from finemo_zarr.postprocess.collapse import VARIABLE
from finemo_zarr.store import (
    HitsStore,
    Location,
    RemotePath,
    hits_path,
    open_hits,
    read_info,
    reading,
)

if TYPE_CHECKING:
    import xarray as xr

IntArray = NDArray[np.int64]

HEAD = "hit_head"
_TRIM = 0.3  # of call-hits, where a run does not say
_PLACED = ("hit_region", "hit_motif", "hit_start", "hit_end", "hit_start_untrimmed")
_MADE = (*_PLACED, "hit_end_untrimmed", "hit_track", VARIABLE)


@dataclass(frozen=True)
class HeadOptions:
    """How two heads are merged.

    Parameters
    ----------
    names : tuple of str
        Of the heads.
    min_similarity : float
        Least similarity of motifs that match: mean cosine of the columns of their cores.
    clusters : ClusterOptions
        How hits are collapsed.
    """

    names: tuple[str, str] = ("A", "B")
    min_similarity: float = 0.9
    clusters: ClusterOptions = field(default_factory=ClusterOptions)


class Merged(NamedTuple):
    """Two heads as one.

    Parameters
    ----------
    opened : HitsStore
        What a hits store of both holds. Hits have ``hit_head``, 0 or 1, and ``hit_is_primary``.
    rows : list of dict
        A row for each motif: ``motif_name``, its name in each head, ``similarity``, ``strand`` and
        ``shift`` of the second on the first, ``best_similarity`` with any motif of the other head,
        and the number of hits.
    pairs : list of Pair
        Motifs that match, for a figure.
    window : int or None
        Central part of the regions that both runs were of, where they had the same.
    """

    opened: HitsStore
    rows: list[dict[str, Any]]
    pairs: list[Pair]
    window: int | None = None


class _Head(NamedTuple):
    path: Location
    opened: HitsStore
    provenance: dict[str, Any]

    @classmethod
    def open(cls, path: Path | str | RemotePath) -> "_Head":
        located = hits_path(path)
        opened = open_hits(located)
        with reading(located):
            for group in opened:
                group.load()
        return cls(located, _without_track(opened, located), read_info(located).provenance)


def merge_heads(
    a: Path | str | RemotePath, b: Path | str | RemotePath, options: HeadOptions | None = None
) -> Merged:
    """Match the motifs of two heads, pool their hits, and mark the best of each place.

    Parameters
    ----------
    a, b : path
        Hits stores of one track each, called in the same regions.
    options : HeadOptions, optional
        How.

    Returns
    -------
    Merged
        Motifs that match are one; its hits lie where the merged core does. All other scores are
        those of the run that called the hit.

    Raises
    ------
    ReadError
        If a store cannot be read, or there is no such score.
    RunError
        If the regions or the modes differ, a store has several tracks, or no hit has the score.
    """
    options = options or HeadOptions()
    if len(set(options.names)) != 2 or not all(options.names):
        raise RunError(f"the heads are named {' and '.join(options.names)}: give different names")
    heads = _Head.open(a), _Head.open(b)
    _check_regions(*heads)
    merged = merge_motifs(
        heads[0].opened.motifs,
        heads[1].opened.motifs,
        options.names,
        min_similarity=options.min_similarity,
        trim_threshold=heads[0].provenance.get("options", {}).get("trim_threshold", _TRIM),
    )
    hits = _pooled(heads, merged)
    opened = HitsStore(heads[0].opened.regions, merged.motifs, _quality(heads), hits)
    score = stored_score(hits, options.clusters.score, heads[0].path)
    check_known(score, options.clusters.score, heads[0].path)
    primary = cluster(hit_columns(opened), score, options.clusters).best
    attrs = variable_attrs("hits", VARIABLE) | {"long_name": "Whether it is the best of its place."}
    opened = opened._replace(hits=hits.assign({VARIABLE: ("hit", primary, attrs)}))
    windows = [head.provenance.get("options", {}).get("window") for head in heads]
    window = windows[0] if windows[0] == windows[1] else None
    return Merged(opened, _counted(opened, merged.rows, options.names), merged.pairs, window)


def write_merged(path: Location, merged: Merged, provenance: Mapping[str, Any]) -> None:
    """Write the store of two heads to where there is nothing yet."""
    write_groups(path, merged.opened, provenance)


def _without_track(opened: HitsStore, path: Location) -> HitsStore:
    if "track" not in opened.regions.coords:
        return opened
    names = opened.regions["track"].values.tolist()
    if len(names) > 1:
        raise RunError(
            f"{path}: holds the tracks {', '.join(map(str, names))}; call each head for itself"
            " (call-hits --tracks NAME), with the motifs of that head"
        )
    return HitsStore(
        opened.regions.drop_vars("track"),
        opened.motifs,
        opened.qc.isel(track=0, drop=True),
        opened.hits.drop_vars("hit_track", errors="ignore"),
    )


def _check_regions(a: _Head, b: _Head) -> None:
    counts = [head.opened.qc.sizes["region"] for head in (a, b)]
    if counts[0] != counts[1]:
        raise RunError(
            f"{a.path} has {counts[0]:,} regions and {b.path} {counts[1]:,}: hits are pooled only"
            " where both were called in the same regions"
        )
    for name in ("region_chrom", "region_start"):
        ours, theirs = (head.opened.regions.get(name) for head in (a, b))
        if (ours is None) != (theirs is None) or (
            ours is not None and theirs is not None and (ours.values != theirs.values).any()
        ):
            raise RunError(
                f"{a.path} and {b.path} differ in {name}: hits are pooled only where both were"
                " called in the same regions"
            )


# --- Hits ----------------------------------------------------------------------------------------


def _pooled(heads: tuple[_Head, _Head], merged: MergedMotifs) -> "xr.Dataset":
    import xarray as xr

    parts = [
        _placed(head.opened, members, merged.motifs).assign(
            {HEAD: ("hit", np.full(head.opened.hits.sizes["hit"], number, dtype=np.int32))}
        )
        for number, (head, members) in enumerate(zip(heads, merged.members, strict=True))
    ]
    common = [name for name in parts[0].data_vars if name in parts[1].data_vars]
    joined = xr.concat([part[common] for part in parts], dim="hit", combine_attrs="override")
    keys = [joined[name].values for name in ("hit_motif", "hit_start", "hit_region")]
    order = np.lexsort((joined[HEAD].values, *keys))
    joined[HEAD].attrs["long_name"] = "Head of the model that the hit is of: 0 or 1."
    return joined.isel(hit=order)


def _placed(opened: HitsStore, members: list[Member], motifs: "xr.Dataset") -> "xr.Dataset":
    """Hits of a head as those of merged motifs, where these then lie."""
    hits, own = opened.hits, opened.motifs
    _, numbers = motif_numbers(own)
    # Motifs stand twice: by the number of the oriented one, that of the member.
    merged, shift, turned = (
        np.array([member[field] for member in members], dtype=np.int64)[numbers][
            hits["hit_motif"].values
        ]
        for field in range(3)
    )
    minus = (own["motif_strand"].values == "-")[hits["hit_motif"].values] ^ turned.astype(np.bool_)
    start, end = (
        hits[f"hit_{name}_untrimmed"].values.astype(np.int64) for name in ("start", "end")
    )
    oriented = 2 * merged + minus
    width = motifs["motif_width"].values[oriented]
    first = np.where(minus, end + shift - width, start - shift)
    regions = opened.regions
    limit = (
        regions["region_width"].values[hits["hit_region"].values]
        if "region_width" in regions
        else int(regions.attrs["region_width"])
    )
    low = np.clip(first + motifs["motif_start"].values[oriented], 0, limit)
    high = np.clip(first + motifs["motif_end"].values[oriented], 0, limit)
    columns = {
        "hit_motif": oriented,
        "hit_start": low,
        "hit_end": high,
        "hit_start_untrimmed": first,
        "hit_end_untrimmed": first + width,
    }
    return hits.drop_vars(VARIABLE, errors="ignore").assign(
        {
            name: ("hit", values.astype(np.int32), hits[name].attrs)
            for name, values in columns.items()
        }
    )


def _quality(heads: tuple[_Head, _Head]) -> "xr.Dataset":
    """Of a region: numbers are means, steps the more, and both must have converged."""
    a, b = (head.opened.qc for head in heads)
    made = {}
    for name in a.data_vars:
        x, y = a[name].values, b[name].values if name in b else a[name].values
        if x.dtype.kind == "b":
            made[name] = x & y
        else:
            made[name] = (x + y) / 2 if x.dtype.kind == "f" else np.maximum(x, y)
    return a.assign({name: (a[name].dims, values, a[name].attrs) for name, values in made.items()})


def _counted(
    opened: HitsStore, rows: list[dict[str, Any]], names: tuple[str, str]
) -> list[dict[str, Any]]:
    motif = opened.hits["hit_motif"].values // 2
    columns = {f"num_hits_{name}": opened.hits[HEAD].values == n for n, name in enumerate(names)}
    columns["num_primary"] = opened.hits[VARIABLE].values
    counts = {
        name: np.bincount(motif[chosen], minlength=len(rows)) for name, chosen in columns.items()
    }
    return [
        {**row, **{name: int(values[index]) for name, values in counts.items()}}
        for index, row in enumerate(rows)
    ]
