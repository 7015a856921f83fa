"""Train an interpretable model on simulated peaks, and see whether it found what was planted.

    python examples/tisfm_example.py --out tisfm_example

Motifs are planted in random sequence. Some of them, the drivers, raise or lower the signal of some
tracks; all others do nothing; and one driver counts only where another motif is, too. From the
peaks, the genome and a bigWig for each track, a model is trained, then two paths of penalties from
it, with mcp and with l1. Hits in the regions of the test are called twice: straight from the model,
and from its contribution scores. All is compared with what was planted. Needs the plugins
finemo-zarr-tisfm and finemo-zarr-tangermeme; takes about a minute on two cores.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import xarray as xr

from finemo_zarr import create_regions
from finemo_zarr.testing import (
    simulate_motifs,
    write_bigwig,
    write_fasta,
    write_meme,
    write_narrowpeak,
)

N_MOTIFS, N_TRACKS, DRIVERS = 24, 4, 5
SLOT, SLOTS = 20, 8  # a site lies somewhere in a slot of its own
OFTEN, SELDOM = 0.4, 0.1  # shares of regions that hold a motif: one of the pair, or another
PAIR = (0, 1)  # the first counts only where the second is
LEAST, MOST = 1.2, 2.0  # effects on the logarithm of the signal
NOISE = 0.5  # standard deviation of the signal's noise
SHARPER = 1.6  # power of the simulated base probabilities: sites that can be told from chance
ALIKE = 0.45  # largest correlation of two motifs: of motifs that are alike, any may be chosen
TRACK = 0  # whose hits are called
CHROMS = ("chr1", "chr2", "chr3", "chr4", "chr5", "chr6")
VALIDATION, TEST = CHROMS[4:]
LAYERS = ["--no-attention", "--spare", "0", "--calibration-power", "300", "--pool-start", "10"]
PENALTY = ["--penalty-units", "importance", "--mcp-b", "2"]
TRAINING = ["--batch-size", "64", "--lr", "1e-2"]
PATH = ["--learn", "last", "--epochs", "6", "--step-lr", "1e-2"]
LAMBDAS = ["--lambda-range", "0.016", "0.064", "4"]


@dataclass(frozen=True)
class Planted:
    """The truth.

    Parameters
    ----------
    names : list of str
        Names of the motifs.
    effects : array, ``(motif, track)``
        What a motif adds to the signal of a track where it is.
    sites : polars.DataFrame
        The sites that change the signal of the track whose hits are called, in the regions of the
        test: peak_id, motif_name, strand, start and end (of the genome).
    """

    names: list[str]
    effects: np.ndarray
    sites: pl.DataFrame


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("tisfm_example"), help="Folder to write.")
    parser.add_argument("--regions", type=int, default=3600, help="Number of regions.")
    parser.add_argument("--epochs", type=int, default=24, help="Epochs of the first model.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of the simulation.")
    options = parser.parse_args()
    out = options.out
    truth = simulate(out, options.regions, options.seed)
    train(out, options.epochs)
    call_hits(out)
    print("\nWhat was found of what was planted")
    compare_model(out / "model", truth, "model")
    for penalty in ("mcp", "l1"):
        path = out / f"path_{penalty}"
        compare_model(path, truth, f"{penalty}, least error")
        compare_model(simplest(path), truth, f"{penalty}, simplest")
    compare_parts(out)
    compare_hits(out, truth)


def simulate(out: Path, n_regions: int, seed: int) -> Planted:
    """Write motifs, peaks, a genome and bigWig files; return what is planted."""
    rng = np.random.default_rng([seed, 3])
    motifs = draw_motifs(seed)
    codes = rng.integers(4, size=(n_regions, SLOT * SLOTS)).astype(np.uint8)
    sites = plant(rng, motifs["motif_ppm"].values, codes)
    effects = draw_effects(rng)
    there = np.zeros((n_regions, N_MOTIFS), dtype=bool)
    there[sites["region"], sites["motif"]] = True
    both = there[:, PAIR[0]] & there[:, PAIR[1]]
    counted = there.copy()
    counted[:, PAIR[0]] = both
    signal = counted @ effects + rng.normal(scale=NOISE, size=(n_regions, N_TRACKS))
    names = motifs["motif_name"].values.tolist()
    start = 1000 + np.arange(n_regions) // len(CHROMS) * 500
    write_files(out, codes, np.expm1(signal - signal.min() + 1), start)
    write_meme(motifs, out / "motifs.meme")
    if TRACK % 2 == 0:  # there, the second of the pair counts where the first is
        counted[:, PAIR[1]] = both
    drives = (effects[:, TRACK] != 0) | (np.arange(N_MOTIFS) == PAIR[1])
    region, motif = (sites[name].to_numpy() for name in ("region", "motif"))
    matters = counted[region, motif] & drives[motif] & (region % len(CHROMS) == CHROMS.index(TEST))
    kept = sites.filter(matters)
    placed = kept.select(
        "strand",
        peak_id=pl.col("region") // len(CHROMS),
        motif_name=pl.Series(names).gather(kept["motif"]),
        start=pl.col("start") + pl.Series(start).gather(kept["region"]),
        end=pl.col("end") + pl.Series(start).gather(kept["region"]),
    )
    placed.write_csv(out / "truth.tsv", separator="\t")
    return Planted(names, effects, placed)


def write_files(out: Path, codes: np.ndarray, counts: np.ndarray, start: np.ndarray) -> None:
    """Write peaks, those of the test, a genome, and a bigWig for each track of counts."""
    index = np.arange(len(codes))
    coordinates = {
        "chrom": [CHROMS[row % len(CHROMS)] for row in index],
        "start": start,
        "end": start + codes.shape[1],
        "name": [f"peak{row}" for row in index],
        "id": index,
    }
    out.mkdir(parents=True, exist_ok=True)
    for track in range(N_TRACKS):
        values = np.repeat(counts[:, track, None], codes.shape[1], axis=1).astype(np.float32)
        regions = create_regions(codes, values, coordinates=coordinates)
        if track == 0:
            sizes = write_fasta(regions, out / "genome.fa")
            write_narrowpeak(regions, out / "peaks.narrowPeak")
            of_test = regions.isel(region=regions["region_chrom"].values == TEST)
            write_narrowpeak(of_test, out / "test.narrowPeak")
        write_bigwig(regions, out / f"track{track}.bw", sizes)


def draw_motifs(seed: int) -> xr.Dataset:
    """Motifs none of which is like another."""
    motifs = simulate_motifs(4 * N_MOTIFS, 14, (9, 13), palindromes=0, seed=seed)
    matrices = motifs["motif_ppm"].values - 0.25
    chosen: list[int] = []
    for index, matrix in enumerate(matrices):
        known = all(similarity(matrix, matrices[other]) < ALIKE for other in chosen)
        if known and (matrix**2).sum() > 4.5 and len(chosen) < N_MOTIFS:
            chosen.append(index)
    sharp = motifs["motif_ppm"] ** SHARPER
    return motifs.assign(motif_ppm=sharp / sharp.sum("base")).isel(motif=chosen)


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Largest correlation of two matrices ``(4, width)``, on either strand and at any offset."""
    width, found = one.shape[1], 0.0
    for strand in (other, other[::-1, ::-1]):
        for shift in range(-8, 9):
            left = one[:, max(0, shift) : width + min(0, shift)]
            right = strand[:, max(0, -shift) : width - max(0, shift)]
            found = max(found, float((left * right).sum()))
    return found / float(np.sqrt((one**2).sum() * (other**2).sum()))


def draw_effects(rng: np.random.Generator) -> np.ndarray:
    """Effects ``(motif, track)``: five drivers of each track, among the first fourteen motifs."""
    effects = np.zeros((N_MOTIFS, N_TRACKS))
    for track in range(N_TRACKS):
        others = 2 + rng.choice(12, DRIVERS - 1, replace=False)
        signs = rng.choice([1, 1, 1, -1], DRIVERS - 1)
        effects[others, track] = rng.uniform(LEAST, MOST, DRIVERS - 1) * signs
        effects[PAIR[track % 2], track] = MOST
    return effects


def plant(rng: np.random.Generator, ppm: np.ndarray, codes: np.ndarray) -> pl.DataFrame:
    """Write sites into base codes, in place; returns where they are."""
    width = ppm.shape[2]
    often = np.full(len(ppm), SELDOM)
    often[list(PAIR)] = OFTEN
    rows = []
    for region, row in enumerate(codes):
        chosen = np.flatnonzero(rng.random(len(ppm)) < often)[:SLOTS]
        slots = rng.permutation(SLOTS)[: len(chosen)]
        for motif, slot in zip(chosen, slots, strict=True):
            bases = (rng.random(width) > np.cumsum(ppm[motif], axis=0)[:3]).sum(axis=0)
            strand = "+-"[rng.integers(2)]
            start = slot * SLOT + rng.integers(SLOT - width + 1)
            row[start : start + width] = bases if strand == "+" else 3 - bases[::-1]
            rows.append((region, int(motif), int(start), int(start + width), strand))
    columns = ["region", "motif", "start", "end", "strand"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def train(out: Path, epochs: int) -> None:
    """Train one model, and two paths from it whose features are those of the model."""
    tracks = [out / f"track{track}.bw" for track in range(N_TRACKS)]
    data = ["-m", out / "motifs.meme", "-p", out / "peaks.narrowPeak", "-f", out / "genome.fa"]
    data += ["-b", *tracks, "--window-size", SLOT * SLOTS, "--zscore"]
    data += ["--validation-chroms", VALIDATION, "--test-chroms", TEST, *TRAINING, *PENALTY]
    run("train-tisfm", *data, *LAYERS, "-l", 0.05, "--epochs", epochs, "-o", out / "model")
    for penalty in ("mcp", "l1"):
        start = ["--start-from", out / "model", "--penalty", penalty]
        run("tisfm-path", *data, *start, *PATH, *LAMBDAS, "-o", out / f"path_{penalty}")
    run("evaluate-tisfm", "--model", out / "path_mcp", "-o", out / "evaluation")


def call_hits(out: Path) -> None:
    """Call hits of a track in the regions of the test, from scores and from the model."""
    width, model, scores = SLOT * SLOTS, out / "path_mcp", out / "scores.zarr"
    where = ["-p", out / "test.narrowPeak", "-f", out / "genome.fa", "--region-width", width]
    what = ["--model", f"{model}/model.py:load", "--task", TRACK, "--n-shuffles", 10]
    run("attribute", *what, *where, "-o", scores)
    call = ["call-hits", "-r", scores, "-m", out / "motifs.meme"]
    run(*call, "--normalize", "core", "-o", out / "hits_scores")
    direct = ["--solver", "tisfm", "--tisfm-model", model, "--tisfm-track", f"track{TRACK}"]
    run(*call, *direct, "-o", out / "hits_model")


def run(*arguments: object) -> None:
    """Run a command, unless its output is there."""
    words = [str(argument) for argument in arguments]
    if Path(words[words.index("-o") + 1]).exists():
        return
    print(f"\n$ finemo-zarr {' '.join(words)}", flush=True)
    subprocess.run([sys.executable, "-m", "finemo_zarr", *words], check=True)


def simplest(path: Path) -> Path:
    """The model of the largest lambda whose error is within a standard error of the least."""
    from finemo_zarr_tisfm.readouts import open_store

    store = open_store(path / "path.zarr")
    index = int(np.flatnonzero(store["lambda"].values == store.attrs["simplest_lambda"])[0])
    return path / f"lambda_{index:03d}"


def compare_model(folder: Path, truth: Planted, name: str) -> None:
    """Say how well a model ranks the drivers, and which weights are zero."""
    from finemo_zarr_tisfm.readouts import open_readouts

    read = open_readouts(folder)
    known = read.sel(motif=truth.names)
    drives = truth.effects != 0
    top = read["rank"].sel(motif=truth.names).values <= DRIVERS
    precision = (top & drives).sum() / (DRIVERS * N_TRACKS)
    kept = known["weight"].values != 0
    spare = int((read["weight"].values != 0).sum() - kept.sum())
    f1 = 2 * (kept & drives).sum() / (kept.sum() + drives.sum())
    gates = read["interaction_strength"].values
    names = read["motif"].values.tolist()
    strongest = np.argsort(-np.abs(gates), axis=None)
    pairs = [sorted(divmod(int(at), len(names))) for at in strongest]
    place = pairs.index(sorted(names.index(truth.names[motif]) for motif in PAIR)) + 1
    said = json.loads((folder / "model.json").read_text())["facts"]["training"]
    print(
        f"{name:<16} lambda {said['strength']:<8.3g} precision of the first {DRIVERS}:"
        f" {precision:.2f}   weights {kept.sum()} of {drives.size}, {drives.sum()} planted,"
        f" F1 {f1:.3f}, {spare} of spare kernels   planted pair: gate {place}"
    )


def compare_parts(out: Path) -> None:
    """Say how far predicted signal is from the sum of the parts that the model reports."""
    from finemo_zarr_tisfm.files import load_model
    from finemo_zarr_tisfm.occupancy import contributions
    from finemo_zarr_tisfm.readouts import open_readouts, open_store

    from finemo_zarr import open_regions

    evaluation, read = open_store(out / "evaluation" / "evaluation.zarr"), out / "path_mcp"
    weights = open_readouts(read)
    gated = evaluation["occupancy"].values * evaluation["gate"].values
    sums = gated @ weights["weight"].values + weights["track_bias"].values
    predicted = evaluation["predicted"].values
    places = contributions(load_model(read), open_regions(out / "scores.zarr"), f"track{TRACK}")
    by_place = places.sum(("motif", "strand", "place")).values + weights["track_bias"].values[TRACK]
    print(
        f"parts of {len(sums)} regions: predicted signal differs from the sum over motifs by at"
        f" most {np.abs(sums - predicted).max():.1g},\n  and from that over places by at most"
        f" {np.abs(by_place - predicted[:, TRACK]).max():.1g}"
    )
    print((out / "evaluation" / "evaluation.tsv").read_text())


def compare_hits(out: Path, truth: Planted) -> None:
    """Say which sites that change the signal of the track are hits, and how many hits are such.

    Motifs in MEME format have no sign, so that hits in scores are of motifs that raise the signal;
    weak ones are in regions where nothing does, and have small coefficients.
    """
    effect = dict(zip(truth.names, truth.effects[:, TRACK], strict=True))
    kinds = {
        "raise it": [name for name in truth.names if effect[name] > 0],
        "lower it": [name for name in truth.names if effect[name] < 0],
        "open the gate": [truth.names[PAIR[1]]],
    }
    sites = truth.sites.with_row_index("site")
    print(f"Hits of track{TRACK} in regions of the test: {sites.height} sites change its signal")
    for folder in ("hits_scores", "hits_model"):
        hits = pl.read_csv(out / folder / "hits.tsv", separator="\t").with_row_index("hit")
        right = match(hits, sites)
        precision = right["hit"].n_unique() / max(hits.height, 1)
        best = hits.sort(pl.col("hit_coefficient_global").abs(), descending=True)["hit"]
        found = right["site"].n_unique()
        strongest = right["hit"].unique().is_in(best.head(found).implode()).sum()
        print(
            f"{folder:<12} {hits.height} hits, precision {precision:.3f}; of the strongest {found}"
            f" {strongest / max(found, 1):.3f}"
        )
        for kind, names in kinds.items():
            own = sites.filter(pl.col("motif_name").is_in(names))["site"]
            if own.is_empty():
                continue
            recall = own.is_in(right["site"].implode()).mean()
            print(f"{'':<12} recall of {own.len():>3} sites that {kind:<14} {recall:.3f}")


def match(hits: pl.DataFrame, sites: pl.DataFrame) -> pl.DataFrame:
    """Hits and sites of the same motif and strand, half of the hit shared."""
    both = hits.join(sites, on=["peak_id", "motif_name", "strand"], suffix="_of_site")
    shared = pl.min_horizontal("end", "end_of_site") - pl.max_horizontal("start", "start_of_site")
    return both.filter(2 * shared >= pl.col("end") - pl.col("start"))


if __name__ == "__main__":
    main()
