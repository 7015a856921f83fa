"""Session files of the genome browsers JBrowse 2 and IGV."""

import json
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

_UCSC = "https://hgdownload.soe.ucsc.edu/goldenPath/{name}/bigZips/{name}"
_BED9 = (
    "chrom",
    "chromStart",
    "chromEnd",
    "name",
    "score",
    "strand",
    "thickStart",
    "thickEnd",
    "itemRgb",
)
_PIXELS = 1200  # width of the part that is shown first
_BLUE, _RED = (0, 114, 178), (213, 94, 0)


@dataclass(frozen=True)
class Genome:
    """A genome by its name at UCSC, as a FASTA file, or as lengths of chromosomes.

    Parameters
    ----------
    name : str
        Name.
    fasta, index, blocks : str, optional
        FASTA file, its ``.fai`` and, if it is compressed, its ``.gzi``.
    sizes : str, optional
        Lengths of the chromosomes.
    """

    name: str
    fasta: str | None = None
    index: str | None = None
    blocks: str | None = None
    sizes: str | None = None


@dataclass(frozen=True)
class Shown:
    """Files of a track: its name, contributions, hits, and the index of the hits."""

    track: str | None
    scores: str
    hits: str
    index: str

    def label(self, what: str) -> str:
        """What a browser calls it."""
        return what if self.track is None else f"{what}, {self.track}"


@dataclass(frozen=True)
class View:
    """What is shown first: a part of a chromosome of some size, and all tracks."""

    genome: Genome
    chrom: str
    start: int
    end: int
    size: int
    tracks: tuple[Shown, ...]


# --- JBrowse 2 -----------------------------------------------------------------------------------


def jbrowse_config(view: View) -> str:
    """Text of the configuration, with a default session."""
    pairs = [_jbrowse_tracks(shown, view.genome.name) for shown in view.tracks]
    tracks = [track for pair in pairs for track in pair]
    config = {
        "assemblies": [_assembly(view.genome)],
        "tracks": tracks,
        "defaultSession": {"name": "finemo-zarr", "views": [_jbrowse_view(view, tracks)]},
    }
    return json.dumps(config, indent=2) + "\n"


def _uri(path: str) -> dict[str, str]:
    return {"uri": path, "locationType": "UriLocation"}


def _assembly(genome: Genome) -> dict[str, Any]:
    adapter: dict[str, Any]
    if genome.sizes is not None:
        adapter = {"type": "ChromSizesAdapter", "chromSizesLocation": _uri(genome.sizes)}
    elif genome.fasta is None or genome.index is None:
        there = _UCSC.format(name=genome.name)
        adapter = {
            "type": "TwoBitAdapter",
            "twoBitLocation": _uri(f"{there}.2bit"),
            "chromSizesLocation": _uri(f"{there}.chrom.sizes"),
        }
    else:
        files = {"fastaLocation": _uri(genome.fasta), "faiLocation": _uri(genome.index)}
        adapter = {"type": "IndexedFastaAdapter", **files}
        if genome.blocks is not None:
            adapter = {"type": "BgzipFastaAdapter", **files, "gziLocation": _uri(genome.blocks)}
    sequence = {
        "type": "ReferenceSequenceTrack",
        "trackId": f"{genome.name}-sequence",
        "adapter": adapter,
    }
    return {"name": genome.name, "sequence": sequence}


def _jbrowse_tracks(shown: Shown, assembly: str) -> list[dict[str, Any]]:
    """The two tracks: scores and, below them, hits."""
    index_type = shown.index.rpartition(".")[2].upper()
    scores = {
        "type": "QuantitativeTrack",
        "trackId": shown.scores,
        "name": shown.label("Contributions"),
        "adapter": {"type": "BigWigAdapter", "bigWigLocation": _uri(shown.scores)},
        "displays": [_display("LinearWiggleDisplay", shown.scores, {})],
    }
    # Nine columns are not known by name to JBrowse unless it is told.
    colour = {"type": "SvgFeatureRenderer", "color1": "jexl:'rgb('+get(feature,'itemRgb')+')'"}
    hits = {
        "type": "FeatureTrack",
        "trackId": shown.hits,
        "name": shown.label("Hits"),
        "adapter": {
            "type": "BedTabixAdapter",
            "bedGzLocation": _uri(shown.hits),
            "index": {"location": _uri(shown.index), "indexType": index_type},
            "columnNames": _BED9,
        },
        "displays": [_display("LinearBasicDisplay", shown.hits, {"renderer": colour})],
    }
    return [{**track, "assemblyNames": [assembly]} for track in (scores, hits)]


def _display(kind: str, track: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "displayId": f"{track}-{kind}", **more}


def _jbrowse_view(view: View, tracks: list[dict[str, Any]]) -> dict[str, Any]:
    scale = (view.end - view.start) / _PIXELS
    return {
        "id": "first",
        "type": "LinearGenomeView",
        "bpPerPx": scale,
        "offsetPx": round(view.start / scale),
        "displayedRegions": [
            {
                "refName": view.chrom,
                "start": 0,
                "end": view.size,
                "reversed": False,
                "assemblyName": view.genome.name,
            }
        ],
        "tracks": [
            {
                "id": f"first-{track['trackId']}",
                "type": track["type"],
                "configuration": track["trackId"],
                "displays": [
                    {
                        "id": f"first-{display['displayId']}",
                        "type": display["type"],
                        "configuration": display["displayId"],
                    }
                    for display in track["displays"]
                ],
            }
            for track in tracks
        ],
    }


# --- IGV -----------------------------------------------------------------------------------------


def igv_session(view: View) -> str:
    """Text of the session, in the version of the format that all IGV versions read."""
    genome = view.genome
    session = ET.Element(
        "Session",
        genome=genome.fasta or genome.sizes or genome.name,
        locus=f"{view.chrom}:{view.start + 1}-{view.end}",
        version="8",
    )
    resources = ET.SubElement(session, "Resources")
    panel = ET.SubElement(session, "Panel", name="DataPanel")
    for shown in view.tracks:
        ET.SubElement(resources, "Resource", path=shown.scores)
        ET.SubElement(resources, "Resource", path=shown.hits, index=shown.index)
        ET.SubElement(panel, "Track", _igv_scores(shown))
        ET.SubElement(panel, "Track", _igv_hits(shown))
    ET.indent(session)
    text = ET.tostring(session, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n{text}\n'


def _igv_scores(shown: Shown) -> dict[str, str]:
    return {
        "id": shown.scores,
        "name": shown.label("Contributions"),
        "renderer": "BAR_CHART",
        "windowFunction": "mean",
        "autoScale": "true",
        "height": "100",
        "color": _triple(_BLUE),
        "altColor": _triple(_RED),
    }


def _igv_hits(shown: Shown) -> dict[str, str]:
    # A colour of the track would win over those of the hits.
    return {"id": shown.hits, "name": shown.label("Hits"), "displayMode": "EXPANDED"}


def _triple(colour: tuple[int, int, int]) -> str:
    return ",".join(map(str, colour))
