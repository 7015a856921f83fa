"""The files beside a report: tables, matrices and logos."""

from collections.abc import Iterable
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation import MotifTable
from finemo_zarr.plot import logo_svg
from finemo_zarr.report.payload import information
from finemo_zarr.report.saved import save_tables
from finemo_zarr.report.source import ReportData

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

_FORBIDDEN = str.maketrans(dict.fromkeys('/\\:*?"<>|', "_"))


def write_files(data: ReportData, folder: str | Path) -> None:
    """Write the tables and matrices of a report into a folder.

    ``motif_report.tsv``, ``motif_occurrences.tsv``, ``motif_co_occurrences.tsv``,
    ``hit_quality.tsv``, ``region_report.tsv`` and ``findings.tsv``; with seqlets ``seqlets.tsv``
    and ``seqlet_confusion.tsv``; and for each motif ``CWMs/<motif>/`` with matrices as text, one
    row for each base, and logos as SVG. Characters that files cannot have are ``_`` there; a name
    that another motif has already goes on with ``_2``.

    Parameters
    ----------
    data : ReportData
        From :func:`gather`.
    folder : path
        Where to; made if it is not there.
    """
    folder = Path(folder)
    save_tables(folder, tables(data))
    _write_matrices(data, folder / "CWMs")


def tables(data: ReportData) -> dict[str, "pl.DataFrame"]:
    """The tables of a report, by name."""
    evaluation = data.evaluation
    made = {
        "motif_report": _motif_report(data),
        "motif_occurrences": _occurrences(data),
        "motif_co_occurrences": _square(evaluation.co_occurrences["co_occurrence"]),
        "region_report": _with_places(data, _columns(evaluation.regions)),
        "hit_quality": _hit_quality(data),
        "findings": _findings(data),
    }
    if data.seqlets is not None and evaluation.confusion is not None:
        made["seqlets"] = _seqlets(data)
        made["seqlet_confusion"] = _square(evaluation.confusion["seqlet_confusion"])
    return made


def _columns(dataset: "xr.Dataset") -> dict[str, Any]:
    return {
        str(name): column.values.tolist() if column.dtype.kind in "TUO" else column.values
        for name, column in dataset.data_vars.items()
        if column.ndim == 1
    }


def _motif_report(data: ReportData) -> "pl.DataFrame":
    import polars as pl

    motifs, known = data.evaluation.motifs, data.evaluation.known
    columns: dict[str, Any] = {"motif_name": motifs["motif"].values.tolist(), **_columns(motifs)}
    if known is not None:
        for match in range(known.sizes["match"]):
            for name in ("name", "p", "q"):
                values = known[f"match_{name}"].values[:, match]
                columns[f"match{match}_{name}"] = values.tolist()
    return pl.DataFrame(columns)


def _places(data: ReportData) -> dict[str, Any]:
    regions, count = data.hits.regions, data.hits.qc.sizes["region"]
    if "region_chrom" not in regions:
        return {"peak_id": np.arange(count)}
    return {
        "chr": regions["region_chrom"].values.tolist(),
        "start": regions["region_start"].values,
        "end": regions["region_end"].values,
        "peak_name": regions["region_name"].values.tolist(),
        "peak_id": regions["region_id"].values,
    }


def _named_places(data: ReportData, region: NDArray[np.int64]) -> dict[str, Any]:
    """Chromosome, where there is one, and number of some regions."""
    columns = {key: value for key, value in _places(data).items() if key in {"chr", "peak_id"}}
    return {key: np.asarray(value, dtype=object)[region].tolist() for key, value in columns.items()}


def _with_places(data: ReportData, columns: dict[str, Any]) -> "pl.DataFrame":
    import polars as pl

    return pl.DataFrame({**_places(data), **columns})


def _occurrences(data: ReportData) -> "pl.DataFrame":
    occurrences = data.evaluation.occurrences
    counts: dict[str, Any] = dict(
        zip(occurrences["motif"].values.tolist(), occurrences["count"].values.T, strict=True)
    )
    return _with_places(data, {**counts, "total": occurrences["total"].values})


def _square(table: "xr.DataArray") -> "pl.DataFrame":
    import polars as pl

    rows, columns = (table[dim].values.tolist() for dim in table.dims)
    return pl.DataFrame({"motif_name": rows, **dict(zip(columns, table.values.T, strict=True))})


def _hit_quality(data: ReportData) -> "pl.DataFrame":
    import polars as pl

    hits, motifs = data.hits.hits, data.hits.motifs
    oriented, region = hits["hit_motif"].values, hits["hit_region"].values
    offset = (
        data.hits.regions["region_start"].values[region]
        if ("region_start" in data.hits.regions)
        else np.zeros(len(region), np.int64)
    )
    quality = {
        name: values.astype(np.int8) if values.dtype == np.bool_ else values
        for name, values in _columns(data.evaluation.hits).items()
    }
    return pl.DataFrame(
        {
            **_named_places(data, region),
            "start": offset + hits["hit_start"].values,
            "end": offset + hits["hit_end"].values,
            "motif_name": motifs["motif_name"].values[oriented].tolist(),
            "strand": motifs["motif_strand"].values[oriented].tolist(),
            **quality,
        }
    )


def _findings(data: ReportData) -> "pl.DataFrame":
    import polars as pl

    found = data.evaluation.findings
    return pl.DataFrame(
        {
            "motif_name": [f.motif for f in found],
            "what": [f.what for f in found],
            "advice": [f.advice for f in found],
        },
        schema=dict.fromkeys(("motif_name", "what", "advice"), pl.String),
    )


def _seqlets(data: ReportData) -> "pl.DataFrame":
    import polars as pl

    assert data.seqlets is not None
    seqlets = data.seqlets.instances
    names = data.evaluation.motifs["motif"].values
    width = MotifTable.of(data.hits.motifs).width[seqlets.motif]
    return pl.DataFrame(
        {
            **_named_places(data, seqlets.region),
            "start_untrimmed": seqlets.position,
            "end_untrimmed": seqlets.position + width,
            "motif_name": names[seqlets.motif].tolist(),
            "strand": np.where(seqlets.reverse, "-", "+"),
        }
    )


def file_name(motif: str) -> str:
    """Name of a motif as the name of a folder."""
    return motif.translate(_FORBIDDEN).strip(". ") or "_"


def file_names(motifs: Iterable[str]) -> list[str]:
    """The same of several motifs, no two alike, also where files have no upper and lower case."""
    names: list[str] = []
    taken: set[str] = set()
    for stem in map(file_name, motifs):
        tries = chain([stem], (f"{stem}_{number}" for number in count(2)))
        names.append(next(name for name in tries if name.casefold() not in taken))
        taken.add(names[-1].casefold())
    return names


def _write_matrices(data: ReportData, folder: Path) -> None:
    forward = data.hits.motifs.isel(motif=MotifTable.of(data.hits.motifs).oriented[:, 0])
    names = file_names(map(str, forward["motif_name"].values.tolist()))
    for at, name in enumerate(names):
        width = int(forward["motif_width"][at])
        core = int(forward["motif_start"][at]), int(forward["motif_end"][at])
        inside = folder / name
        inside.mkdir(parents=True, exist_ok=True)
        for kind, values in _matrices(data, forward, at).items():
            _write_matrix(inside, kind, values[:, :width], core)


def _matrices(data: ReportData, forward: "xr.Dataset", at: int) -> dict[str, NDArray[Any]]:
    made = {"modisco_cwm": forward["motif_cwm"].values[at]}
    means = data.evaluation.means
    if means is None:
        return made
    for name in means["set"].values.tolist():
        if int(means["count"].sel(set=name)[at]):
            made[f"{name}_cwm"] = means["mean_cwm"].sel(set=name).values[at]
            made[f"{name}_ppm"] = means["mean_ppm"].sel(set=name).values[at]
    return made


def _write_matrix(folder: Path, kind: str, values: NDArray[Any], core: tuple[int, int]) -> None:
    lines = ["\t".join(f"{value:.6g}" for value in row) for row in values]
    (folder / f"{kind}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    drawn = information(values) if kind.endswith("ppm") else values
    (folder / f"{kind}.svg").write_text(logo_svg(drawn, core), encoding="utf-8")
    back = values.shape[1] - core[1], values.shape[1] - core[0]
    (folder / f"{kind}_reverse.svg").write_text(logo_svg(drawn[::-1, ::-1], back), encoding="utf-8")
