"""Regions × motifs as AnnData."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.export._source import Source
from finemo_zarr.store import plain, read_info

if TYPE_CHECKING:
    import pandas as pd

_MOTIF_COLUMNS = {
    "motif_name_orig": "name_orig",
    "motif_origin": "origin",
    "motif_source": "source",
    "motif_width": "width",
    "motif_start": "core_start",
    "motif_end": "core_end",
    "motif_scale": "scale",
    "motif_lambda": "lambda",
}
_QC_COLUMNS = ("nll", "dual_gap", "steps", "scale", "converged")


def write_h5ad(source: Source, path: Path) -> None:
    """Write how often each motif is in each region, both strands together.

    ``X`` and the layer ``count`` hold numbers of hits, ``coefficient_sum`` sums of
    ``hit_coefficient_global``, ``similarity_max`` the largest ``hit_similarity``; all are sparse.
    ``obs`` has the coordinates and quality of regions (of pairs of region and track, where there
    are tracks), ``var`` the motif table, ``uns["finemo_zarr"]`` the provenance as JSON.
    """
    import anndata

    obs, var = _obs(source), _var(source)
    cells = _count(source, list(var.index), (len(obs), len(var)))
    layers = {
        "count": cells.sparse(cells.count.astype(np.int32)),
        "coefficient_sum": cells.sparse(cells.coefficient),
        "similarity_max": cells.sparse(cells.similarity),
    }
    for frame, axis in ((obs, 1), (var, 0)):
        frame["n_hits"] = np.asarray(layers["count"].sum(axis=axis)).ravel().astype(np.int64)
    about = {"provenance": read_info(source.path).provenance, "chosen": source.options.chosen()}
    adata = anndata.AnnData(
        X=cells.sparse(cells.count.astype(np.float32)),
        obs=obs,
        var=var,
        layers=layers,
        uns={"finemo_zarr": json.dumps(plain(about), default=str)},
    )
    adata.write_h5ad(path, compression="gzip")


# --- Matrices ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cells:
    """Cells of the matrix that have hits, in the order of rows, then columns."""

    shape: tuple[int, int]
    cell: NDArray[np.int64]
    count: NDArray[np.int64]
    coefficient: NDArray[np.float64]
    similarity: NDArray[np.float32]

    def sparse(self, values: NDArray[Any]) -> Any:
        """Values of the cells as a matrix, compressed by row."""
        from scipy.sparse import csr_matrix

        rows, columns = np.divmod(self.cell, max(self.shape[1], 1))
        return csr_matrix((values, (rows, columns)), shape=self.shape)

    def merged(self) -> "_Cells":
        """The same with each cell once."""
        cell, where = np.unique(self.cell, return_inverse=True)
        best = np.full(cell.size, np.nan, np.float32)
        np.fmax.at(best, where, self.similarity)
        return _Cells(
            self.shape,
            cell,
            np.bincount(where, self.count, cell.size).astype(np.int64),
            np.bincount(where, self.coefficient, cell.size).astype(np.float64),
            best,
        )


def _count(source: Source, names: list[str], shape: tuple[int, int]) -> _Cells:
    column = {name: number for number, name in enumerate(names)}
    all_names = source.opened.motifs["motif_name"].values.tolist()
    # Hits of motifs that are no column are none that are kept.
    columns = np.array([column.get(name, 0) for name in all_names], np.int64)
    wanted = ["hit_region", "hit_motif", "hit_coefficient_global", "hit_similarity"]
    tracks = source.track_names
    parts = []
    for block in source.blocks(wanted if tracks is None else [*wanted, "hit_track"]):
        row = block["hit_region"].astype(np.int64)
        if tracks is not None and len(tracks) > 1:
            row += block["hit_track"].astype(np.int64) * source.opened.qc.sizes["region"]
        cells = _Cells(
            shape,
            row * shape[1] + columns[block["hit_motif"]],
            np.ones(row.size, np.int64),
            block["hit_coefficient_global"].astype(np.float64),
            block["hit_similarity"].astype(np.float32),
        )
        parts.append(cells.merged())
    return _Cells(
        shape,
        np.concatenate([np.zeros(0, np.int64), *(part.cell for part in parts)]),
        np.concatenate([np.zeros(0, np.int64), *(part.count for part in parts)]),
        np.concatenate([np.zeros(0), *(part.coefficient for part in parts)]),
        np.concatenate([np.zeros(0, np.float32), *(part.similarity for part in parts)]),
    ).merged()


# --- Tables --------------------------------------------------------------------------------------


def _obs(source: Source) -> "pd.DataFrame":
    """One row for each region, track by track."""
    import pandas as pd

    regions, qc = source.opened.regions, source.quality()
    table = pd.DataFrame({"region": np.arange(qc.sizes["region"])})
    if source.placed:
        chroms = regions["region_chrom"].values.tolist()
        order = list(dict.fromkeys([*regions.attrs.get("chrom_order", ()), *chroms]))
        table["chrom"] = pd.Categorical(chroms, order)
        for name in ("start", "end", "id"):
            table[name] = regions[f"region_{name}"].values
        table["name"] = np.array(regions["region_name"].values.tolist(), dtype=object)
    names = _region_names(source, table)
    tracks = source.track_names
    if tracks is None:
        return _with_quality(table, qc).set_index(pd.Index(names))
    stored = regions["track"].values.tolist()
    frames = []
    for track in tracks:
        frame = _with_quality(table, qc.isel(track=stored.index(track)))
        frame["track"] = pd.Categorical([track] * len(frame), tracks)
        frames.append(frame.set_index(pd.Index([f"{name}|{track}" for name in names])))
    return pd.concat(frames)


def _region_names(source: Source, table: "pd.DataFrame") -> list[str]:
    """Places of the regions, numbered where they are not unique."""
    if not source.placed:
        return [f"region_{number}" for number in table["region"]]
    places = table["chrom"].astype(str) + ":" + table["start"].astype(str)
    names: list[str] = (places + "-" + table["end"].astype(str)).tolist()
    if len(set(names)) < len(names):
        names = [f"{name}_{number}" for name, number in zip(names, table["region"], strict=True)]
    return names


def _with_quality(table: "pd.DataFrame", qc: Any) -> "pd.DataFrame":
    return table.assign(**{name: qc[f"qc_{name}"].values for name in _QC_COLUMNS})


def _var(source: Source) -> "pd.DataFrame":
    import pandas as pd

    motifs = source.forward_motifs()
    columns = {
        column: np.array(values.tolist(), dtype=object)
        if (values := motifs[name].values).dtype.kind not in "if"
        else values
        for name, column in _MOTIF_COLUMNS.items()
        if name in motifs
    }
    return pd.DataFrame(columns, index=pd.Index(motifs["motif_name"].values.tolist(), dtype=str))
