from pathlib import Path


def test_info__of_regions(run, regions_store: Path) -> None:
    result = run("info", regions_store)
    assert result.code == 0
    for text in (
        "regions, format 1",
        "50 of 80 bp",
        "projected, float32",
        "16 regions each",
        "3 chromosomes (chr1, chr2, chr3)",
        "extract-regions-memory",
        "numpy",
    ):
        assert text in result.out


def test_info__of_hits_and_of_the_folder_around_them(run, hits_store: Path) -> None:
    result = run("info", hits_store)
    assert result.code == 0
    for text in ("hits, format 1", "100", "mode pp, placement core", "call-hits (fake)"):
        assert text in result.out
    assert run("info", hits_store.parent).out == result.out


def test_info__of_something_else_is_one_line(run, tmp_path: Path) -> None:
    result = run("info", tmp_path)
    assert result.code == 1
    expected = "a regions store, a hits store, or a folder that call-hits wrote"
    there = "a folder that is not a Zarr store (format 3)"
    assert result.err == f"Error: {tmp_path}: {there}, expected {expected}\n"


def test_info__gives_no_size_of_an_input_that_is_a_store(
    run, regions_store: Path, files, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run("call-hits", "-r", regions_store, "-m", files.motifs, "-o", out, "--no-tables")
    lines = [line for line in run("info", out).out.splitlines() if line.startswith("input")]
    assert f"{regions_store} (store, sha256 " in lines[0]
    assert "KiB, sha256" in lines[1]


def test_info__help_has_examples(run) -> None:
    assert "finemo-zarr info regions.zarr" in run("info", "--help").out
