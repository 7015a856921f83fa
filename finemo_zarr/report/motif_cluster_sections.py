"""The sections of the report of motifs of several files."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import RunError
from finemo_zarr.evaluation.motif_clusters import Method, MotifClusters, cluster_motifs
from finemo_zarr.plot.motif_tree import cluster_colour, motif_tree
from finemo_zarr.report.beside import save
from finemo_zarr.report.given import listed, named
from finemo_zarr.report.html import Html, data_table, element, figures, tiles
from finemo_zarr.report.logo_cells import LogoCells

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

_LOGO = "width:{width}px;height:{height}px"
_COLUMN = 9
_MOST_LOGOS, _FEWER_LOGOS, _MANY_MOTIFS = 24, 8, 400
_MOST_CLUSTERS = 150


def gather_motif_clusters(
    motif_files: Any = (),
    *,
    hits: Any = (),
    modisco_h5: str | Path | None = None,
    names: Sequence[str] = (),
    method: Method = "average",
    n_clusters: int = 0,
    min_similarity: float = 0.7,
) -> MotifClusters:
    """Cluster the motifs of files and of hits stores.

    Parameters
    ----------
    motif_files : path or sequence of paths
        Motif files of any kind that `call-hits -m` reads.
    hits : path or sequence of paths
        Hits stores, whose motifs are taken.
    modisco_h5 : path, optional
        One more motif file.
    names : sequence of str
        Names of the groups: the files, then the stores; by default those of the files.
    method, n_clusters, min_similarity
        See :func:`finemo_zarr.evaluation.motif_clusters.cluster_motifs`.

    Raises
    ------
    RunError
        If there is no file, or names do not go with the files.
    ReadError, SchemaError
        If a file cannot be read, or an option is none that there is.
    """
    from finemo_zarr.registry import read_motifs

    files = [*listed(motif_files), *listed(str(modisco_h5) if modisco_h5 else None)]
    stores = listed(hits)
    if not files and not stores:
        raise RunError(
            "no motifs were given; name files (-m FILE, or -P motif_files=[a.h5,b.meme]), or hits"
            " (-H)"
        )
    groups = named([*files, *stores], names)
    read = {
        name: _of_store(path) if path in stores else read_motifs(path)
        for name, path in groups.items()
    }
    return cluster_motifs(read, method=method, n_clusters=n_clusters, min_similarity=min_similarity)


def _of_store(path: str) -> "xr.Dataset":
    """Motifs of a hits store as those of a file: each once."""
    from finemo_zarr.store import open_hits

    motifs = open_hits(path).motifs
    forward = motifs.isel(motif=np.flatnonzero(motifs["motif_strand"].values == "+"))
    kept = [name for name in ("motif_name", "motif_cwm", "motif_width") if name in forward]
    found = forward[kept]
    found.attrs = {}
    return found


def cluster_summary(data: MotifClusters) -> Html:
    """How many motifs and clusters there are."""
    count = data.clusters["count"].values
    groups = np.unique(data.motifs["group"].values.astype(object)).size
    values = [
        (f"{data.motifs.sizes['motif']:,}", "motifs"),
        (f"{groups:,}", "files" if groups > 1 else "file"),
        (f"{count.size:,}", "clusters"),
        (f"{int((count == 1).sum()):,}", "motifs alone in theirs"),
    ]
    if groups > 1:
        shared = int((data.clusters["num_groups"] > 1).sum())
        values.append((f"{shared:,}", "clusters with motifs of several files"))
    return tiles(values)


def tree_figure(data: MotifClusters) -> Html:
    """The tree over the heatmap."""
    names = [str(name) for name in data.motifs["motif"].values]
    axes = motif_tree(
        data.motifs["similarity"].values,
        data.tree,
        names,
        data.motifs["cluster"].values,
        height=data.height,
    )
    caption = (
        "Similarity of each motif with each other, in the order of the tree above. Branches within"
        " a cluster are coloured, those that join clusters grey; the dashed line is where the tree"
        " was cut. Below 0, that is, of opposite sign, similarities are drawn as 0."
    )
    return figures((axes, caption))


def cluster_table(data: MotifClusters) -> Html:
    """Clusters, the largest first, with their mean and the motifs that it is made of."""
    logos = LogoCells()
    heads = (
        ("cluster", "Number, the largest first", False),
        ("motifs", "Number of motifs", False),
        ("mean similarity", "Of all pairs; none for one motif alone", False),
        ("mean of its motifs", "Each scaled to length one, and aligned", True),
        ("motifs of the cluster", "Aligned; ⇄ stands for the other strand", True),
    )
    head = "".join(
        element("th", label, title=title, class_="text" if text else None)
        for label, title, text in heads
    )
    count = data.clusters.sizes["cluster"]
    rows = [_cluster_row(data, cluster, logos) for cluster in range(min(count, _MOST_CLUSTERS))]
    more = count - len(rows)
    said = f"<p>The {more:,} others are no larger; they are in clusters.tsv.</p>" if more else ""
    table = element(
        "table",
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>",
        class_="data",
        id="clusters-table",
    )
    return Html(element("div", table, class_="scroll") + said + logos.script())


def _cluster_row(data: MotifClusters, cluster: int, logos: LogoCells) -> str:
    own = np.flatnonzero(data.motifs["cluster"].values == cluster)
    offset, width = data.motifs["offset"].values[own], data.cores["width"].values[own]
    start, end = int(offset.min()), int((offset + width).max())
    one = data.clusters.isel(cluster=cluster)
    mean = one["cwm"].values[:, : int(one["width"])]
    shown = _framed(mean, int(one["first"]) - start, end - start)
    big = _LOGO.format(width=max(_COLUMN * (end - start), 60), height=44)
    alone = own.size == 1
    dot = "" if alone else element("span", "●", style=f"color:{cluster_colour(cluster)}") + " "
    cells = [
        element("td", dot + str(cluster)),
        element("td", f"{own.size}"),
        element("td", "–" if alone else f"{float(one['mean_similarity']):.2f}"),
        element("td", logos.cell(shown, label=f"cluster {cluster}", style=big), class_="text"),
        element("td", _members(data, own, (start, end), logos), class_="text"),
    ]
    return element("tr", "".join(cells))


def _members(
    data: MotifClusters, own: NDArray[np.int64], frame: tuple[int, int], logos: LogoCells
) -> str:
    start, end = frame
    style = _LOGO.format(width=max(_COLUMN * (end - start), 60) * 3 // 4, height=33)
    boxes = []
    most = _MOST_LOGOS if data.motifs.sizes["motif"] <= _MANY_MOTIFS else _FEWER_LOGOS
    for at in own.tolist()[:most]:
        name = str(data.motifs["motif"].values[at])
        turned = " ⇄" if bool(data.motifs["reverse"][at]) else ""
        matrix = data.cores["cwm"].values[at, :, : int(data.cores["width"][at])]
        placed = _framed(matrix, int(data.motifs["offset"][at]) - start, end - start)
        logo = logos.cell(placed, label=name, style=style)
        boxes.append(element("figure", f"{logo}<figcaption>{escape(name)}{turned}</figcaption>"))
    more = own.size - most
    said = f"<p>and {more} more, in motifs.tsv</p>" if more > 0 else ""
    return element("div", "".join(boxes), class_="logos") + said


def _framed(matrix: NDArray[Any], start: int, width: int) -> NDArray[np.float64]:
    framed = np.zeros((4, width))
    framed[:, start : start + matrix.shape[1]] = matrix
    return framed


def motif_rows(data: MotifClusters) -> "pl.DataFrame":
    """One row for each motif, in the order of the tree."""
    import polars as pl

    motifs = data.motifs
    columns: dict[str, Any] = {
        "motif": motifs["motif"].values.tolist(),
        "group": motifs["group"].values.tolist(),
        "cluster": motifs["cluster"].values,
        "strand": np.where(motifs["reverse"].values, "-", "+").tolist(),
        "offset": motifs["offset"].values,
        "leaf": motifs["leaf"].values,
    }
    return pl.DataFrame(columns).sort("leaf")


def motif_search(data: MotifClusters) -> Html:
    """The table of motifs, to look one up."""
    return data_table(motif_rows(data).drop("leaf"), "motifs-table", search=True)


def cluster_rows(data: MotifClusters) -> "pl.DataFrame":
    """One row for each cluster."""
    import polars as pl

    clusters = data.clusters
    names = np.array([str(name) for name in data.motifs["motif"].values], dtype=object)
    members = [
        ",".join(names[data.motifs["cluster"].values == cluster])
        for cluster in range(clusters.sizes["cluster"])
    ]
    columns: dict[str, Any] = {"cluster": clusters["cluster"].values}
    columns |= {name: clusters[name].values for name in ("count", "num_groups", "mean_similarity")}
    columns |= {"centre": clusters["centre"].values.tolist(), "motifs": members}
    return pl.DataFrame(columns)


def write_motif_clusters(data: MotifClusters, folder: str | Path) -> None:
    """Write ``motifs.tsv``, ``clusters.tsv`` and ``similarity.tsv``, and all as datasets.

    Parameters
    ----------
    data : MotifClusters
        From :func:`gather_motif_clusters`.
    folder : path
        Where to.
    """
    import polars as pl
    import xarray as xr

    names = [str(name) for name in data.motifs["motif"].values]
    columns = dict(zip(names, data.motifs["similarity"].values.T, strict=True))
    tables = {
        "motifs": motif_rows(data),
        "clusters": cluster_rows(data),
        "similarity": pl.DataFrame({"motif_name": names, **columns}),
    }
    tree = xr.Dataset(
        {"linkage": (("merge", "column"), data.tree)},
        coords={"column": ["left", "right", "distance", "size"]},
        attrs={"height": data.height},
    )
    datasets = {
        "motifs": data.motifs,
        "clusters": data.clusters,
        "cores": data.cores,
        "tree": tree,
    }
    save(folder, tables, datasets)
