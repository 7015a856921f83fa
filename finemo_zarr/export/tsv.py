"""The tables of `call-hits`: names, columns and order are those that Fi-NeMo's scripts expect.

A hit table is written in stripes of whole chromosomes (of whole regions where there are no
coordinates), each sorted, so that memory is bounded by the hits of one chromosome.

Positions are as stored. A region may begin before its chromosome, and so may the core of a hit at
its edge: `hits.tsv` keeps the negative number, `hits.bed` begins at 0, since a negative start makes
other programs refuse the file.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.store import (
    HitsStore,
    RemotePath,
    hits_path,
    locate,
    move_file,
    open_hits,
    read_info,
    reading,
    scratch_folder,
)

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

TABLES = (
    "hits.tsv",
    "hits_unique.tsv",
    "hits.bed",
    "peaks_qc.tsv",
    "motif_data.tsv",
    "motif_cwms.npy",
    "params.json",
)

_HIT_COLUMNS = (
    "chr",
    "start",
    "end",
    "start_untrimmed",
    "end_untrimmed",
    "motif_name",
    "hit_coefficient",
    "hit_coefficient_global",
    "hit_similarity",
    "hit_correlation",
    "hit_importance",
    "hit_importance_sq",
    "strand",
    "peak_name",
    "peak_id",
)
_UNIQUE_BY = ("chr", "start", "motif_name", "strand")
_TRACK = "track"
_MISSING = "NA"
_STRIPE_HITS = 2**20
_READ_HITS = 2**16
_WRITE_ROWS = 2**16


def write_tables(
    hits: Path | str | RemotePath,
    out_dir: Path | str | RemotePath,
    params: Mapping[str, Any] | None = None,
) -> None:
    """Write the tables of a hits store into a folder.

    Parameters
    ----------
    hits : path
        A hits store.
    out_dir : path
        The folder; made if it is not there. Tables that are there are replaced.
    params : mapping, optional
        What ``params.json`` holds beside the sizes; by default the provenance of the store.

    Raises
    ------
    ReadError
        If the hits store cannot be read.
    RunError
        If the folder cannot be written.
    """
    hits = hits_path(hits)
    opened = open_hits(hits)
    out_dir = locate(out_dir)
    with scratch_folder(out_dir, "tables") as folder, reading(hits):
        regions = _Regions.of(opened)
        _write_hits(folder, opened, regions)
        _write_qc(folder, opened.qc, regions)
        _write_motifs(folder, opened.motifs)
        _write_params(folder, opened, read_info(hits).provenance if params is None else params)
        for name in TABLES:
            move_file(folder / name, out_dir / name)


@dataclass(frozen=True)
class _Regions:
    """What tables say of regions, one entry each.

    `rank` orders stripes: chromosomes as the store does, or regions where there are none.
    """

    rank: NDArray[np.int64]
    chrom: "pl.Series"
    start: NDArray[np.int64]
    name: "pl.Series"
    number: NDArray[np.int64]
    tracks: "pl.Series | None"
    placed: bool

    @classmethod
    def of(cls, opened: HitsStore) -> "_Regions":
        import polars as pl

        regions, count = opened.regions, opened.qc.sizes["region"]
        tracks = None
        if "track" in regions.coords:
            tracks = pl.Series("track", regions["track"].values.tolist(), dtype=pl.String)
        if "region_chrom" not in regions:
            numbers = np.arange(count)
            missing = pl.repeat(_MISSING, count, dtype=pl.String, eager=True)
            starts = np.zeros(count, np.int64)
            return cls(numbers, missing, starts, missing, numbers, tracks, placed=False)
        chroms = regions["region_chrom"].values.tolist()
        order = dict.fromkeys([*regions.attrs.get("chrom_order", ()), *chroms])
        ranks = {chrom: rank for rank, chrom in enumerate(order)}
        return cls(
            np.array([ranks[chrom] for chrom in chroms], dtype=np.int64),
            pl.Series(chroms, dtype=pl.String),
            regions["region_start"].values,
            pl.Series(regions["region_name"].values.tolist(), dtype=pl.String),
            regions["region_id"].values,
            tracks,
            placed=True,
        )


# --- Hits ----------------------------------------------------------------------------------------


def _write_hits(folder: Path, opened: HitsStore, regions: _Regions) -> None:
    with (
        (folder / "hits.tsv").open("wb") as all_hits,
        (folder / "hits_unique.tsv").open("wb") as unique_hits,
        (folder / "hits.bed").open("wb") as bed,
    ):
        extra = [] if regions.tracks is None else [_TRACK]
        header = ("\t".join([*_HIT_COLUMNS, *extra]) + "\n").encode()
        for file in (all_hits, unique_hits):
            file.write(header)
        for stripe in _stripes(opened.hits, regions.rank):
            table = _hit_table(stripe, opened.motifs, regions)
            _append(all_hits, table)
            if regions.placed:
                unique = table.unique([*_UNIQUE_BY, *extra], keep="first", maintain_order=True)
                _append(unique_hits, unique)
                _append(bed, _bed(unique))


def _append(file: BinaryIO, table: "pl.DataFrame") -> None:
    # Polars writes to a file by itself, but does not say which error (a full disk) it met.
    file.writelines(
        rows.write_csv(include_header=False, separator="\t").encode()
        for rows in table.iter_slices(_WRITE_ROWS)
    )


def _write_table(path: Path, table: "pl.DataFrame") -> None:
    with path.open("wb") as file:
        file.write(("\t".join(table.columns) + "\n").encode())
        _append(file, table)


def _stripes(hits: "xr.Dataset", rank: NDArray[np.int64]) -> Iterator[dict[str, NDArray[Any]]]:
    """Columns of the hits, stripe by stripe in order of rank.

    Only the chunks that hold hits of a stripe are read for it.
    """
    ranks = rank[hits["hit_region"].values]
    per_rank = np.bincount(ranks, minlength=int(rank.max(initial=0)) + 1)
    stripe_of_rank = (np.cumsum(per_rank) - per_rank) // _STRIPE_HITS
    stripe = stripe_of_rank[ranks]
    for number in np.unique(stripe):
        rows = np.flatnonzero(stripe == number)
        bounds = np.arange(rows[0] // _READ_HITS, rows[-1] // _READ_HITS + 2) * _READ_HITS
        cuts = np.searchsorted(rows, bounds)
        parts = [
            _read(hits, int(first), rows[low:high])
            for first, low, high in zip(bounds, cuts, cuts[1:], strict=False)
            if high > low
        ]
        yield {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _read(hits: "xr.Dataset", first: int, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    part = hits.isel(hit=slice(first, first + _READ_HITS))
    return {str(name): part[name].values[rows - first] for name in hits.data_vars}


def _hit_table(
    hits: Mapping[str, NDArray[Any]], motifs: "xr.Dataset", regions: _Regions
) -> "pl.DataFrame":
    import polars as pl

    region, motif = hits["hit_region"], hits["hit_motif"]
    offset = regions.start[region]
    names = pl.Series(motifs["motif_name"].values.tolist(), dtype=pl.String)
    strands = pl.Series(motifs["motif_strand"].values.tolist(), dtype=pl.String)
    places = ("start", "end", "start_untrimmed", "end_untrimmed")
    scores = ("coefficient", "coefficient_global", "similarity", "importance", "importance_sq")
    table = pl.DataFrame(
        {
            "rank": regions.rank[region],
            "motif": motif,
            "chr": regions.chrom.gather(region),
            **{name: offset + hits[f"hit_{name}"] for name in places},
            "motif_name": names.gather(motif),
            **{f"hit_{name}": hits[f"hit_{name}"].astype(np.float32) for name in scores},
            "hit_correlation": hits["hit_similarity"],
            "strand": strands.gather(motif),
            "peak_name": regions.name.gather(region),
            "peak_id": regions.number[region],
        }
    )
    keys = ["rank", "start", "start_untrimmed", "motif", "peak_id"]
    columns = list(_HIT_COLUMNS)
    if regions.tracks is not None:
        columns.append(_TRACK)
        table = table.with_columns(regions.tracks.gather(hits["hit_track"]))
    # Hits are stored track by track: where all else is the same, that is their order here, too.
    return table.sort(keys, maintain_order=True).select(columns)


def _bed(unique: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    score = (pl.col("hit_similarity") * 1000).fill_nan(0).clip(0, 1000).round().cast(pl.Int32)
    placed = unique.with_columns(score=score, start=pl.col("start").clip(lower_bound=0))
    columns = ["chr", "start", "end", "motif_name", "score", "strand"]
    extra = [_TRACK] if _TRACK in unique.columns else []
    return placed.filter(pl.col("end") > 0).select([*columns, *extra])


# --- The rest ------------------------------------------------------------------------------------


def _write_qc(folder: Path, qc: "xr.Dataset", regions: _Regions) -> None:
    import polars as pl

    order = np.lexsort((regions.number, regions.start, regions.rank))
    n_tracks = 1 if regions.tracks is None else len(regions.tracks)
    tables = []
    for track in range(n_tracks):
        of_track = qc if regions.tracks is None else qc.isel(track=track)
        table = pl.DataFrame(
            {
                "nll": of_track["qc_nll"].values,
                "dual_gap": of_track["qc_dual_gap"].values,
                "num_steps": of_track["qc_steps"].values,
                "step_size": of_track["qc_step_size"].values,
                "global_scale": of_track["qc_scale"].values,
                "peak_id": regions.number,
                "chr": regions.chrom,
                "peak_region_start": regions.start,
                "peak_name": regions.name,
            }
        )
        if regions.tracks is not None:
            table = table.with_columns(track=pl.lit(regions.tracks[track]))
        tables.append(table[order])
    _write_table(folder / "peaks_qc.tsv", pl.concat(tables))


def _write_motifs(folder: Path, motifs: "xr.Dataset") -> None:
    import polars as pl

    original = motifs.get("motif_name_orig", motifs["motif_name"])
    table = pl.DataFrame(
        {
            "motif_id": np.arange(motifs.sizes["motif"]),
            "motif_name": motifs["motif_name"].values.tolist(),
            "motif_name_orig": original.values.tolist(),
            "strand": motifs["motif_strand"].values.tolist(),
            "motif_start": motifs["motif_start"].values,
            "motif_end": motifs["motif_end"].values,
            "motif_scale": motifs["motif_scale"].values,
            "lambda": motifs["motif_lambda"].values,
        }
    )
    _write_table(folder / "motif_data.tsv", table)
    used = "motif_cwm" if motifs.attrs["mode"][0] == "p" else "motif_hcwm"
    matrices = motifs[used].values / motifs["motif_scale"].values[:, None, None]
    buffer = BytesIO()  # NumPy, too, hides which error it met where it writes to a file by itself
    np.save(buffer, matrices)
    (folder / "motif_cwms.npy").write_bytes(buffer.getvalue())


def _write_params(folder: Path, opened: HitsStore, params: Mapping[str, Any]) -> None:
    sizes = {
        "region_width": opened.regions.attrs["region_width"],
        "num_regions": opened.qc.sizes["region"],
        "untrimmed_motif_width": opened.motifs.sizes["motif_position"],
        "num_motifs": opened.motifs.sizes["motif"],
    }
    text = json.dumps({**params, **sizes}, indent=2, default=str)
    (folder / "params.json").write_text(text + "\n", encoding="utf-8")
