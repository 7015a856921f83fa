"""Several runs beside one another."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from finemo_zarr.errors import RunError
from finemo_zarr.postprocess import Comparison, HitColumns, compare, read_hits
from finemo_zarr.report.html import Html, data_table, tiles, warnings_box

if TYPE_CHECKING:
    import polars as pl

_FEWEST = 2
_FEW_SHARED = 0.05


class RunsData(NamedTuple):
    """Runs by name, and how each of the others agrees with the first."""

    runs: dict[str, HitColumns]
    comparisons: dict[str, Comparison]

    @property
    def first(self) -> str:
        """Name of the run that the others are compared with."""
        return next(iter(self.runs))


def gather_runs(hits: Sequence[str | Path]) -> RunsData:
    """Read the hits of several runs, and match those of the first with those of the others.

    Parameters
    ----------
    hits : sequence of path
        Hits stores, folders that `call-hits` wrote, or tables like ``hits.tsv``; at least two.

    Raises
    ------
    RunError
        If there are fewer than two.
    ReadError
        If one cannot be read.
    """
    if len(hits) < _FEWEST:
        raise RunError(f"{len(hits)} runs to compare, expected at least two (-H A B)")
    names = _short_names([Path(path) for path in hits])
    runs = {name: read_hits(path) for name, path in zip(names, hits, strict=True)}
    first = runs[names[0]]
    return RunsData(runs, {name: compare(first, runs[name]) for name in names[1:]})


def _short_names(paths: list[Path]) -> list[str]:
    """The last parts of paths that tell them apart."""
    for count in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-count:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{path} ({number})" for number, path in enumerate(paths, 1)]


def runs_summary(data: RunsData) -> Html:
    """How many hits each run has, and how many of them agree with the first."""
    values = [(f"{len(run):,}", f"hits, {name}") for name, run in data.runs.items()]
    for name, comparison in data.comparisons.items():
        either = max(len(comparison), 1)
        share = comparison.counts["matched"] / either
        values.append((f"{share:.1%}", f"the same in {data.first} and {name}"))
    return Html(tiles(values) + warnings_box(_elsewhere(data)))


def _elsewhere(data: RunsData) -> list[str]:
    """Runs whose hits hardly overlap those of the first."""
    found = []
    first = len(data.runs[data.first])
    for name, comparison in data.comparisons.items():
        counts, other = comparison.counts, len(data.runs[name])
        shared = counts["matched"] + counts["moved"] + counts["renamed"]
        if shared < _FEW_SHARED * min(first, other):
            found.append(
                f"Of the {first:,} hits of {data.first} and the {other:,} of {name} only"
                f" {shared:,} overlap, whatever their motifs: were they called in the same regions"
                " of the same genome?"
            )
    return found


def statuses(data: RunsData) -> Html:
    """How many hits are matched, moved, renamed, lost or new, run by run."""
    import polars as pl

    rows: list[dict[str, Any]] = []
    for name, comparison in data.comparisons.items():
        pearson, spearman = comparison.correlations()
        of_matched = {"Pearson": pearson, "Spearman": spearman}
        rows.append({"run": name, **comparison.counts, **of_matched})
    return data_table(pl.DataFrame(rows), "statuses-table")


def hits_by_motif(data: RunsData) -> "pl.DataFrame":
    """Number of hits of each motif in each run."""
    import polars as pl

    table = pl.DataFrame({"motif_name": []}, schema={"motif_name": pl.String})
    for name, run in data.runs.items():
        names = pl.Series("motif_name", run.motif_names, dtype=pl.String).gather(run.motif)
        counted = names.value_counts(name=name)
        table = table.join(counted, on="motif_name", how="full", coalesce=True)
    return table.fill_null(0).sort(data.first, "motif_name", descending=[True, False])
