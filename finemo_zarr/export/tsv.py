"""The tables of `call-hits`: names, columns and order are those that Fi-NeMo's scripts expect.

`hits.tsv` keeps negative starts of cores that begin before their chromosome, `hits.bed` begins at
0, since a negative start makes other programs refuse the file.
"""

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.export._rows import (
    Places,
    append,
    header,
    hit_table,
    stripes,
    table_columns,
    unique_sites,
    write_table,
)
from finemo_zarr.export._source import Source
from finemo_zarr.export.bed import bed6
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
        _write(folder, opened, read_info(hits).provenance if params is None else params)
        for name in TABLES:
            move_file(folder / name, out_dir / name)


def write_folder(source: Source, path: Path) -> None:
    """Write the tables into a new folder; ``params.json`` also says which hits were chosen."""
    path.mkdir()
    params = {**read_info(source.path).provenance, **source.options.chosen()}
    with reading(source.path):
        _write(path, source.opened, params, source.kept)


def _write(
    folder: Path,
    opened: HitsStore,
    params: Mapping[str, Any],
    kept: NDArray[np.bool_] | None = None,
) -> None:
    places = Places.of(opened)
    _write_hits(folder, opened, places, kept)
    _write_qc(folder, opened.qc, places)
    _write_motifs(folder, opened.motifs)
    _write_params(folder, opened, params)


# --- Hits ----------------------------------------------------------------------------------------


def _write_hits(
    folder: Path, opened: HitsStore, places: Places, kept: NDArray[np.bool_] | None
) -> None:
    with (
        (folder / "hits.tsv").open("wb") as all_hits,
        (folder / "hits_unique.tsv").open("wb") as unique_hits,
        (folder / "hits.bed").open("wb") as bed,
    ):
        for file in (all_hits, unique_hits):
            file.write(header(table_columns(opened.hits, places)))
        for stripe in stripes(opened.hits, places.rank, kept):
            table = hit_table(stripe, opened, places)
            append(all_hits, table)
            if places.placed:
                unique = unique_sites(table)
                append(unique_hits, unique)
                append(bed, bed6(unique))


# --- The rest ------------------------------------------------------------------------------------


def _write_qc(folder: Path, qc: "xr.Dataset", places: Places) -> None:
    import polars as pl

    order = np.lexsort((places.number, places.start, places.rank))
    n_tracks = 1 if places.tracks is None else len(places.tracks)
    tables = []
    for track in range(n_tracks):
        of_track = qc if places.tracks is None else qc.isel(track=track)
        table = pl.DataFrame(
            {
                "nll": of_track["qc_nll"].values,
                "dual_gap": of_track["qc_dual_gap"].values,
                "num_steps": of_track["qc_steps"].values,
                "step_size": of_track["qc_step_size"].values,
                "global_scale": of_track["qc_scale"].values,
                "peak_id": places.number,
                "chr": places.chrom,
                "peak_region_start": places.start,
                "peak_name": places.name,
            }
        )
        if places.tracks is not None:
            table = table.with_columns(track=pl.lit(places.tracks[track]))
        tables.append(table[order])
    write_table(folder / "peaks_qc.tsv", pl.concat(tables))


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
    write_table(folder / "motif_data.tsv", table)
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
