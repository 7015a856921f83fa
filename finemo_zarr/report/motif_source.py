"""Everything that a report of motifs shows: computed once, as tables and datasets too."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation import (
    Instances,
    MotifTable,
    PlacedSeqlets,
    match_known_motifs,
    mean_scores,
)
from finemo_zarr.evaluation._instances import hit_instances
from finemo_zarr.evaluation.mean_scores import cosine
from finemo_zarr.evaluation.positions import centre_distances, position_summary
from finemo_zarr.evaluation.site_profiles import site_profiles
from finemo_zarr.report.saved import save_datasets, save_tables
from finemo_zarr.report.source import (
    _load_hits,
    _open_scores,
    _read_examples,
    _read_known,
    _read_seqlets,
)
from finemo_zarr.store import HitsStore, hits_path, read_info

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

_BINS = 100
_REGIONS_CHECKED = 500
_FEWEST_CHECKED = 20
_ALIKE = 0.9
_MATCHES = 3
_MOST_FAR = 0.5
_FEW_PROFILED = 0.05


class MotifsData(NamedTuple):
    """What a report of motifs shows.

    Parameters
    ----------
    path : str
        The hits store.
    hits : HitsStore
        Its hits, of one track.
    table : MotifTable
        Its motifs, strands together.
    sets : dict of str to Instances
        ``hits``, and ``seqlets`` where there are any.
    seqlets : PlacedSeqlets, optional
        What TF-MoDISco found.
    scores : xarray.Dataset, optional
        Regions with scores.
    distances : dict of str to array of int
        Of each set, to centre or summit.
    positions : xarray.Dataset
        The same by motif, see :mod:`finemo_zarr.evaluation.positions`.
    where : str
        What distances are taken to.
    database : xarray.Dataset, optional
        Known motifs.
    known : xarray.Dataset, optional
        Their matches.
    profiles : xarray.Dataset, optional
        See :mod:`finemo_zarr.evaluation.site_profiles`.
    provenance : dict
        What the store says of itself.
    notes : list of str
        What must not be missed.
    """

    path: str
    hits: HitsStore
    table: MotifTable
    sets: dict[str, Instances]
    seqlets: PlacedSeqlets | None
    scores: "xr.Dataset | None"
    distances: dict[str, NDArray[np.int64]]
    positions: "xr.Dataset"
    where: str
    database: "xr.Dataset | None"
    known: "xr.Dataset | None"
    profiles: "xr.Dataset | None"
    provenance: dict[str, Any]
    notes: list[str]

    @property
    def site_set(self) -> str:
        """The set that examples and profiles are taken from."""
        return "seqlets" if "seqlets" in self.sets else "hits"

    def counts(self, name: str) -> NDArray[np.int64]:
        """Instances of each motif in a set."""
        return np.bincount(self.sets[name].motif, minlength=len(self.table.names)).astype(np.int64)


@dataclass(frozen=True)
class MotifInputs:
    """What a report of motifs is made from.

    Parameters
    ----------
    hits : path
        A hits store, or the folder that `call-hits` wrote.
    regions : path, optional
        The regions store; by default the one that the hits were called in, if it is still there.
    modisco_h5, modisco_width, modisco_peaks, motif_db, track
        As in :func:`finemo_zarr.report.gather`.
    peaks : path, optional
        Peaks with summits, narrowPeak; distances are then those to the nearest summit, otherwise
        those to the centre of the region.
    predictions : path, optional
        A file of predictions, see :mod:`finemo_zarr.evaluation.predictions`.
    task : int
        Which of its tasks.
    """

    hits: str | Path
    regions: str | Path | None = None
    modisco_h5: str | Path | None = None
    modisco_width: int | None = None
    modisco_peaks: str | Path | None = None
    motif_db: str | Path | None = None
    peaks: str | Path | None = None
    predictions: str | Path | None = None
    task: int = 0
    track: str | None = None


def gather_motifs(inputs: MotifInputs) -> MotifsData:
    """Open hits and what belongs to them, and compute what is to be known of the motifs.

    Parameters
    ----------
    inputs : MotifInputs
        Where everything is.

    Raises
    ------
    ReadError
        If an input cannot be read, or they do not go together.
    SchemaError
        If a track is unknown, or seqlets cannot be placed.
    """
    opened = _load_hits(inputs.hits, inputs.track)
    provenance = read_info(hits_path(inputs.hits)).provenance
    table = MotifTable.of(opened.motifs)
    scores = _open_scores(opened, inputs.hits, inputs.regions, provenance, inputs.track, [])
    notes = [] if scores is not None else [_NO_SCORES]
    sets = {"hits": hit_instances(opened).unique()}
    seqlets = _place(opened, inputs, notes)
    if seqlets is not None:
        sets["seqlets"] = seqlets.instances
        notes += _misplaced(scores, opened, table, seqlets.instances)
    summits = None if inputs.peaks is None else _read_examples(Path(inputs.peaks))
    distances = {name: centre_distances(opened, own, summits) for name, own in sets.items()}
    positions = _positions(opened, table, sets, distances)
    if inputs.peaks is not None:
        notes += _far(positions, sets, inputs.peaks)
    database = None if inputs.motif_db is None else _read_known(Path(inputs.motif_db))
    data = MotifsData(
        str(inputs.hits),
        opened,
        table,
        sets,
        seqlets,
        scores,
        distances,
        positions,
        "region centre" if summits is None else "nearest summit",
        database,
        _matches(opened, database),
        None,
        provenance,
        notes,
    )
    if inputs.predictions is None:
        return data
    profiles = site_profiles(opened, sets[data.site_set], inputs.predictions, task=inputs.task)
    inside = int(profiles["n_inside"].sum())
    if inside < _FEW_PROFILED * (total := sets[data.site_set].motif.size):
        notes.append(
            f"{inside:,} of {total:,} {data.site_set} lie inside of a profile of"
            f" {inputs.predictions}, so its profiles say little of the others: is it of these"
            " regions, and of the same genome?"
        )
    return data._replace(profiles=profiles)


def _far(positions: "xr.Dataset", sets: dict[str, Instances], peaks: str | Path) -> list[str]:
    """Whether the summits are hardly ever those of the regions."""
    found = []
    for name, own in sets.items():
        outside = int(positions["n_outside"].sel(set=name).sum())
        if outside > _MOST_FAR * own.motif.size:
            found.append(
                f"{outside:,} of {own.motif.size:,} {name} lie further than half a region from any"
                f" summit of {peaks}: are these the peaks of the regions, in the same genome?"
            )
    return found


def _matches(opened: HitsStore, database: "xr.Dataset | None") -> "xr.Dataset | None":
    if database is None:
        return None
    return match_known_motifs(opened.motifs, database, n_matches=_MATCHES)


_NO_SCORES = (
    "The regions store was not given and is not where it was, so no examples are drawn; give it"
    " with -r."
)


def _place(opened: HitsStore, inputs: MotifInputs, notes: list[str]) -> PlacedSeqlets | None:
    path = inputs.modisco_h5
    if path is None:
        return None
    placed = _read_seqlets(opened, path, inputs.modisco_width, inputs.modisco_peaks)
    if not placed.instances.motif.size:
        notes.append(f"{path} holds no seqlets of these motifs.")
        return None
    if placed.n_elsewhere:
        notes.append(f"{placed.n_elsewhere:,} seqlets lie in no region of the store.")
    return placed


def _misplaced(
    scores: "xr.Dataset | None", opened: HitsStore, table: MotifTable, seqlets: Instances
) -> list[str]:
    """Whether the bases at the seqlets are those of their motifs, in some of the regions."""
    if scores is None or "motif_ppm" not in opened.motifs:
        return []
    held = np.unique(seqlets.region)
    if held.size > _REGIONS_CHECKED:
        held = np.sort(np.random.default_rng(0).choice(held, _REGIONS_CHECKED, replace=False))
    inside = np.isin(seqlets.region, held)
    own = seqlets.take(inside)
    own = own._replace(region=np.searchsorted(held, own.region))
    means = mean_scores(scores.isel(region=held), table, {"seqlets": own}).sel(set="seqlets")
    stored = opened.motifs["motif_ppm"].values[table.oriented[:, 0]]
    mean = means["mean_ppm"].values[..., : stored.shape[-1]]
    alike = cosine(mean - 0.25 * (mean > 0), stored - 0.25 * (stored > 0))
    alike = alike[(means["count"].values >= _FEWEST_CHECKED) & np.isfinite(alike)]
    if not alike.size or np.median(alike) >= _ALIKE:
        return []
    likeness = f"{np.median(alike):.2f}"
    return [
        (
            f"The bases at the seqlets resemble those of their motifs by {likeness} only (median"
            " cosine), so the seqlets are not where they are looked for: check the width that"
            " TF-MoDISco saw (-W) and its peaks (--modisco-peaks)."
        )
    ]


def _positions(
    opened: HitsStore,
    table: MotifTable,
    sets: dict[str, Instances],
    distances: dict[str, NDArray[np.int64]],
) -> "xr.Dataset":
    width = int(opened.regions.attrs["region_width"])
    reach = max(width // 2, 1)
    bin_width = max(2, round(width / _BINS))
    return position_summary(
        {name: (own.motif, distances[name]) for name, own in sets.items()},
        table.names,
        reach=reach,
        bin_width=bin_width,
    )


def motif_summary_table(data: MotifsData) -> "pl.DataFrame":
    """One row for each motif: counts, places, best match."""
    import polars as pl

    columns: dict[str, Any] = {
        "motif_name": data.table.names.tolist(),
        "motif_name_orig": data.table.original.tolist(),
        "core_width": data.table.core[:, 1] - data.table.core[:, 0],
    }
    for name in data.sets:
        own = data.positions.sel(set=name)
        columns[f"num_{name}"] = data.counts(name)
        columns[f"{name}_median_abs_distance"] = own["median_absolute"].values
        for quantile in (0.25, 0.5, 0.75):
            values = own["distance_quantile"].sel(quantile=quantile).values
            columns[f"{name}_distance_q{100 * quantile:.0f}"] = values
    if data.profiles is not None:
        columns["profile_sites"] = data.profiles["n_sites"].values
    return pl.DataFrame(columns)


def match_table(data: MotifsData) -> "pl.DataFrame":
    """One row for each motif and match, the best first."""
    import polars as pl

    if data.known is None:
        raise SchemaError("no database of known motifs was given")
    count = data.known.sizes["match"]
    return pl.DataFrame(
        {
            "motif_name": np.repeat(data.table.names.astype(object), count).tolist(),
            "rank": np.tile(np.arange(1, count + 1), len(data.table.names)),
            "match": data.known["match_name"].values.ravel().tolist(),
            "p": data.known["match_p"].values.ravel(),
            "q": data.known["match_q"].values.ravel(),
            "strand": np.where(data.known["match_reverse"].values.ravel(), "-", "+").tolist(),
        }
    )


def site_table(data: MotifsData, name: str) -> "pl.DataFrame":
    """One row for each instance of a set, with its distance to centre or summit."""
    import polars as pl

    own = data.sets[name]
    core = own.intervals()
    columns: dict[str, Any] = {"region": own.region}
    if "region_chrom" in data.hits.regions:
        columns = {
            "chr": data.hits.regions["region_chrom"].values.astype(object)[own.region].tolist(),
            "peak_id": data.hits.regions["region_id"].values[own.region],
        }
    far = data.distances[name] == np.iinfo(np.int64).max
    return pl.DataFrame(
        {
            **columns,
            "start": core.start,
            "end": core.end,
            "motif_name": data.table.names.astype(object)[own.motif].tolist(),
            "strand": np.where(own.reverse, "-", "+").tolist(),
            "distance": pl.Series(np.where(far, 0, data.distances[name])).set(pl.Series(far), None),
        }
    )


def write_motifs(data: MotifsData, folder: str | Path) -> None:
    """Write the tables of a report of motifs, and its datasets as ``motifs.zarr``.

    Parameters
    ----------
    data : MotifsData
        From :func:`gather_motifs`.
    folder : path
        Where to; made if it is not there.
    """
    tables = {"motifs": motif_summary_table(data)}
    tables |= {f"{name}_positions": site_table(data, name) for name in data.sets}
    datasets = {"matrices": _matrices(data), "positions": data.positions}
    if data.known is not None:
        tables["known_motifs"] = match_table(data)
        datasets["known_motifs"] = data.known
    if data.profiles is not None:
        datasets["profiles"] = data.profiles
    save_tables(folder, tables)
    save_datasets(Path(folder) / "motifs.zarr", datasets)


def _matrices(data: MotifsData) -> "xr.Dataset":
    """What the logos show, on the ``+`` strand, with the bounds of the cores."""
    import xarray as xr

    forward = data.hits.motifs.isel(motif=data.table.oriented[:, 0])
    dims = ("motif", "base", "motif_position")
    made = {
        name: (dims, forward[name].values)
        for name in ("motif_ppm", "motif_hcwm", "motif_cwm")
        if name in forward
    }
    sides = {name: ("motif", forward[name].values) for name in ("motif_start", "motif_end")}
    return xr.Dataset(made | sides, coords={"motif": data.table.names, "base": list("ACGT")})
