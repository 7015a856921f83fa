from types import SimpleNamespace

import pyBigWig
import pytest

from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.export import ExportOptions, bigbed, export_hits
from finemo_zarr.export._colours import motif_colours
from finemo_zarr.export._source import Source


def rows_of(path) -> list[tuple]:
    with pyBigWig.open(str(path)) as file:
        assert file.isBigBed()
        return [
            (chrom, start, end, *rest.split("\t"))
            for chrom, size in sorted(file.chroms().items())
            for start, end, rest in file.entries(chrom, 0, size) or []
        ]


def test_bigbed__holds_the_sites(made, tmp_path) -> None:
    export_hits(made.hits, "bigbed", tmp_path / "h.bb")
    table = made.table.unique(["chr", "start", "motif_name", "strand"], keep="first")
    colours = motif_colours(made.table["motif_name"])
    wanted = {
        (r["chr"], r["start"], r["end"], r["motif_name"], r["strand"], r["peak_name"]): r
        for r in table.iter_rows(named=True)
    }
    found = rows_of(tmp_path / "h.bb")
    assert found == sorted(found, key=lambda row: row[:2])
    assert {(*row[:4], row[5], row[12]) for row in found} == set(wanted)
    for row in found:
        source = wanted[(*row[:4], row[5], row[12])]
        assert int(row[4]) == round(1000 * source["hit_similarity"])
        assert row[6:9] == (str(row[1]), str(row[2]), colours[row[3]])
        assert float(row[9]) == pytest.approx(source["hit_similarity"])
        assert float(row[10]) == pytest.approx(source["hit_coefficient_global"])
        assert float(row[13]) == pytest.approx(source["hit_qvalue"])
        assert int(row[14]) == source["is_primary"]


def test_bigbed__names_its_columns(make, tmp_path) -> None:
    export_hits(make("tracks").hits, "bigbed", tmp_path / "h.bb")
    with pyBigWig.open(str(tmp_path / "h.bb")) as file:
        text = file.SQL().decode()
    fields = [line.split()[1].rstrip(";") for line in text.splitlines() if ";" in line]
    assert fields[3:9] == ["name", "score", "strand", "thickStart", "thickEnd", "reserved"]
    assert fields[9:] == [
        "similarity",
        "coefficient",
        "importance",
        "region",
        "qvalue",
        "isPrimary",
        "track",
    ]
    assert len(rows_of(tmp_path / "h.bb")[0]) == len(fields)


@pytest.mark.parametrize("ending", [".sizes", ".fai"])
def test_bigbed__chromosomes_are_as_long_as_the_file_says(made, tmp_path, ending: str) -> None:
    more = "\t7\t60\t61" if ending == ".fai" else ""
    sizes = tmp_path / f"genome{ending}"
    chroms = made.table["chr"].unique().to_list()
    sizes.write_text("".join(f"{chrom}\t10000000{more}\n" for chrom in [*chroms, "chrM"]))
    options = ExportOptions(chrom_sizes=sizes)
    export_hits(made.hits, "bigbed", tmp_path / "h.bb", options=options)
    with pyBigWig.open(str(tmp_path / "h.bb")) as file:
        assert set(file.chroms().values()) == {10_000_000}


def test_bigbed__lengths_that_lack_a_chromosome_are_refused(made, tmp_path) -> None:
    (tmp_path / "g.sizes").write_text("chr1\t100000\n")
    options = ExportOptions(chrom_sizes=tmp_path / "g.sizes")
    with pytest.raises(ReadError, match=r"g\.sizes lacks 2 chromosomes .* first chr2"):
        export_hits(made.hits, "bigbed", tmp_path / "h.bb", options=options)
    (tmp_path / "g.sizes").write_text("chr1 100000\n")
    with pytest.raises(ReadError, match=r"line 1: expected a name and a length.*'chr1 100000'"):
        export_hits(made.hits, "bigbed", tmp_path / "h.bb", options=options)
    (tmp_path / "g.sizes").write_text("\n")
    with pytest.raises(ReadError, match="empty"):
        export_hits(made.hits, "bigbed", tmp_path / "h.bb", options=options)
    with pytest.raises(ReadError, match="cannot be read"):
        export_hits(
            made.hits, "bigbed", tmp_path / "h.bb", options=ExportOptions(chrom_sizes=tmp_path)
        )
    assert not (tmp_path / "h.bb").exists()


def test_bigbed__without_hits_has_chromosomes_only(make, tmp_path) -> None:
    made = make("empty")
    export_hits(made.hits, "bigbed", tmp_path / "h.bb")
    with pyBigWig.open(str(tmp_path / "h.bb")) as file:
        assert sorted(file.chroms()) == ["chr1", "chr2", "chr3"]
        assert b"thickStart" in file.SQL()
        assert file.header()["nBasesCovered"] == 0
    assert rows_of(tmp_path / "h.bb") == []


def test_bigbed__reads_in_pybigtools_without_hits(make, tmp_path) -> None:
    pybigtools = pytest.importorskip("pybigtools")
    export_hits(make("empty").hits, "bigbed", tmp_path / "h.bb")
    file = pybigtools.open(str(tmp_path / "h.bb"))
    assert file.is_bigbed
    assert list(file.records("chr1")) == []


def test_bigbed__an_error_of_the_input_is_not_lost(made, tmp_path, monkeypatch, capfd) -> None:
    whole = Source.open(made.hits, ExportOptions(), tmp_path)
    real = bigbed.unique_tables

    def broken(source, *, by_name):
        yield next(real(source, by_name=by_name))
        raise ReadError("the second stripe is damaged")

    monkeypatch.setattr(bigbed, "unique_tables", broken)
    with pytest.raises(ReadError, match="second stripe is damaged"):
        bigbed.write_bigbed(whole, tmp_path / "h.bb")
    capfd.readouterr()


def test_bigbed__a_writer_that_gives_up_is_an_error(made, tmp_path, monkeypatch) -> None:
    silent = SimpleNamespace(write=lambda *_, **__: None)
    fake = SimpleNamespace(open=lambda *_: silent)
    monkeypatch.setattr(bigbed, "import_optional", lambda *_, **__: fake)
    with pytest.raises(RunError, match="cannot be written"):
        export_hits(made.hits, "bigbed", tmp_path / "h.bb")
    assert not (tmp_path / "h.bb").exists()
