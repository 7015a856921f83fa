import errno
from pathlib import Path

import polars as pl
import pytest

from finemo_zarr import _optional
from finemo_zarr.errors import MissingDependencyError, ReadError, RunError, SchemaError
from finemo_zarr.export import (
    FORMATS,
    OUTPUT_NAMES,
    TABLES,
    ExportOptions,
    _formats,
    check_formats,
    export_hits,
    write_formats,
)
from finemo_zarr.export._chrom_sizes import LONGEST
from finemo_zarr.store import RemotePath

PLACED = ["bed", "bed9", "bed.gz", "bigbed", "tfm-bed", "session"]
OF_ONE_SOLVER = ["tfm-bed"]
SITE = ["chr", "start", "motif_name", "strand"]
OF_ANY = [name for name in FORMATS if name not in OF_ONE_SOLVER]


@pytest.mark.parametrize("kind", ["plain", "tracks", "empty"])
@pytest.mark.parametrize("name", OF_ANY)
def test_formats__write_every_kind_of_store(make, tmp_path, name: str, kind: str) -> None:
    made, out = make(kind), tmp_path / "out"
    sites = made.table.unique([*SITE, *(["track"] if kind == "tracks" else [])]).height
    written = {"regions": 50, "motifs": 3, "sites": sites, "hits": len(made.table)}
    assert export_hits(made.hits, name, out, regions=made.regions) == written[FORMATS[name].counts]
    assert out.is_dir() is bool(FORMATS[name].contents)
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "out.tbi"}


@pytest.mark.parametrize("name", FORMATS)
def test_formats__without_coordinates_write_or_say_what_to_do(make, tmp_path, name: str) -> None:
    made, out = make("unplaced"), tmp_path / "out"
    if name in PLACED:
        with pytest.raises(RunError, match=r"no coordinates.*extract them again with peaks"):
            export_hits(made.hits, name, out, regions=made.regions)
        assert not list(tmp_path.iterdir())
    else:
        export_hits(made.hits, name, out, regions=made.regions)
        assert out.exists()


def test_formats__an_unknown_one_is_an_error(made, tmp_path) -> None:
    with pytest.raises(RunError, match="no format 'gff'; expected one of tsv, bed, "):
        export_hits(made.hits, "gff", tmp_path / "out")


@pytest.mark.parametrize("name", [name for name, made in FORMATS.items() if made.packages])
def test_formats__name_the_package_that_is_missing(made, tmp_path, monkeypatch, name: str) -> None:
    def missing(module: str) -> None:
        raise ImportError(f"No module named {module!r}")

    monkeypatch.setattr(_optional, "import_module", missing)
    with pytest.raises(MissingDependencyError, match=rf"{name} needs .*finemo-zarr\[export\]"):
        export_hits(made.hits, name, tmp_path / "out", regions=made.regions)


def test_export__takes_the_folder_of_call_hits(made, tmp_path) -> None:
    assert made.hits.name == "hits.zarr"
    export_hits(made.hits.parent, "bed", tmp_path / "h.bed")
    assert (tmp_path / "h.bed").stat().st_size > 0


def test_export__refuses_what_is_there_unless_told(made, tmp_path) -> None:
    export_hits(made.hits, "bed.gz", tmp_path / "h.bed.gz")
    with pytest.raises(RunError, match="exists already"):
        export_hits(made.hits, "bed.gz", tmp_path / "h.bed.gz")
    before = (tmp_path / "h.bed.gz").read_bytes()
    options = ExportOptions(min_similarity=0.9)
    export_hits(made.hits, "bed.gz", tmp_path / "h.bed.gz", options=options, overwrite=True)
    assert (tmp_path / "h.bed.gz").read_bytes() != before


def test_export__leaves_no_index_of_an_earlier_output(made, tmp_path, monkeypatch) -> None:
    export_hits(made.hits, "bed.gz", tmp_path / "h.bed.gz")
    monkeypatch.setattr("finemo_zarr.export.bed._LAST_OF_TBI", 1000)
    export_hits(made.hits, "bed.gz", tmp_path / "h.bed.gz", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h.bed.gz", "h.bed.gz.csi"]


@pytest.mark.parametrize("name", ["tsv", "session"])
def test_export__replaces_only_folders_of_its_own(made, tmp_path, name: str) -> None:
    out = tmp_path / "out"
    for _ in range(2):
        export_hits(made.hits, name, out, regions=made.regions, overwrite=True)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="finemo-zarr did not write"):
        export_hits(made.hits, name, out, regions=made.regions, overwrite=True)
    assert (out / "notes.txt").read_text() == "mine"
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    with pytest.raises(RunError, match="finemo-zarr did not write"):
        export_hits(made.hits, "bed", tmp_path / "folder", overwrite=True)


def test_export__leaves_nothing_when_it_fails(made, tmp_path, monkeypatch) -> None:
    def refuse(*_) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("finemo_zarr.export.bed.append", refuse)
    with pytest.raises(RunError, match="the disk is full"):
        export_hits(made.hits, "bed", tmp_path / "h.bed")
    assert not list(tmp_path.iterdir())


def test_export__refuses_a_regions_store(made, tmp_path) -> None:
    with pytest.raises(ReadError, match="expected a hits store"):
        export_hits(made.regions, "bed", tmp_path / "h.bed")


# --- Choosing hits -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"motifs": ("pos_patterns.pattern_1",)}, pl.col("motif_name").str.ends_with("1")),
        ({"track": "K562"}, pl.col("track") == "K562"),
        ({"min_similarity": 0.9}, pl.col("hit_similarity") >= 0.9),
        ({"max_qvalue": 0.05}, pl.col("hit_qvalue") <= 0.05),
        ({"primary": True}, pl.col("is_primary") == 1),
    ],
)
def test_choice__keeps_the_hits_that_are_asked_for(make, tmp_path, options, rule) -> None:
    made = make("tracks")
    expected = made.table.filter(rule)
    count = export_hits(
        made.hits, "parquet", tmp_path / "h.parquet", options=ExportOptions(**options)
    )
    found = pl.read_parquet(tmp_path / "h.parquet")
    assert 0 < count == len(found) == len(expected) < len(made.table)
    assert found["start"].to_list() == expected["start"].to_list()


def test_choice__says_in_the_tables_what_it_was(made, tmp_path) -> None:
    options = ExportOptions(min_similarity=0.9, primary=True)
    export_hits(made.hits, "tsv", tmp_path / "t", options=options)
    text = (tmp_path / "t" / "params.json").read_text()
    assert '"min_similarity": 0.9' in text
    assert '"primary": true' in text


def test_choice__of_what_is_not_there_is_an_error(made, make, tmp_path, hits_store) -> None:
    def refuse(match: str, store: Path = made.hits, **options) -> None:
        with pytest.raises(SchemaError, match=match):
            export_hits(store, "bed", tmp_path / "h.bed", options=ExportOptions(**options))

    refuse("names 1 motifs that .* lacks, first CTCF; it has pos_patterns", motifs=("CTCF",))
    refuse("has no tracks", track="K562")
    refuse("has the tracks K562, liver", store=make("tracks").hits, track="HepG2")
    refuse("no variable hit_is_primary: .*collapse-hits", store=hits_store, primary=True)


def test_choice__by_q_value_needs_q_values(tmp_path, hits_store) -> None:
    with pytest.raises(SchemaError, match=r"no variable hit_qvalue: .*--fdr"):
        export_hits(hits_store, "bed", tmp_path / "h.bed", options=ExportOptions(max_qvalue=0.05))


# --- Many formats --------------------------------------------------------------------------------


def test_write_formats__puts_each_under_its_name(made, tmp_path) -> None:
    for _ in range(2):  # what is there is replaced
        write_formats(made.hits, tmp_path / "out", OF_ANY, made.regions)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names <= {*TABLES, *OUTPUT_NAMES}
    assert names >= {*TABLES, *(FORMATS[name].file for name in OF_ANY if name != "tsv")}
    assert not set(TABLES) & set(OUTPUT_NAMES)


def test_write_formats__writes_nothing_where_one_cannot_be_written(made, tmp_path) -> None:
    with pytest.raises(RunError, match="npz needs the scores"):
        write_formats(made.hits, tmp_path / "out", ["bed9", "npz"])
    with pytest.raises(RunError, match="no format 'gff'"):
        write_formats(made.hits, tmp_path / "out", ["bed9", "gff"])
    assert not (tmp_path / "out").exists()


def test_write_formats__leaves_the_tables_of_call_hits(made, tmp_path) -> None:
    write_formats(made.hits, tmp_path, ["tsv"])
    (tmp_path / "params.json").write_text("{}")
    write_formats(made.hits, tmp_path, ["tsv", "bed9"])
    assert (tmp_path / "params.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("name", "furthest"), [("npz", 2**31 - 1), ("bigbed", LONGEST), ("session", LONGEST)]
)
def test_formats__that_cannot_hold_a_position_say_so(
    make, regions, tmp_path, name: str, furthest: int
) -> None:
    def placed(end: int):
        places = {side: regions[f"region_{side}"].copy() for side in ("start", "end")}
        for values in places.values():
            values[7] += end - int(regions["region_end"][7])
        return make(given=regions.assign({f"region_{side}": v for side, v in places.items()}))

    fits, beyond = placed(furthest), placed(furthest + 1)
    export_hits(fits.hits, name, tmp_path / "fits", regions=fits.regions)
    chrom = regions["region_chrom"].values[7]
    message = f"a region ends at {furthest + 1:,} of {chrom}, and the format {name} holds"
    with pytest.raises(RunError, match=message):
        export_hits(beyond.hits, name, tmp_path / "out", regions=beyond.regions)
    with pytest.raises(RunError, match=r"bed\.gz, parquet and tsv hold all"):
        check_formats([name], beyond.regions)
    for other in ("bed.gz", "parquet", "tsv"):
        export_hits(beyond.hits, other, tmp_path / other)


@pytest.mark.parametrize("name", ["bigbed", "session"])
def test_formats__refuse_chromosomes_that_are_too_long(made, tmp_path, name: str) -> None:
    sizes = tmp_path / "x.sizes"
    sizes.write_text(f"chr1\t999999999\nchr2\t999999999\nchr3\t{2**32}\n")
    options = ExportOptions(chrom_sizes=sizes)
    with pytest.raises(ReadError, match=r"x\.sizes: chr3 is 4,294,967,296 bp long"):
        export_hits(made.hits, name, tmp_path / "o", regions=made.regions, options=options)


def test_check_formats__finds_what_could_not_be_written(make, made) -> None:
    check_formats(list(FORMATS), made.regions)
    with pytest.raises(RunError, match="no format 'gff'"):
        check_formats(["gff"], made.regions)
    check_formats(["npz", "parquet"], make("unplaced").regions)
    with pytest.raises(RunError, match=r"regions\.zarr: its regions have no coordinates"):
        check_formats(["parquet", "bigbed"], make("unplaced").regions)


def test_formats__have_different_names_and_a_writer() -> None:
    files = [name for form in FORMATS.values() for name in form.names()]
    assert len(set(files)) == len(files)
    assert all(form.summary and ":" in form.writer for form in FORMATS.values())


# --- There and back ------------------------------------------------------------------------------


def test_export__another_program_with_our_files_finds_the_same_hits(
    tmp_path, reader, regions, raw_motifs
) -> None:
    from finemo_zarr import MotifOptions, get_solver, prepare_motifs, read_motifs
    from finemo_zarr.execution import call_hits, extract_regions
    from finemo_zarr.readers.finemo_npz import FinemoNpzReader

    def call(source, motifs, folder: Path) -> str:
        extract_regions(source, folder / "regions.zarr")
        solver = get_solver("coordinate-descent")()
        prepared = prepare_motifs(motifs, MotifOptions())
        call_hits(folder / "regions.zarr", prepared, folder / "hits.zarr", solver=solver)
        write_formats(
            folder / "hits.zarr", folder, ["tsv", "npz", "modisco-h5"], folder / "regions.zarr"
        )
        return (folder / "hits.tsv").read_text()

    half = regions["region_contributions"].astype("float16").astype("float32")
    first = call(reader(regions.assign(region_contributions=half)), raw_motifs, tmp_path / "a")
    npz, motifs = FinemoNpzReader((tmp_path / "a" / "regions.npz",)), tmp_path / "a" / "motifs.h5"
    assert first.count("\n") > 20
    assert call(npz, read_motifs(motifs), tmp_path / "b") == first


# --- Buckets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bed.gz", "parquet", "session", "tsv"])
def test_export__writes_into_a_bucket(made, tmp_path, name: str) -> None:
    pytest.importorskip("obstore")
    out = RemotePath(f"memory://exports/{tmp_path.name}/{name}")
    export_hits(made.hits, name, out, regions=made.regions)
    export_hits(made.hits, name, tmp_path / "local", regions=made.regions)
    with pytest.raises(RunError, match="exists already"):
        export_hits(made.hits, name, out, regions=made.regions)
    export_hits(made.hits, name, out, regions=made.regions, overwrite=True)
    if (tmp_path / "local").is_dir():
        for path in (tmp_path / "local").iterdir():
            assert (out / path.name).read_bytes() == path.read_bytes()
    else:
        assert out.read_bytes() == (tmp_path / "local").read_bytes()
    if name == "bed.gz":
        assert (out.parent / f"{out.name}.tbi").is_file()


def test_export__reads_from_a_bucket(made, tmp_path, reader, regions, motifs, solver) -> None:
    pytest.importorskip("obstore")
    from finemo_zarr.execution import call_hits, extract_regions

    place = RemotePath(f"memory://exports/{tmp_path.name}/stores")
    for folder in (place, tmp_path / "stores"):
        extract_regions(reader(regions), folder / "regions.zarr")
        call_hits(folder / "regions.zarr", motifs, folder / "hits.zarr", solver=solver)
    for name, end in (("bed", ""), ("npz", ""), ("session", "contributions.bw")):
        for where, folder in (("far", place), ("near", tmp_path / "stores")):
            out = tmp_path / f"{name}-{where}"
            export_hits(folder / "hits.zarr", name, out, regions=folder / "regions.zarr")
        far, near = (tmp_path / f"{name}-{where}" / end for where in ("far", "near"))
        assert far.read_bytes() == near.read_bytes()


def test_upload__comes_to_lie_as_it_lay(tmp_path) -> None:
    made = FORMATS["session"]
    assert made.may_replace(tmp_path)  # an empty folder
    (tmp_path / "hits.a.bed.gz.csi").touch()
    assert made.may_replace(tmp_path)
    (tmp_path / "hits.txt").touch()
    assert not made.may_replace(tmp_path)
    assert _formats._below(Path("a"), ("b", "c")) == Path("a/b/c")
