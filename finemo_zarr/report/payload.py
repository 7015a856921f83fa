"""What the page's script draws, as compact JSON."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation import MotifTable, reconstruct
from finemo_zarr.plot import COLOURS, CORE_SHADE, GLYPHS
from finemo_zarr.report.source import ReportData
from finemo_zarr.sequence import decode, project

if TYPE_CHECKING:
    import xarray as xr

_STEPS = 999
_BINS = 24
_PSEUDOCOUNT = 0.001
_SCORES = ("hit_coefficient_global", "hit_similarity", "hit_importance")


def compact(value: Any) -> str:
    """Return JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def drawing() -> dict[str, Any]:
    """Shapes and colours of the letters."""
    return {"glyphs": dict(GLYPHS), "colours": dict(COLOURS), "core": CORE_SHADE}


def quantised(values: NDArray[Any]) -> tuple[float, list[int]]:
    """Return a scale, and numbers of at most three digits that give the values with it.

    A value that is not known is 0.
    """
    values = np.nan_to_num(values, nan=0.0)
    largest = float(np.abs(values).max(initial=0.0))
    if not np.isfinite(largest) or largest == 0:
        return 0.0, [0] * values.size
    scale = float(f"{largest / _STEPS:.4g}")
    return scale, np.round(values.ravel() / scale).astype(int).tolist()


def matrix(values: NDArray[Any]) -> dict[str, Any]:
    """A matrix ``(4, position)``, column by column."""
    scale, numbers = quantised(np.asarray(values).T)
    return {"s": scale, "v": numbers}


def motifs(data: ReportData) -> list[dict[str, Any]]:
    """Logos, histograms and findings of each motif."""
    table = MotifTable.of(data.hits.motifs)
    forward = data.hits.motifs.isel(motif=table.oriented[:, 0])
    number = table.of_oriented[data.hits.hits["hit_motif"].values]
    order = np.argsort(number, kind="stable")
    bounds = np.searchsorted(number[order], np.arange(len(table.names) + 1))
    scores = {name: data.hits.hits[name].values[order] for name in _SCORES}
    return [
        {
            "name": str(name),
            "core": [int(forward["motif_start"][at]), int(forward["motif_end"][at])],
            "logos": _logos(data, forward, at),
            "counts": _counts(data, at),
            "known": known_motifs(data.evaluation.known, data.known, at),
            "histograms": [
                drawn
                for key in _SCORES
                if (drawn := histogram(scores[key][bounds[at] : bounds[at + 1]], key)) is not None
            ],
            "findings": [[f.what, f.advice] for f in data.evaluation.findings if f.motif == name],
        }
        for at, name in enumerate(table.names.tolist())
    ]


def _logos(data: ReportData, forward: "xr.Dataset", at: int) -> dict[str, Any]:
    width = int(forward["motif_width"][at])
    logos = {"cwm": matrix(forward["motif_cwm"].values[at, :, :width])}
    means = data.evaluation.means
    if means is not None:
        own = means.isel(motif=at)
        for name in ("hits", "seqlets_only", "hits_only"):
            if name in means["set"].values and int(own["count"].sel(set=name)):
                logos[name] = matrix(own["mean_cwm"].sel(set=name).values[:, :width])
        if "hits" in logos:
            logos["ppm"] = matrix(information(own["mean_ppm"].sel(set="hits").values[:, :width]))
    return logos


def information(ppm: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities ``(4, width)`` times the information of their column, in bits.

    Against the uniform background, with a pseudocount for each base.
    """
    shares = (ppm + _PSEUDOCOUNT) / (ppm.sum(axis=0) + 4 * _PSEUDOCOUNT)
    scaled: NDArray[np.float64] = ppm * (shares * np.log2(4 * shares)).sum(axis=0)
    return scaled


def _counts(data: ReportData, at: int) -> dict[str, int]:
    means = data.evaluation.means
    if means is None:
        return {}
    counts = means["count"].isel(motif=at)
    return {str(name): int(counts.sel(set=name)) for name in means["set"].values}


def known_motifs(
    known: "xr.Dataset | None", database: "xr.Dataset | None", at: int
) -> list[dict[str, Any]]:
    """Name, q-value and logo of the known motifs that a motif matches.

    Parameters
    ----------
    known : xarray.Dataset, optional
        From :func:`finemo_zarr.evaluation.match_known_motifs`.
    database : xarray.Dataset, optional
        The known motifs.
    at : int
        Index of the motif.
    """
    if known is None or database is None:
        return []
    found = []
    for match in range(known.sizes["match"]):
        index = int(known["match_index"][at, match])
        width = int(database["motif_width"][index])
        ppm = database["motif_ppm"].values[index, :, :width]
        if bool(known["match_reverse"][at, match]):
            ppm = ppm[::-1, ::-1]
        found.append(
            {
                "name": str(known["match_name"].values[at, match]),
                "q": f"{float(known['match_q'][at, match]):.2g}",
                "logo": matrix(information(ppm)),
            }
        )
    return found


def histogram(values: NDArray[Any], label: str) -> dict[str, Any] | None:
    """Bins of a score; logarithmic but for similarities."""
    values = values[np.isfinite(values)]
    logarithmic = label != "hit_similarity"
    if logarithmic:
        values = np.log10(values[values > 0])
    if not values.size:
        return None
    counts, edges = np.histogram(values, bins=_BINS)
    low, high = (float(edge) for edge in edges[[0, -1]])
    if logarithmic:
        low, high = 10**low, 10**high
    return {
        "label": label,
        "log": logarithmic,
        "low": low,
        "high": high,
        "counts": counts.tolist(),
    }


def examples(
    data: ReportData, count: int, chosen: list[tuple[str, int]] | None = None
) -> list[dict[str, Any]]:
    """Regions to look at, with scores, hits, and what the hits make of the scores."""
    if data.regions is None or not data.hits.qc.sizes["region"]:
        return []
    chosen = choose_examples(data, count) if chosen is None else chosen
    rows = [row for _, row in chosen]
    part = data.regions[["region_sequence", "region_contributions"]].isel(region=rows).load()
    codes, scores = part["region_sequence"].values, part["region_contributions"].values
    if scores.ndim == 3:
        scores = project(scores, codes)
    if data.hits.motifs.attrs["sqrt_transform"]:
        scores = np.sign(scores) * np.sqrt(np.abs(scores))
    built = reconstruct(data.hits, data.regions, rows)
    return [
        _example(data, row, why, decode(codes[at]), np.stack([scores[at], built[at]]))
        for at, (why, row) in enumerate(chosen)
    ]


def choose_examples(data: ReportData, count: int) -> list[tuple[str, int]]:
    """Regions with most hits, with a median number, and with large scores left unexplained."""
    number = data.evaluation.regions["num_hits"].values
    by_number = np.argsort(-number, kind="stable")
    middle = max(0, len(by_number) // 2 - count // 2)
    explained = np.nan_to_num(data.evaluation.regions["explained"].values)
    left = (1 - explained) * np.nan_to_num(data.hits.qc["qc_scale"].values) ** 2
    groups = {
        "most hits": by_number[:count],
        "a median number of hits": by_number[middle : middle + count],
        "most left unexplained": np.argsort(-left, kind="stable")[:count],
    }
    chosen: dict[int, str] = {}
    for why, rows in groups.items():
        for row in rows.tolist():
            chosen.setdefault(row, why)
    return [(why, row) for row, why in chosen.items()]


def _example(
    data: ReportData, row: int, why: str, sequence: str, tracks: NDArray[Any]
) -> dict[str, Any]:
    regions = data.hits.regions
    place, start = f"region {row}", 0
    if "region_chrom" in regions:
        start = int(regions["region_start"][row])
        place = f"{regions['region_chrom'].values[row]}:{start:,}-{start + len(sequence):,}"
        name = str(regions["region_name"].values[row])
        place += "" if name in {"", "."} else f" ({name})"
    scale, numbers = quantised(tracks)
    explained = float(data.evaluation.regions["explained"].values[row])
    return {
        "why": why,
        "place": place,
        "start": start,
        "sequence": sequence,
        "scale": scale,
        "scores": numbers[: len(sequence)],
        "built": numbers[len(sequence) :] if np.isfinite(tracks).all() else [],
        "explained": explained if np.isfinite(explained) else None,
        "hits": _hits(data, row),
    }


def _hits(data: ReportData, row: int) -> list[list[Any]]:
    hits = data.hits.hits
    own = hits.isel(hit=np.flatnonzero(hits["hit_region"].values == row))
    oriented = own["hit_motif"].values
    strands = data.hits.motifs["motif_strand"].values[oriented].tolist()
    number = MotifTable.of(data.hits.motifs).of_oriented[oriented].tolist()
    columns = [own[f"hit_{name}"].values.tolist() for name in ("start", "end")]
    scores = [
        [_rounded(value) for value in own[f"hit_{name}"].values.tolist()]
        for name in ("coefficient", "similarity")
    ]
    return [list(hit) for hit in zip(*columns, number, strands, *scores, strict=True)]


def _rounded(value: float) -> float | None:
    """Four digits; nothing for what is not known, which JSON cannot say otherwise."""
    return float(f"{value:.4g}") if np.isfinite(value) else None
