"""Which motifs occur together more often than chance, and which with themselves."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation._instances import MotifTable
from finemo_zarr.evaluation.occurrence import co_occurrence
from finemo_zarr.evaluation.tails import (
    benjamini_hochberg,
    log_hypergeometric_tail,
    log_poisson_tail,
)
from finemo_zarr.intervals import Intervals, overlapping_pairs
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr

Balls = Literal["hits", "regions"]
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.99, 1.0)
_MOST_HITS = 4


def hits_of_regions(occurrences: "xr.Dataset") -> "xr.Dataset":
    """Describe how many hits regions have.

    Parameters
    ----------
    occurrences : xarray.Dataset
        From :func:`~finemo_zarr.evaluation.occurrence`.

    Returns
    -------
    xarray.Dataset
        ``regions_with`` ``(hits,)``, the number of regions with exactly so many hits;
        ``cumulative_share``, the share of regions with at most so many;
        ``quantile_hits`` ``(quantile,)``. The attribute ``share_without_hits``. NaN where there are
        no regions.
    """
    import xarray as xr

    total = occurrences["total"].values
    counts = np.bincount(total, minlength=1)
    size = max(total.size, 1)
    quantiles = np.quantile(total, _QUANTILES) if total.size else np.full(len(_QUANTILES), np.nan)
    return xr.Dataset(
        {
            "regions_with": ("hits", counts),
            "cumulative_share": ("hits", np.cumsum(counts) / size),
            "quantile_hits": ("quantile", quantiles),
        },
        coords={"hits": np.arange(counts.size), "quantile": list(_QUANTILES)},
        attrs={"share_without_hits": float(counts[0] / size) if total.size else float("nan")},
    )


def prevalence(occurrences: "xr.Dataset") -> "xr.Dataset":
    """Describe how many regions have each motif, and how many hits of it they have.

    Parameters
    ----------
    occurrences : xarray.Dataset
        From :func:`~finemo_zarr.evaluation.occurrence`.

    Returns
    -------
    xarray.Dataset
        ``prevalence`` ``(motif,)``, the share of regions with at least one hit;
        ``share_with`` ``(motif, hits)``, the share with so many, from 1 to 4, where 4 stands for
        four or more; ``mean_hits``, the mean over regions with any, NaN where there are none.
    """
    import xarray as xr

    count = occurrences["count"].values
    size = max(len(count), 1)
    steps = [(count == hits).sum(axis=0) for hits in range(1, _MOST_HITS)]
    steps.append((count >= _MOST_HITS).sum(axis=0))
    n_regions = occurrences["n_regions"].values
    sums = count.sum(axis=0, dtype=np.float64)
    mean = np.divide(sums, n_regions, out=np.full(sums.shape, np.nan), where=n_regions > 0)
    return xr.Dataset(
        {
            "prevalence": ("motif", n_regions / size),
            "n_regions": ("motif", n_regions),
            "n_hits": ("motif", sums.astype(np.int64)),
            "mean_hits": ("motif", mean),
            "share_with": (("motif", "hits"), np.stack(steps, axis=1) / size),
        },
        coords={"motif": occurrences["motif"].values, "hits": np.arange(1, _MOST_HITS + 1)},
    )


def co_occurrence_tests(occurrences: "xr.Dataset", *, balls: Balls = "hits") -> "xr.Dataset":
    """Test which motifs share regions more often than if each chose its regions by chance.

    Two motifs: Fisher's exact test, "greater", over all regions. A motif and itself: the number of
    regions with two or more hits of it, against a Poisson distribution whose mean is the number of
    regions that get two or more if *h* balls fall into *n* regions by chance. For a rare motif that
    is h (h - 1) / (2 n), the number of pairs of balls that meet.

    Parameters
    ----------
    occurrences : xarray.Dataset
        From :func:`~finemo_zarr.evaluation.occurrence`.
    balls : {"hits", "regions"}
        What *h* counts: the hits of the motif, or the regions with at least one.

    Returns
    -------
    xarray.Dataset
        Arrays ``(motif, other_motif)``, symmetric: ``regions_with_both``, on the diagonal regions
        with two or more hits; ``expected``; ``log10_p``, of at least so many; ``p``, which is 0
        below 1e-308; ``q`` and ``log10_q`` after Benjamini and Hochberg over all pairs and motifs.
        Tests are NaN where a motif has no hit. Attributes: ``n_regions``, ``n_tests``, ``balls``.

    Raises
    ------
    SchemaError
        If `balls` is neither.
    """
    import xarray as xr

    if balls not in ("hits", "regions"):
        raise SchemaError(f"balls is {balls!r}, expected 'hits' or 'regions'")
    both = co_occurrence(occurrences)["co_occurrence"].values.copy()
    n_regions, size = occurrences.sizes["region"], len(both)
    twice = (occurrences["count"].values >= 2).sum(axis=0)
    np.fill_diagonal(both, twice)
    having = occurrences["n_regions"].values
    thrown = having if balls == "regions" else occurrences["count"].values.sum(axis=0)
    expected = np.outer(having, having) / max(n_regions, 1)
    np.fill_diagonal(expected, _met(thrown, n_regions))
    log_p = np.full((size, size), np.nan)
    present = np.flatnonzero(having)
    row, column = (present[side] for side in np.triu_indices(present.size, 1))
    log_p[row, column] = log_hypergeometric_tail(
        both[row, column], having[row], having[column], n_regions
    )
    log_p[present, present] = log_poisson_tail(twice[present], expected[present, present])
    log_q = benjamini_hochberg(log_p)  # of one triangle: each pair is one test
    data = {
        "regions_with_both": both,
        "expected": expected,
        "log10_p": _both_triangles(log_p) / np.log(10),
        "p": np.exp(_both_triangles(log_p)),
        "log10_q": _both_triangles(log_q) / np.log(10),
        "q": np.exp(_both_triangles(log_q)),
    }
    names = occurrences["motif"].values
    return xr.Dataset(
        {name: (("motif", "other_motif"), values) for name, values in data.items()},
        coords={"motif": names, "other_motif": names},
        attrs={
            "n_regions": n_regions,
            "n_tests": int((~np.isnan(log_p)).sum()),
            "balls": balls,
        },
    )


def regions_apart(hits: HitsStore, occurrences: "xr.Dataset") -> "xr.DataArray":
    """Count the regions that hold two motifs at places that do not overlap.

    Motifs that resemble one another often have hits at the same place; that is no syntax.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.
    occurrences : xarray.Dataset
        Of the same, from :func:`~finemo_zarr.evaluation.occurrence`.

    Returns
    -------
    xarray.DataArray
        ``(motif, other_motif)``, symmetric: regions in which the core of at least one hit of the
        one shares no base with that of at least one hit of the other; on the diagonal, of another
        hit of the same motif.
    """
    both = co_occurrence(occurrences)["co_occurrence"].copy()
    count, size = occurrences["count"].values, occurrences.sizes["motif"]
    np.fill_diagonal(both.values, (count >= 2).sum(axis=0))
    region = hits.hits["hit_region"].values.astype(np.int64)
    motif = MotifTable.of(hits.motifs).of_oriented[hits.hits["hit_motif"].values]
    sides = (hits.hits[f"hit_{side}"].values.astype(np.int64) for side in ("start", "end"))
    cores = Intervals(region, *sides)
    left, right = overlapping_pairs(cores, cores)
    once = left < right
    low, high = np.sort(np.stack([motif[left[once]], motif[right[once]]]), axis=0)
    cell, overlaps = np.unique((region[left[once]] * size + low) * size + high, return_counts=True)
    at, low, high = cell // size**2, cell // size % size, cell % size
    pairs = np.where(
        low == high, count[at, low] * (count[at, low] - 1) // 2, count[at, low] * count[at, high]
    )
    all_overlap = overlaps == pairs
    np.subtract.at(both.values, (low[all_overlap], high[all_overlap]), 1)
    upper = np.triu(both.values)
    both.values = upper + np.triu(upper, 1).T
    return both.rename("regions_apart")


def _met(balls: NDArray[Any], boxes: int) -> NDArray[np.float64]:
    """Boxes that are expected to get two or more balls."""
    from scipy.stats import binom

    expected: NDArray[np.float64] = boxes * binom.sf(1, balls, 1 / max(boxes, 1))
    return expected


def _both_triangles(upper: NDArray[Any]) -> NDArray[np.float64]:
    full: NDArray[np.float64] = np.where(np.isnan(upper), upper.T, upper)
    return full


def region_sample(
    occurrences: "xr.Dataset", *, most: int = 10_000, seed: int = 0
) -> "xr.DataArray":
    """Which motifs which regions have, as a picture shows it.

    Parameters
    ----------
    occurrences : xarray.Dataset
        From :func:`~finemo_zarr.evaluation.occurrence`.
    most : int
        Regions to keep at most, by chance.
    seed : int
        Of that chance.

    Returns
    -------
    xarray.DataArray
        Booleans ``(region, motif)``: motifs that have a hit, the most frequent first; regions as
        binary numbers with a digit for each motif, the largest first. The coordinate ``region`` is
        the row.
    """
    import xarray as xr

    frequency = occurrences["n_regions"].values
    columns = np.argsort(-frequency, kind="stable")[: int((frequency > 0).sum())]
    rows = np.arange(occurrences.sizes["region"])
    if rows.size > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    found = occurrences["count"].values[np.ix_(rows, columns)] > 0
    order = np.lexsort((~found).T[::-1]) if columns.size else np.arange(rows.size)
    return xr.DataArray(
        found[order],
        dims=("region", "motif"),
        coords={"region": rows[order], "motif": occurrences["motif"].values[columns]},
        name="present",
    )
