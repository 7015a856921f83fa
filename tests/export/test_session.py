import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pyBigWig
import pysam
import pytest

from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.export import ExportOptions, _bigwig, _source, export_hits
from finemo_zarr.export._source import Source
from finemo_zarr.export.session import write_session
from finemo_zarr.model import create_regions
from finemo_zarr.sequence import project
from finemo_zarr.testing import write_fasta


@pytest.fixture
def session(tmp_path):
    """Write a session; returns its folder."""

    def export(made, **options) -> Path:
        asked = ExportOptions(**options)
        export_hits(made.hits, "session", tmp_path / "s", regions=made.regions, options=asked)
        return tmp_path / "s"

    return export


def uris(config: object) -> list[str]:
    """Everything that a configuration names as a place."""
    if isinstance(config, dict):
        found = [config["uri"]] if "uri" in config else []
        return found + [uri for value in config.values() for uri in uris(value)]
    return [uri for value in config for uri in uris(value)] if isinstance(config, list) else []


def scores_of(path: Path, regions) -> np.ndarray:
    columns = (regions[f"region_{name}"].values.tolist() for name in ("chrom", "start", "end"))
    with pyBigWig.open(str(path)) as file:
        return np.array([file.values(*place, numpy=True) for place in zip(*columns, strict=True)])


@pytest.mark.parametrize("size", [1, 10_000, 2**26])
def test_session__contributions_are_those_of_the_regions(
    make, regions, session, monkeypatch, size: int
) -> None:
    shuffled = regions.isel(region=np.random.default_rng(0).permutation(50))
    monkeypatch.setattr(_bigwig, "_STRIPE_BASES", size)
    monkeypatch.setattr(_source, "_BLOCK_BASES", size)
    folder = session(make(given=shuffled))
    found = scores_of(folder / "contributions.bw", regions)
    np.testing.assert_array_equal(found, regions["region_contributions"].values)


def test_session__hypothetical_scores_are_projected(make, hypothetical_regions, session) -> None:
    folder = session(make(given=hypothetical_regions))
    scores = hypothetical_regions["region_contributions"].values
    expected = project(scores, hypothetical_regions["region_sequence"].values)
    found = scores_of(folder / "contributions.bw", hypothetical_regions)
    np.testing.assert_array_equal(found, expected)


def test_session__overlapping_regions_give_their_mean(make, regions, session) -> None:
    places = {
        "region_chrom": ("region", np.array(["chr1"] * 4, dtype="T")),
        "region_start": ("region", np.array([40, -30, 45, 140])),
    }
    few = regions.isel(region=slice(0, 4)).assign(places)
    few["region_end"] = few["region_start"] + 80
    scores = few["region_contributions"].values
    folder = session(make(given=few))
    with pyBigWig.open(str(folder / "contributions.bw")) as file:
        assert file.chroms() == {"chr1": 220}
        found = file.values("chr1", 0, 220, numpy=True)
    total, count = np.zeros(220), np.zeros(220)
    for start, row in zip(few["region_start"].values, scores, strict=True):
        total[max(start, 0) : start + 80] += row[max(-start, 0) :]
        count[max(start, 0) : start + 80] += 1
    assert (count.min(), count.max()) == (0, 3)
    expected = np.divide(total, count, out=np.full(220, np.nan), where=count > 0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_session__regions_of_different_widths_keep_to_their_own(make, regions, session) -> None:
    widths = np.where(np.arange(50) % 2, 80, 60)
    names = ("chrom", "start", "end", "name", "id")
    places = {name: regions[f"region_{name}"].values for name in names}
    places["end"] = places["start"] + widths
    codes, scores = (
        regions[f"region_{name}"].values.copy() for name in ("sequence", "contributions")
    )
    codes[::2, 60:], scores[::2, 60:] = 4, 0
    ragged = create_regions(codes, scores, coordinates=places, widths=widths)
    with pyBigWig.open(str(session(make(given=ragged)) / "contributions.bw")) as file:
        for row in range(50):
            chrom, start, end = (places[name][row] for name in ("chrom", "start", "end"))
            found = file.values(chrom, int(start), int(end), numpy=True)
            np.testing.assert_array_equal(found, scores[row, : widths[row]])
            if end < file.chroms(chrom):
                assert np.isnan(file.values(chrom, int(end), int(end) + 1)[0])


def test_session__hits_are_indexed(made, session) -> None:
    folder = session(made)
    with pysam.TabixFile(str(folder / "hits.bed.gz")) as file:
        rows = [row.split("\t") for row in file.fetch()]
    sites = made.table.unique(["chr", "start", "motif_name", "strand"])
    assert len(rows) == len(sites)
    assert {len(row) for row in rows} == {9}


def test_session__everything_that_is_named_is_there(make, session) -> None:
    folder = session(make("tracks"))
    config = json.loads((folder / "jbrowse_config.json").read_text())
    assert uris(config)
    assert all((folder / uri).is_file() for uri in uris(config))
    root = ET.parse(folder / "igv_session.xml").getroot()
    for resource in root.iter("Resource"):
        assert (folder / resource.attrib["path"]).is_file()
        assert (folder / resource.attrib.get("index", resource.attrib["path"])).is_file()
    assert (folder / root.attrib["genome"]).read_text().startswith("chr1\t")
    named = {*uris(config), "jbrowse_config.json", "igv_session.xml"}
    assert {path.name for path in folder.iterdir()} == named


def test_session__jbrowse_shows_contributions_with_hits_under_them(make, session) -> None:
    made = make("tracks")
    config = json.loads((session(made) / "jbrowse_config.json").read_text())
    (assembly,) = config["assemblies"]
    names = [track["name"] for track in config["tracks"]]
    assert names == [
        "Contributions, K562",
        "Hits, K562",
        "Contributions, liver, 12 w",
        "Hits, liver, 12 w",
    ]
    assert all(track["assemblyNames"] == [assembly["name"]] for track in config["tracks"])
    (view,) = config["defaultSession"]["views"]
    assert [shown["configuration"] for shown in view["tracks"]] == [
        track["trackId"] for track in config["tracks"]
    ]
    displays = {d["displayId"]: d["type"] for t in config["tracks"] for d in t["displays"]}
    shown = {d["configuration"]: d["type"] for t in view["tracks"] for d in t["displays"]}
    assert shown == displays
    (place,) = view["displayedRegions"]
    start = view["offsetPx"] * view["bpPerPx"]
    inside = made.table.filter(
        pl.col("chr") == place["refName"],
        pl.col("start") >= start,
        pl.col("end") <= start + 1200 * view["bpPerPx"],
    )
    assert place["start"] == 0
    assert place["end"] >= made.table.filter(pl.col("chr") == place["refName"])["end"].max()
    assert not inside.is_empty()
    hits = config["tracks"][1]["adapter"]
    assert hits["index"]["indexType"] == "TBI"
    assert hits["columnNames"][8] == "itemRgb"


def test_session__igv_shows_the_same(make, session) -> None:
    root = ET.parse(session(make("tracks")) / "igv_session.xml").getroot()
    tracks = [track.attrib["id"] for track in root.iter("Track")]
    resources = [resource.attrib["path"] for resource in root.iter("Resource")]
    assert tracks == resources
    assert tracks == [
        "contributions.K562.bw",
        "hits.K562.bed.gz",
        "contributions.liver_12_w.bw",
        "hits.liver_12_w.bed.gz",
    ]


def test_session__tracks_have_their_own_scores_and_hits(make, regions, session) -> None:
    made = make("tracks")
    folder = session(made)
    scores = regions["region_contributions"].values
    found = scores_of(folder / "contributions.liver_12_w.bw", regions)
    np.testing.assert_array_equal(found, 2 * scores)
    with pysam.TabixFile(str(folder / "hits.K562.bed.gz")) as file:
        rows = [tuple(row.split("\t")[:4]) for row in file.fetch()]
    own = made.table.filter(pl.col("track") == "K562")
    assert set(rows) == set(
        own.select(pl.col("chr", "start", "end", "motif_name").cast(pl.String)).rows()
    )


def test_session__knows_a_genome_by_its_name(made, session) -> None:
    folder = session(made, genome="hg38")
    config = json.loads((folder / "jbrowse_config.json").read_text())
    adapter = config["assemblies"][0]["sequence"]["adapter"]
    assert adapter["twoBitLocation"]["uri"].endswith("/hg38/bigZips/hg38.2bit")
    assert ET.parse(folder / "igv_session.xml").getroot().attrib["genome"] == "hg38"
    assert not (folder / "genome.chrom.sizes").exists()


@pytest.mark.parametrize("indexed", [True, False])
def test_session__names_a_fasta_file_by_its_relative_path(
    made, regions, tmp_path, session, indexed: bool
) -> None:
    fasta = tmp_path / "data" / "genome.fa"
    fasta.parent.mkdir()
    sizes = write_fasta(regions, fasta)
    if indexed:
        pysam.faidx(str(fasta))
    folder = session(made, fasta=fasta)
    config = json.loads((folder / "jbrowse_config.json").read_text())
    adapter = config["assemblies"][0]["sequence"]["adapter"]
    assert adapter["fastaLocation"]["uri"] == "../data/genome.fa"
    assert all((folder / uri).is_file() for uri in uris(config))
    assert (folder / "genome.fai").exists() is not indexed
    root = ET.parse(folder / "igv_session.xml").getroot()
    assert root.attrib["genome"] == "../data/genome.fa"
    with pyBigWig.open(str(folder / "contributions.bw")) as file:
        assert file.chroms() == sizes


def test_session__takes_a_compressed_genome_with_its_indices(
    made, regions, tmp_path, session
) -> None:
    fasta = tmp_path / "genome.fa"
    write_fasta(regions, fasta)
    pysam.tabix_compress(str(fasta), f"{fasta}.gz")
    compressed = tmp_path / "genome.fa.gz"
    with pytest.raises(ReadError, match=r"compressed, without \.fai and \.gzi"):
        session(made, fasta=compressed)
    pysam.faidx(str(compressed))
    config = json.loads((session(made, fasta=compressed) / "jbrowse_config.json").read_text())
    adapter = config["assemblies"][0]["sequence"]["adapter"]
    assert adapter["type"] == "BgzipFastaAdapter"
    assert adapter["gziLocation"]["uri"] == "../genome.fa.gz.gzi"
    assert config["assemblies"][0]["name"] == "genome"


def test_session__a_genome_that_cannot_be_used_is_refused(made, tmp_path, session) -> None:
    with pytest.raises(ReadError, match=r"none\.fa: no such file"):
        session(made, fasta=tmp_path / "none.fa")
    (tmp_path / "other.fa").write_text(">chr9\nACGT\n")
    with pytest.raises(ReadError, match="lacks 3 chromosomes on which there are regions"):
        session(made, fasta=tmp_path / "other.fa")
    with pytest.raises(ValueError, match="--genome and --fasta both"):
        ExportOptions(genome="hg38", fasta=tmp_path / "other.fa")
    assert not (tmp_path / "s").exists()


def test_session__in_a_bucket_cannot_name_a_local_genome(made, tmp_path) -> None:
    from finemo_zarr.store import RemotePath

    (tmp_path / "g.fa").write_text(">chr1\nACGT\n")
    options = ExportOptions(regions=made.regions, fasta=tmp_path / "g.fa")
    source = Source.open(made.hits, options, RemotePath("memory://bucket/s"))
    with pytest.raises(RunError, match=r"cannot name .*use --genome"):
        write_session(source, tmp_path / "s")


def test_session__without_hits_still_shows_contributions(make, regions, session) -> None:
    folder = session(make("empty"))
    np.testing.assert_array_equal(
        scores_of(folder / "contributions.bw", regions), regions["region_contributions"].values
    )
    with pysam.TabixFile(str(folder / "hits.bed.gz")) as file:
        assert list(file.contigs) == []


def test_session__files_of_tracks_with_like_names_differ(make, made, tmp_path) -> None:
    from finemo_zarr.export.session import _labels

    assert list(_labels(["a b", "a_b"]).values()) == [".0_a_b", ".1_a_b"]
    assert _labels(None) == {None: ""}
