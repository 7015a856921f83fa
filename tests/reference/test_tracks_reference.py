"""Three tracks of one real model, in one command, are three single runs."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import xarray as xr

from finemo_zarr.cli import main
from finemo_zarr.store import open_hits, open_regions

SHARED = Path(__file__).parents[3] / "shared"
DATA = SHARED / "data/procapnet"
DATABASE = SHARED / "data/motifs/jaspar_hocomoco_2193.meme"
N_MOTIFS = 30
TRACKS = {
    "counts": [DATA / "counts_attr.npz"],
    "profile": [DATA / "profile_attr.npz"],
    "both": [DATA / "counts_attr.npz", DATA / "profile_attr.npz"],
}

pytestmark = [
    pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not there"),
    pytest.mark.skipif(not DATABASE.exists(), reason=f"{DATABASE} is not there"),
]


def run(*arguments: object) -> None:
    with pytest.raises(SystemExit) as exited:
        main([str(argument) for argument in arguments])
    assert exited.value.code == 0


def call(regions: Path, out: Path, names: Path, *more: object) -> pl.DataFrame:
    run("call-hits", "-r", regions, "-m", DATABASE, "-I", names, "-l", "0.6", "-o", out, *more)
    return pl.read_csv(out / "hits.tsv", separator="\t", infer_schema=False)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every so many of the motifs of the database."""
    lines = [line.split() for line in DATABASE.read_text().splitlines()]
    found = [words[1] for words in lines if words[:1] == ["MOTIF"]]
    path = tmp_path_factory.mktemp("names") / "names.tsv"
    path.write_text("\n".join(found[:: len(found) // N_MOTIFS]) + "\n")
    return path


@pytest.mark.filterwarnings("ignore::finemo_zarr.errors.UnreachableMotifWarning")
def test_tracks__of_one_command_equal_single_runs(tmp_path: Path, names: Path, capsys) -> None:
    command = ["extract-regions-modisco-fmt", "-s", DATA / "ohe.npz", "-w", "2114"]
    tracks = [
        word
        for name, paths in TRACKS.items()
        for word in ("--track", f"{name}={paths[0]}", *paths[1:])
    ]
    run(*command, *tracks, "-o", tmp_path / "tracks.zarr")
    together = call(tmp_path / "tracks.zarr", tmp_path / "together", names)
    assert together.columns[-1] == "track"
    assert set(together["track"]) == set(TRACKS)
    regions, opened = open_regions(tmp_path / "tracks.zarr"), open_hits(tmp_path / "together")
    for name, paths in TRACKS.items():
        run(*command, "-a", *paths, "-o", tmp_path / f"{name}.zarr")
        single = open_regions(tmp_path / f"{name}.zarr")
        np.testing.assert_array_equal(
            regions["region_contributions"].sel(track=name), single["region_contributions"]
        )
        table = call(tmp_path / f"{name}.zarr", tmp_path / name, names)
        assert len(table) > 50
        assert together.filter(track=name).drop("track").equals(table)
        alone = open_hits(tmp_path / name).qc.load()
        xr.testing.assert_equal(opened.qc.isel(track=list(TRACKS).index(name)).load(), alone)
    # The mean over the tracks is what the reader gives of their files together.
    combined = call(
        tmp_path / "tracks.zarr",
        tmp_path / "mean",
        names,
        *("--combine-tracks", "mean", "--tracks", "counts", "profile"),
    )
    both = pl.read_csv(tmp_path / "both" / "hits.tsv", separator="\t", infer_schema=False)
    keys = ["peak_id", "start", "motif_name", "strand"]
    assert combined.select(keys).equals(both.select(keys))
    capsys.readouterr()
