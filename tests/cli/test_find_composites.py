from contextlib import contextmanager

import numpy as np
import pytest

from finemo_zarr import store
from finemo_zarr.cli import find_composites as module
from finemo_zarr.execution import load_motifs
from finemo_zarr.model import create_hits
from finemo_zarr.postprocess import _scores, composites
from finemo_zarr.postprocess._new_store import write_hits_store

SPACING = 11


@pytest.fixture
def paired(hits_store, tmp_path):
    """In each region, motif 0 on the + strand before motif 1 on the - strand, and one of 2."""
    opened = store.open_hits(hits_store)
    motifs, n_regions = opened.motifs, opened.qc.sizes["region"]
    rng = np.random.default_rng(0)
    width = (motifs["motif_end"] - motifs["motif_start"]).values
    at = rng.integers(5, 30, n_regions)
    starts = np.stack([at, at + width[0] + SPACING, rng.integers(0, 60, n_regions)], axis=1)
    oriented = np.tile([0, 3, 4], n_regions)
    region, start = np.repeat(np.arange(n_regions), 3), starts.ravel()
    untrimmed = start - motifs["motif_start"].values[oriented]
    columns = {
        "region": region,
        "motif": oriented,
        "start": start,
        "end": start + width[oriented],
        "start_untrimmed": untrimmed,
        "end_untrimmed": untrimmed + 20,
        "coefficient": np.ones(len(region)),
    }
    order = np.lexsort((oriented, start, region))
    hits = create_hits({name: values[order] for name, values in columns.items()})
    path = tmp_path / "paired.zarr"
    loaded = opened._replace(regions=opened.regions.load(), qc=opened.qc.load(), hits=hits)
    write_hits_store(path, loaded, store.read_info(hits_store).provenance, overwrite=False)
    return path


def test_find_composites__writes_table_figures_and_motifs(run, paired, tmp_path):
    out = tmp_path / "composites"
    result = run("find-composites", "-i", paired, "-o", out)
    assert (result.code, result.err) == (0, "")
    header, row = (out / "composites.tsv").read_text().splitlines()
    assert header.split("\t") == list(module._COLUMNS)
    values = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert (values["strand_left"], values["strand_right"]) == ("+", "-")
    assert (values["spacing"], values["count"]) == (str(SPACING), "50")
    assert f"{values['name']}: 50 pairs" in result.out
    assert load_motifs([out / "motifs.zarr"])["motif_name"].values.tolist() == [values["name"]]
    assert f"MOTIF {values['name']}" in (out / "motifs.meme").read_text()
    assert {path.name for path in out.glob("*.png")} == {"heatmap.png", "logos.png", "spacings.png"}


def test_find_composites__tells_how_far_it_is(run, paired, tmp_path, monkeypatch):
    done = []

    @contextmanager
    def progress(label, total):
        done.append((label, total))
        yield done.append

    monkeypatch.setattr(_scores, "progress", progress)
    assert run("find-composites", "-i", paired, "-o", tmp_path / "out").code == 0
    n_regions = store.open_hits(paired).qc.sizes["region"]
    assert done == [("average scores", n_regions), n_regions]


def test_find_composites__options_reach_the_search(run, paired, tmp_path):
    for args in (
        ["--min-count", 51],
        ["--max-spacing", SPACING - 1],
        ["--min-spacing", SPACING + 1],
        ["--max-qvalue", 1e-300],
    ):
        out = tmp_path / "none"
        result = run("find-composites", "-i", paired, "-o", out, "--overwrite", *args)
        assert (result.code, result.err) == (0, "")
        assert "0 spacings more frequent" in result.out
        assert len((out / "composites.tsv").read_text().splitlines()) == 1
        assert not (out / "motifs.zarr").exists()
        assert (out / "heatmap.png").exists()
    assert "likely repeats" not in result.out
    out = tmp_path / "table"
    assert run("find-composites", "-i", paired, "-o", out, "--no-motifs").code == 0
    assert {path.name for path in out.iterdir()} == {
        "composites.tsv",
        "heatmap.png",
        "spacings.png",
    }


def test_find_composites__says_what_is_a_likely_repeat(run, paired, tmp_path, monkeypatch):
    # What lies between these cores is no motif; any spacer is now conserved enough.
    monkeypatch.setattr(composites, "REPEAT_BITS", -1.0)
    result = run("find-composites", "-i", paired, "-o", tmp_path / "out")
    assert (result.code, result.err) == (0, "")
    assert "1 of them likely repeats, left out of the motifs (--repeats" in result.out
    assert "expected, likely a repeat" in result.out
    header, row = (tmp_path / "out/composites.tsv").read_text().splitlines()
    values = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert values["likely_repeat"] == "1"
    assert not (tmp_path / "out/motifs.zarr").exists()
    result = run("find-composites", "-i", paired, "-o", tmp_path / "kept", "--repeats")
    assert "1 of them likely repeats\n" in result.out
    assert (tmp_path / "kept/motifs.zarr").exists()


def test_find_composites__composites_are_called_with_their_parts(
    run, paired, files, regions_store, tmp_path
):
    out = tmp_path / "composites"
    assert run("find-composites", "-i", paired, "-r", regions_store, "-o", out).code == 0
    result = run(
        "call-hits", "-r", regions_store, "-m", files.motifs, out / "motifs.zarr",
        "-o", tmp_path / "again", "--no-tables",
    )  # fmt: skip
    assert result.code == 0
    assert store.open_hits(tmp_path / "again").motifs.sizes["motif"] == 8


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--max-qvalue", "0"], "--max-qvalue is 0.0, expected a number from 0 to 1"),
        (["--max-spacing", "-1"], "the largest spacing is -1, and the smallest 0"),
        (["--background", "0"], "must be above 0"),
    ],
)
def test_find_composites__options_must_make_sense(run, paired, tmp_path, args, message):
    result = run("find-composites", "-i", paired, "-o", tmp_path / "c", *args)
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "c").exists()


def test_find_composites__refuses_output_that_exists(run, paired, tmp_path):
    args = ["find-composites", "-i", paired, "-o", tmp_path / "c", "--no-motifs"]
    assert run(*args).code == 0
    assert "exists already" in run(*args).err
    assert run(*args, "--overwrite").code == 0
    (tmp_path / "c" / "mine").mkdir()
    assert run(*args, "--overwrite").code == 1


def test_find_composites__help_has_examples(run):
    assert "finemo-zarr find-composites -i" in run("find-composites", "--help").out
    assert module.make_command().short_help
