"""Everything that a report of hits is made from, opened once."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation import (
    Evaluation,
    evaluate,
    place_seqlets,
    select_scores,
    select_track,
)
from finemo_zarr.store import HitsStore, hits_path, open_hits, open_regions_of, read_info

if TYPE_CHECKING:
    import xarray as xr

    from finemo_zarr.evaluation import PlacedSeqlets


class ReportData(NamedTuple):
    """What a report shows.

    Parameters
    ----------
    path : str
        The hits store.
    hits : HitsStore
        Its hits, of one track.
    regions : xarray.Dataset, optional
        Regions with scores, of that track.
    seqlets : PlacedSeqlets, optional
        What TF-MoDISco found.
    known : xarray.Dataset, optional
        Motifs of a database.
    evaluation : Evaluation
        All numbers.
    provenance : dict
        What the store says of itself.
    notes : list of str
        What is left out, and why.
    """

    path: str
    hits: HitsStore
    regions: "xr.Dataset | None"
    seqlets: "PlacedSeqlets | None"
    known: "xr.Dataset | None"
    evaluation: Evaluation
    provenance: dict[str, Any]
    notes: list[str]


def gather(
    hits: str | Path,
    regions: str | Path | None = None,
    *,
    modisco_h5: str | Path | None = None,
    modisco_width: int | None = None,
    modisco_peaks: str | Path | None = None,
    motif_db: str | Path | None = None,
    track: str | None = None,
) -> ReportData:
    """Open and evaluate the hits of a store.

    Parameters
    ----------
    hits : path
        A hits store, or the folder that `call-hits` wrote.
    regions : path, optional
        The regions store; by default the one that the hits were called in, if it is still there.
    modisco_h5 : path, optional
        The TF-MoDISco-lite file of the motifs, to compare hits with its seqlets.
    modisco_width : int, optional
        Width that TF-MoDISco saw of each sequence, in bp; by default what its file says.
    modisco_peaks : path, optional
        Peaks that TF-MoDISco saw, if not those of the regions, in their order.
    motif_db : path, optional
        Known motifs in MEME format, to name ours by.
    track : str, optional
        Name of the track, where there are several.

    Raises
    ------
    ReadError
        If an input cannot be read, or regions and hits do not go together.
    SchemaError
        If a track is unknown, or seqlets cannot be placed.
    """
    opened = select_track(open_hits(hits), track)
    provenance = read_info(hits_path(hits)).provenance
    notes: list[str] = []
    scores = _open_scores(opened, hits, regions, provenance, track, notes)
    seqlets = None
    if modisco_h5 is not None:
        seqlets = _read_seqlets(opened, modisco_h5, modisco_width, modisco_peaks)
        if not seqlets.instances.motif.size:
            notes.append(f"{modisco_h5} holds no seqlets of these motifs, so there is no recall.")
            seqlets = None
    known = None if motif_db is None else _read_known(Path(motif_db))
    evaluation = evaluate(opened, scores, seqlets=seqlets, known_motifs=known)
    return ReportData(str(hits), opened, scores, seqlets, known, evaluation, provenance, notes)


def _open_scores(
    opened: HitsStore,
    hits: str | Path,
    path: str | Path | None,
    provenance: dict[str, Any],
    track: str | None,
    notes: list[str],
) -> "xr.Dataset | None":
    used = provenance.get("options", {}).get("regions")
    if path is None:
        if not used or not Path(str(used)).exists():
            notes.append(
                "The regions store was not given and is not where it was"
                f" ({used or 'not recorded'}), so mean scores, explained shares and examples are"
                " left out; give it with -r."
            )
            return None
        path = str(used)
    regions = open_regions_of(opened, hits, path)
    tracks: tuple[str, ...] = ()
    if "track" in regions.coords:
        chosen = provenance.get("options", {}).get("tracks") or ()
        tracks = (track,) if track is not None else tuple(chosen)
    return select_scores(regions, tracks)


def _load_hits(path: str | Path, track: str | None) -> HitsStore:
    """A hits store, of one track, its hits read."""
    opened = select_track(open_hits(path), track)
    return opened._replace(hits=opened.hits.load())


def _read_seqlets(
    opened: HitsStore, path: str | Path, width: int | None, peaks: str | Path | None
) -> "PlacedSeqlets":
    """Seqlets of a TF-MoDISco-lite file in the regions of a store."""
    from finemo_zarr.readers.modisco_seqlets import read_seqlets

    examples = None if peaks is None else _read_examples(Path(peaks))
    return place_seqlets(opened, read_seqlets(path), window=width, examples=examples)


def _read_examples(path: Path) -> "xr.Dataset":
    import xarray as xr

    from finemo_zarr.readers._peaks import read_peaks

    summits = read_peaks(path).regions(1).as_mapping()
    return xr.Dataset(
        {f"region_{name}": ("region", summits[name]) for name in ("chrom", "start", "end")}
    )


def _read_known(path: Path) -> "xr.Dataset":
    from finemo_zarr.registry import read_motifs

    known = read_motifs(path)
    if "motif_ppm" not in known:
        raise SchemaError(f"{path}: its motifs have no probabilities; give a MEME file")
    return known
