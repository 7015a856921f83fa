import bioframe
import polars as pl
import pysam
import pytest

from finemo_zarr.export import bed, export_hits, write_tables
from finemo_zarr.export._colours import motif_colours

BED6 = ["chr", "start", "end", "motif_name", "score", "strand"]


def expected(made) -> pl.DataFrame:
    score = (pl.col("hit_similarity") * 1000).round().cast(pl.Int64)
    rows = made.table.unique(
        ["chr", "start", "motif_name", "strand"], keep="first", maintain_order=True
    )
    return rows.with_columns(score=score)


def test_bed__is_that_of_the_tables(made, tmp_path) -> None:
    count = export_hits(made.hits, "bed", tmp_path / "h.bed")
    assert count == len((tmp_path / "h.bed").read_text().splitlines()) < len(made.table)
    assert (tmp_path / "h.bed").read_bytes() == (made.hits.parent / "hits.bed").read_bytes()


def test_bed__reads_in_bioframe(made, tmp_path) -> None:
    export_hits(made.hits, "bed", tmp_path / "h.bed")
    frame = bioframe.read_table(str(tmp_path / "h.bed"), schema="bed6")
    assert bioframe.is_bedframe(frame)
    assert pl.from_pandas(frame).rows() == expected(made).select(BED6).rows()


def test_bed9__has_a_colour_for_each_motif(made, tmp_path) -> None:
    export_hits(made.hits, "bed9", tmp_path / "h.bed")
    frame = bioframe.read_table(str(tmp_path / "h.bed"), schema="bed9")
    table = expected(made)
    assert frame["thickStart"].tolist() == frame["start"].tolist() == table["start"].to_list()
    assert frame["thickEnd"].tolist() == frame["end"].tolist() == table["end"].to_list()
    colours = motif_colours(made.table["motif_name"])
    assert dict(zip(frame["name"], frame["itemRgb"], strict=True)) == colours
    assert len(set(colours.values())) == 3


def test_bed9__tracks_are_one_more_column(make, tmp_path) -> None:
    made = make("tracks")
    export_hits(made.hits, "bed9", tmp_path / "h.bed")
    rows = [line.split("\t") for line in (tmp_path / "h.bed").read_text().splitlines()]
    assert {len(row) for row in rows} == {10}
    assert {row[9] for row in rows} == {"K562", "liver, 12 w"}


def test_bed_gz__tabix_finds_the_hits_of_a_range(made, tmp_path) -> None:
    export_hits(made.hits, "bed.gz", tmp_path / "h.bed.gz")
    assert sorted(path.name for path in tmp_path.glob("h.*")) == ["h.bed.gz", "h.bed.gz.tbi"]
    table = expected(made)
    with pysam.TabixFile(str(tmp_path / "h.bed.gz")) as file:
        assert file.contigs == table["chr"].unique(maintain_order=True).to_list()
        for chrom in file.contigs:
            start, end = 1000, 3000
            found = [
                tuple(row)[:6] for row in file.fetch(chrom, start, end, parser=pysam.asTuple())
            ]
            inside = table.filter(
                pl.col("chr") == chrom, pl.col("start") < end, pl.col("end") > start
            )
            assert found == inside.select(pl.col(BED6).cast(pl.String)).rows()
            assert found


def test_bed_gz__of_long_chromosomes_has_another_index(made, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(bed, "_LAST_OF_TBI", 1000)
    export_hits(made.hits, "bed.gz", tmp_path / "h.bed.gz")
    assert sorted(path.name for path in tmp_path.glob("h.*")) == ["h.bed.gz", "h.bed.gz.csi"]
    with pysam.TabixFile(str(tmp_path / "h.bed.gz"), index=str(tmp_path / "h.bed.gz.csi")) as file:
        assert sum(1 for _ in file.fetch()) == len(expected(made))


@pytest.mark.parametrize("kind", ["plain", "tracks", "empty"])
def test_bed__of_tables_and_export_agree(make, tmp_path, kind: str) -> None:
    made = make(kind)
    write_tables(made.hits, tmp_path / "t")
    export_hits(made.hits, "bed", tmp_path / "h.bed")
    assert (tmp_path / "h.bed").read_bytes() == (tmp_path / "t" / "hits.bed").read_bytes()
