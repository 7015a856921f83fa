from pathlib import Path

import numpy as np
import pytest

from finemo_zarr import registry, store

WIDTH = ("-w", "80")


def test_extract__bw_writes_the_regions(run, tmp_path: Path, files, regions) -> None:
    out = tmp_path / "r.zarr"
    args = ("-f", files.fasta, "-b", files.bigwig, "-p", files.peaks, *WIDTH, "-o", out)
    result = run("extract-regions-bw", *args)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"50 regions of 80 bp with projected scores: {out}\n"
    opened = store.open_regions(out)
    np.testing.assert_array_equal(opened["region_sequence"], regions["region_sequence"])
    np.testing.assert_allclose(opened["region_contributions"], regions["region_contributions"])


def test_extract__takes_several_files_after_one_flag(run, tmp_path: Path, files, regions) -> None:
    out = tmp_path / "r.zarr"
    several = ("-b", files.bigwig, files.bigwig, "-p", files.peaks)
    assert run("extract-regions-bw", "-f", files.fasta, *several, *WIDTH, "-o", out).code == 0
    inputs = store.read_info(out).provenance["inputs"]
    assert [Path(item["path"]).name for item in inputs] == ["g.fa", "s.bw", "s.bw", "p.narrowPeak"]
    scores = store.open_regions(out)["region_contributions"]
    np.testing.assert_allclose(scores, regions["region_contributions"], rtol=1e-6)


def test_extract__output_must_be_named_zarr(run, files) -> None:
    args = ("-f", files.fasta, "-b", files.bigwig, "-p", files.peaks, "-o", "regions.npz")
    result = run("extract-regions-bw", *args)
    assert result.code == 2
    assert "regions.npz must end in .zarr" in result.err


def test_extract__existing_output_is_one_line(run, regions_store, files) -> None:
    args = ("-f", files.fasta, "-b", files.bigwig, "-p", files.peaks, *WIDTH, "-o", regions_store)
    result = run("extract-regions-bw", *args)
    assert result.code == 1
    assert result.err.startswith(f"Error: {regions_store}: exists already")
    assert result.err.count("\n") == 1
    assert run("extract-regions-bw", *args, "--overwrite").code == 0


def test_extract__missing_file_is_one_line_and_leaves_nothing(run, tmp_path: Path, files) -> None:
    out = tmp_path / "out" / "r.zarr"
    args = ("-f", files.fasta, "-b", "gone.bw", "-p", files.peaks, "-o", out)
    result = run("extract-regions-bw", *args)
    assert result.code == 1
    assert "gone.bw" in result.err
    assert result.err.count("\n") == 1
    assert not out.parent.exists()


@pytest.mark.parametrize("name", list(registry.readers()))
def test_extract__every_reader_has_help_with_examples(run, name: str) -> None:
    result = run(f"extract-regions-{name}", "--help")
    assert result.code == 0
    assert "Examples:" in result.out
    assert f"finemo-zarr extract-regions-{name} -" in result.out
    assert "None" not in result.out


def test_extract__several_tracks_in_one_store(run, tmp_path: Path, files, regions) -> None:
    out = tmp_path / "tracks.zarr"
    common = ("extract-regions-bw", "-f", files.fasta, "-p", files.peaks, *WIDTH, "-o", out)
    tracks = ("--track", f"a={files.bigwig}", "--track", f"b={files.bigwig}", files.bigwig)
    result = run(*common, *tracks)
    assert result.code == 0, result.err
    assert "in 2 tracks" in result.out
    opened = store.open_regions(out)
    assert list(opened["track"].values) == ["a", "b"]
    assert opened["region_sequence"].dims == ("region", "position")
    for index in range(2):
        scores = opened["region_contributions"].isel(track=index)
        np.testing.assert_allclose(scores, regions["region_contributions"], rtol=1e-6)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give --bigwigs, or --track NAME=FILE"),
        (("-b", "x.bw", "--track", "a=x.bw"), "give one of both"),
        (("--track", "x.bw"), "expected NAME=FILE"),
        (("--track", "a=x.bw", "--track", "a=y.bw"), "is given twice"),
        (("--track", "=x.bw"), "expected NAME=FILE"),
    ],
)
def test_extract__says_how_tracks_are_given(run, tmp_path, files, words, message: str) -> None:
    out = ("-o", tmp_path / "r.zarr")
    result = run("extract-regions-bw", "-f", files.fasta, "-p", files.peaks, *words, *out)
    assert result.code == 2
    assert message in result.err
