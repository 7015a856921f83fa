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
    assert result.err == f"Error: {tmp_path}: not a Zarr store (format 3)\n"


def test_info__help_has_examples(run) -> None:
    assert "finemo-zarr info regions.zarr" in run("info", "--help").out
