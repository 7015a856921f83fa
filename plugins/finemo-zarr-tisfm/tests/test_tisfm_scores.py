"""From a trained model to contribution scores, and on to hits of either caller."""

import numpy as np
import pytest
from click.testing import CliRunner
from finemo_zarr_tisfm.files import load_model
from finemo_zarr_tisfm.occupancy import contributions
from finemo_zarr_tisfm.train_command import TrainTisfm
from finemo_zarr_tisfm.training import predict

from finemo_zarr import create_regions, open_hits, open_regions
from finemo_zarr.cli.app import app
from finemo_zarr.testing import simulate_regions, write_fasta, write_narrowpeak

N_REGIONS, WIDTH = 240, 60


def finemo(*words: object) -> None:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output


def test_hits__of_scores_and_of_the_model_are_the_planted_sites(files, motifs, data) -> None:
    pytest.importorskip("finemo_zarr_tangermeme")
    model, scores = files / "model", files / "scores.zarr"
    TrainTisfm(
        signal=files / "signal.tsv",
        sequences=files / "sequences.tsv",
        motifs=files / "motifs.meme",
        window_size=WIDTH,
        epochs=40,
        batch=50,
        rate=0.03,
        penalty="mcp",
        strength=0.05,
        units="importance",
        no_attention=True,
        spare=0,
        out=model,
    ).run()
    coordinates = {"chrom": ["chr1"] * N_REGIONS, "start": 100 * np.arange(1, N_REGIONS + 1)}
    coordinates |= {"end": coordinates["start"] + WIDTH, "name": data.names}
    regions = create_regions(
        data.codes,
        np.zeros(data.codes.shape, np.float32),
        coordinates=coordinates | {"id": np.arange(N_REGIONS)},
    )
    write_fasta(regions, files / "genome.fa")
    write_narrowpeak(regions, files / "peaks.narrowPeak")
    finemo(
        *("attribute", "--model", f"{model}/model.py:load", "--task", 0, "--n-shuffles", 5),
        *("-p", files / "peaks.narrowPeak", "-f", files / "genome.fa"),
        *("--region-width", WIDTH, "--device", "cpu", "-o", scores),
    )
    call = ("call-hits", "-r", scores, "-m", files / "motifs.meme")
    finemo(*call, "--normalize", "core", "-o", files / "by_scores")
    direct = ("--solver", "tisfm", "--tisfm-model", model, "--tisfm-track", "B")
    finemo(*call, *direct, "-o", files / "by_model")

    _, sites = simulate_regions(motifs, N_REGIONS, WIDTH, sites_per_region=(1, 2), seed=1)
    counts = sites["motif"] == 0  # what drives the track
    start, width = sites["start"][counts], int(motifs["motif_width"][0])
    inside = (start >= 0) & (start + width <= WIDTH)
    planted = set(zip(sites["region"][counts][inside], start[inside], strict=True))
    for folder in ("by_scores", "by_model"):
        hits = open_hits(files / folder).hits
        names = hits["hit_motif"].values // 2
        of_driver = names == 0
        assert of_driver.mean() > 0.8
        strength = np.abs(hits["hit_coefficient_global"].values) * of_driver
        strongest = np.argsort(-strength, kind="stable")[: len(planted)]
        columns = (hits[name].values[strongest] for name in ("hit_region", "hit_start_untrimmed"))
        right = set(zip(*columns, strict=True)) & planted
        assert len(right) > 0.6 * len(planted), folder
    assert {"hit_occupancy", "hit_part"} <= set(open_hits(files / "by_model").hits)

    loaded, stored = load_model(model), open_regions(scores)
    sums = contributions(loaded, stored, "B").sum(("motif", "strand", "place")).values
    bias = loaded.linear.bias[0].item()
    np.testing.assert_allclose(sums + bias, predict(loaded, data.codes)[:, 0], atol=1e-4)
