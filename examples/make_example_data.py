"""Make the example data: a simulated genome, a trained network, its scores and its motifs.

Motif instances of eight transcription factors are planted at known positions of a simulated
genome. A small convolutional network learns, on *other* sequences of the same kind, to find the
instances of each factor. DeepLIFT/SHAP attributes their number to the bases of the peaks,
and TF-MoDISco-lite finds the motifs in those attributions. Nothing is edited by hand, and every
random number comes from ``SEED``.

Made with Python 3.11 on a CPU and these packages (torch first, so that nothing pulls a CUDA
build; never ``modisco`` beside ``modisco-lite``)::

    pip install torch==2.13.0
    pip install tangermeme==1.6.0 modisco-lite==3.0.0 pyBigWig==0.3.29
    pip install numpy==2.4.6 h5py==3.16.0 hdf5plugin==7.1.0 numba==0.68.1 scikit-learn==1.9.1
    pip install igraph==1.0.0 leidenalg==0.11.0
    python make_example_data.py --out data

It takes about four minutes on two free cores.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import modiscolite
import numpy as np
import pyBigWig
import torch
from numpy.typing import NDArray
from tangermeme.deep_lift_shap import deep_lift_shap
from tangermeme.ersatz import dinucleotide_shuffle
from torch import nn

Array = NDArray[Any]

SEED = 20
BASES = "ACGT"
UNKNOWN = 4  # the code of N; A, C, G, T are 0 to 3
BACKGROUND = np.array([0.29, 0.21, 0.21, 0.29])

REGION = 500  # summit +- 250: where sites are planted, and what TF-MoDISco sees
WINDOW = 600  # what the network sees, and the width of scores.h5
OVERHANG = 40  # what two regions lack at the ends of their contig
SCORE_SCALE = 10  # of the stored scores, so that float16 keeps small ones too
MARGIN = 25  # from a site to the end of its region
SPACING = 10  # between two sites
SITES_PER_REGION = (3, 8)  # lowest, highest + 1

TRAINING_REGIONS = 8000
CONTIG_REGIONS = {"chr1": 110, "chr2": 80, "chr10": 50}
OVERHANGING = "chr10"

SITE_CUT = 0.82  # a planted site has at least this part of the best log-odds score
BACKGROUND_CUT = 0.65  # what is not planted has less than this
POOL = 200_000  # draws per motif from which the planted sites are taken

# Position frequency matrices, percent, rows A, C, G, T. Typed in by hand after the well-known
# shapes of these factors' motifs; no database's numbers.
PFMS = {
    "CTCF": """
        10 20 30  2  1 80  3 10 94  1 28  4  1  2  1 24  5 10 32
        38 12 10 95 97 10 60 48  2  1  2  2  1  1 96  2 66 42 18
        14 56 52  1  1  4 34  4  2 97 69 66 97 95  2 72 24 10 42
        38 12  8  2  1  6  3 38  2  1  1 28  1  2  1  2  5 38  8
        """,
    "GATA1": """
        10 58  1 98  1 96 95 12 60
        48 10  1  1  1  1  2  8 12
        18  8 97  0  1  2  2 74 20
        24 24  1  1 97  1  1  6  8
        """,
    "FOS_JUN": """
        40  2  1 96  2  4  1 96 12
        18  1  2  1 50  2 96  1 22
        30  1 96  2 46  1  2  1 26
        12 96  1  1  2 93  1  2 40
        """,
    "SP1": """
        12 12  4  2  2 24  2  2 12  8
        12  2  2  2 92  2  2  2 12 62
        62 78 92 94  2 72 94 92 70 16
        14  8  2  2  4  2  2  4  6 14
        """,
    "NRF1": """
         6  2  2  2  2 94  1  2  2  6 22  4
        20  4 92  4 95  2  2  2 94 12  8 86
        66 92  4 94  2  2  1 95  3 80 62  4
         8  2  2  0  1  2 96  1  1  2  8  6
        """,
    "ELF1": """
        48 16  8  2  1 97 94  8  8
        16 60 72  1  1  1  2  8 14
        24 20 18 96 97  1  2 82 16
        12  4  2  1  1  1  2  2 62
        """,
    "MEF2A": """
         4  8 68 56 76 72 84  1 94  4 28
        82  1  4  4  2  2  2  1  1  4 42
         6  1  4  2  2  2  4  2  2 84 18
         8 90 24 38 20 24 10 96  3  8 12
        """,
    "RUNX1": """
        24  2  2  2  2  8  6 52
         8  4  1 12  1  1  4 16
         8  4 95  2 96 89  6 14
        60 90  2 84  1  2 84 18
        """,
}
NAMES = tuple(PFMS)


@dataclass(frozen=True)
class Site:
    """A planted motif instance.

    Attributes
    ----------
    start, end : int
        0-based half-open position on the contig.
    motif : int
        Position in `NAMES`.
    strand : str
        ``+`` or ``-``.
    region : int
        The region of the contig the site lies in.
    """

    start: int
    end: int
    motif: int
    strand: str
    region: int


@dataclass(frozen=True)
class Contig:
    """A simulated chromosome.

    Attributes
    ----------
    codes : ndarray of int8
        Bases as numbers, `UNKNOWN` for N.
    summits : ndarray of int
        Centre of every region.
    sites : list of Site
        What was planted, by position.
    """

    codes: Array
    summits: Array
    sites: list[Site]


@dataclass(frozen=True)
class Peak:
    """One line of the narrowPeak file.

    Attributes
    ----------
    chrom : str
        Contig.
    start, end, summit : int
        Interval and position of the summit, all on the contig.
    name : str
        Unique name.
    signal : float
        Strength; the file is sorted by it.
    region : int
        The region of the contig the peak stands for.
    """

    chrom: str
    start: int
    end: int
    summit: int
    name: str
    signal: float
    region: int


# ---------------------------------------------------------------------------------------------
# Motifs


def frequencies(name: str) -> Array:
    """Return a motif's base frequencies, shape ``(width, 4)``."""
    table = np.array([line.split() for line in PFMS[name].strip().splitlines()], float).T
    return table / table.sum(axis=1, keepdims=True)


def log_odds(name: str) -> Array:
    """Return a motif's log-odds scores against the background, shape ``(width, 4)``."""
    return np.log2((frequencies(name) + 0.01) / 1.04 / BACKGROUND)


def site_pool(name: str, rng: np.random.Generator) -> Array:
    """Draw instances of a motif and keep those that score at least `SITE_CUT` of the best.

    Returns
    -------
    ndarray of int8
        Shape ``(instances, width)``.
    """
    cumulative = frequencies(name).cumsum(axis=1)
    draws = (rng.random((POOL, len(cumulative), 1)) > cumulative).sum(axis=2).clip(max=3)
    scores = log_odds(name)
    total = scores[np.arange(len(scores)), draws].sum(axis=1)
    return draws[total >= SITE_CUT * scores.max(axis=1).sum()].astype(np.int8)


# ---------------------------------------------------------------------------------------------
# Genome


def one_hot(codes: Array) -> Array:
    """Encode bases along the second-last axis: ``(..., L)`` to ``(..., 4, L)``; N is all zero."""
    return (codes[..., None, :] == np.arange(4)[:, None]).astype(np.float32)


def reverse_complement(codes: Array) -> Array:
    """Return the other strand of a sequence without N."""
    return (3 - codes)[::-1]


def place(widths: Array, start: int, end: int, rng: np.random.Generator) -> Array:
    """Choose starts for intervals in ``[start, end)``, in the order given, `SPACING` apart."""
    needed = int(widths.sum()) + SPACING * (len(widths) - 1)
    gaps = np.sort(rng.integers(0, end - start - needed + 1, len(widths)))
    return start + gaps + np.concatenate([[0], np.cumsum(widths + SPACING)[:-1]])


def plant(codes: Array, summits: Array, pools: list[Array], rng: np.random.Generator) -> list[Site]:
    """Write motif instances into every region of a contig, in place."""
    sites = []
    for region, summit in enumerate(summits):
        kinds = rng.integers(0, len(pools), rng.integers(*SITES_PER_REGION))
        widths = np.array([pools[kind].shape[1] for kind in kinds])
        first = max(0, summit - REGION // 2) + MARGIN
        last = min(len(codes), summit + REGION // 2) - MARGIN
        for kind, width, start in zip(kinds, widths, place(widths, first, last, rng), strict=True):
            instance = rng.choice(pools[kind])
            strand = "+-"[rng.integers(2)]
            codes[start : start + width] = (
                instance if strand == "+" else reverse_complement(instance)
            )
            sites.append(Site(int(start), int(start + width), int(kind), strand, region))
    return sites


def accidental_matches(codes: Array, planted: Array) -> Array:
    """Mark the bases under matches that nobody planted.

    Parameters
    ----------
    codes : ndarray of int8, shape (L,)
        The sequence.
    planted : ndarray of bool, shape (L,)
        The bases of planted sites.

    Returns
    -------
    ndarray of bool, shape (L,)
        Bases, outside planted sites, of matches of at least `BACKGROUND_CUT` of the best score
        that planted sites cover by less than half.
    """
    sequence = torch.from_numpy(one_hot(codes))[None]
    covered = np.concatenate([[0], np.cumsum(planted)])
    found = np.zeros(len(codes) + 1, int)
    for name in NAMES:
        scores = log_odds(name)
        width = len(scores)
        kernels = torch.from_numpy(np.stack([scores, scores[::-1, ::-1]]).swapaxes(1, 2).copy())
        best = nn.functional.conv1d(sequence, kernels.float())[0].amax(0).numpy()
        own = covered[width:] - covered[:-width] < width / 2
        starts = np.flatnonzero((best >= BACKGROUND_CUT * scores.max(axis=1).sum()) & own)
        np.add.at(found, starts, 1)
        np.add.at(found, starts + width, -1)
    return (found.cumsum()[:-1] > 0) & ~planted


def clean(codes: Array, sites: list[Site], rng: np.random.Generator, rounds: int = 60) -> None:
    """Redraw the background, in place, until it holds no match that was not planted."""
    planted = np.zeros(len(codes), bool)
    for site in sites:
        planted[site.start : site.end] = True
    for _ in range(rounds):
        bad = accidental_matches(codes, planted)
        if not bad.any():
            break
        codes[bad] = rng.choice(4, bad.sum(), p=BACKGROUND)


def make_contig(
    n_regions: int, pools: list[Array], rng: np.random.Generator, overhang: bool = False
) -> Contig:
    """Simulate a contig, with `overhang` one whose first and last region run off its ends."""
    end = REGION // 2 - OVERHANG if overhang else WINDOW // 2 + MARGIN
    steps = WINDOW + rng.integers(20, 120, n_regions)
    steps[0] = end
    summits = np.cumsum(steps)
    codes = rng.choice(4, int(summits[-1]) + end, p=BACKGROUND).astype(np.int8)
    sites = plant(codes, summits, pools, rng)
    clean(codes, sites, rng)
    return Contig(codes, summits, sites)


def add_unknown(contig: Contig, rng: np.random.Generator) -> None:
    """Put runs of N between and inside some regions, in place, away from planted sites."""
    near = np.zeros(len(contig.codes), bool)
    for site in contig.sites:
        near[max(0, site.start - SPACING) : site.end + SPACING] = True
    for start in rng.integers(0, len(contig.codes), len(contig.summits) // 5):
        run = slice(start, start + rng.integers(1, 12))
        if not near[run].any():
            contig.codes[run] = UNKNOWN


def windows(contig: Contig) -> Array:
    """Cut the network's windows from a contig, shape ``(regions, WINDOW)``, N beyond its ends."""
    padded = np.pad(contig.codes, WINDOW // 2, constant_values=UNKNOWN)
    return padded[contig.summits[:, None] + np.arange(WINDOW)]


# ---------------------------------------------------------------------------------------------
# Network


class SiteFinder(nn.Module):
    """Predicts, base by base, whether the centre of a site of each factor is there."""

    def __init__(self, filters: int = 96, hidden: int = 32, width: int = 21) -> None:
        super().__init__()
        self.detect = nn.Conv1d(4, filters, width, padding=width // 2)
        self.detected = nn.ReLU()
        self.combine = nn.Conv1d(filters, hidden, 1)
        self.combined = nn.ReLU()
        self.profile = nn.Conv1d(hidden, len(NAMES), 1)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """Return profiles ``(n, factors, L)`` of one-hot sequences ``(n, 4, L)``."""
        return self.profile(self.combined(self.combine(self.detected(self.detect(sequence)))))


class TotalCount(nn.Module):
    """A `SiteFinder`'s profiles summed to one number: what is attributed to the bases."""

    def __init__(self, finder: SiteFinder) -> None:
        super().__init__()
        self.finder = finder

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """Return the number of sites ``(n, 1)`` of one-hot sequences ``(n, 4, L)``."""
        return self.finder(sequence).sum(dim=(1, 2))[:, None]


def site_profiles(contig: Contig) -> Array:
    """Mark the centres of the sites of every factor, shape ``(regions, factors, WINDOW)``."""
    profiles = np.zeros((len(contig.summits), len(NAMES), WINDOW), np.float32)
    for site in contig.sites:
        window_start = contig.summits[site.region] - WINDOW // 2
        profiles[site.region, site.motif, (site.start + site.end) // 2 - window_start] = 1
    return profiles


def train(contig: Contig, epochs: int = 12, batch: int = 32) -> SiteFinder:
    """Fit a `SiteFinder` to a contig's regions; the last tenth of them is only for checking."""
    sequences = torch.from_numpy(one_hot(windows(contig)))
    profiles = torch.from_numpy(site_profiles(contig))
    n_train = len(profiles) * 9 // 10
    model = SiteFinder()
    optimizer = torch.optim.Adam(model.parameters())
    steps = epochs * -(-n_train // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps)
    for epoch in range(epochs):
        # Once sites are found, the absolute error presses what is no site to exactly 0.
        sparsity = 0.1 if epoch >= epochs // 2 else 0.0
        for rows in torch.randperm(n_train).split(batch):
            optimizer.zero_grad()
            error = model(sequences[rows]) - profiles[rows]
            loss = error.square() + sparsity * error.abs()
            loss.sum(dim=(1, 2)).mean().backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            error = model(sequences[n_train:]).sum(dim=2) - profiles[n_train:].sum(dim=2)
            by_factor = error.square().mean(dim=0).tolist()
        print(
            f"epoch {epoch + 1}, held-out squared error of counts:",
            " ".join(f"{value:.3f}" for value in by_factor),
            flush=True,
        )
    return model.eval()


def attribute(model: SiteFinder, codes: Array) -> Array:
    """Compute hypothetical DeepLIFT/SHAP scores of the total count.

    Parameters
    ----------
    model : SiteFinder
        The trained network.
    codes : ndarray of int8, shape (n, L)
        The sequences. Unknown bases are all zero for the network, in the shuffled references
        too, and score 0.

    Returns
    -------
    ndarray of float16, shape (n, 4, L)
        The scores, times `SCORE_SCALE`.
    """
    known = torch.from_numpy(codes != UNKNOWN)
    filled = np.where(
        codes == UNKNOWN, np.random.default_rng(SEED).integers(0, 4, codes.shape), codes
    )
    shuffled = dinucleotide_shuffle(torch.from_numpy(one_hot(filled)), n=20, random_state=SEED)
    scores = deep_lift_shap(
        TotalCount(model),
        torch.from_numpy(one_hot(codes)),
        references=shuffled * known[:, None, None],
        hypothetical=True,
        only_warn=True,  # that there are columns without a base
        device="cpu",
        batch_size=80,
    )
    return (SCORE_SCALE * scores * known[:, None]).numpy().astype(np.float16)


# ---------------------------------------------------------------------------------------------
# Motif discovery


def centre(array: Array) -> Array:
    """Crop the last axis from `WINDOW` to `REGION`."""
    flank = (WINDOW - REGION) // 2
    return array[..., flank : flank + REGION]


def discover(codes: Array, scores: Array, path: Path) -> None:
    """Run TF-MoDISco-lite on the regions and write its result without the seqlets' arrays."""
    positive, negative = modiscolite.tfmodisco.TFMoDISco(
        one_hot(centre(codes)).swapaxes(1, 2),
        centre(scores).astype(np.float32).swapaxes(1, 2),
        trim_to_window_size=26,
        initial_flank_to_add=2,
        verbose=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.h5"
        modiscolite.io.save_hdf5(full, positive, negative, window_size=REGION)
        with h5py.File(full) as source, h5py.File(path, "w") as target:
            target.attrs.update(source.attrs)
            for name, dataset in slim_datasets(source):
                target.create_dataset(name, data=dataset[:], compression="gzip", shuffle=True)


def slim_datasets(result: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield the patterns' matrices and seqlet coordinates, without subpatterns."""
    for group in result.values():
        for pattern in group.values():
            for name in ("sequence", "contrib_scores", "hypothetical_contribs"):
                yield f"{pattern.name}/{name}", pattern[name]
            for name in ("n_seqlets", "start", "end", "example_idx", "is_revcomp"):
                yield f"{pattern.name}/seqlets/{name}", pattern["seqlets"][name]


def matrix_similarity(pattern: Array, motif: Array) -> float:
    """Return the best cosine of two log-odds matrices over all offsets and both strands."""
    best = 0.0
    padded = np.pad(pattern, ((len(motif) - 3, len(motif) - 3), (0, 0)))
    for oriented in (motif, motif[::-1, ::-1]):
        for start in range(len(padded) - len(motif) + 1):
            window = padded[start : start + len(motif)]
            norm = np.linalg.norm(window) * np.linalg.norm(motif)
            best = max(best, float((window * oriented).sum() / norm)) if norm else best
    return best


def name_patterns(path: Path, threshold: float = 0.8) -> dict[str, str]:
    """Name TF-MoDISco patterns after the planted motifs they match.

    Returns
    -------
    dict
        Pattern name, such as ``pos_patterns.pattern_0``, to a unique name: that of the factor,
        for a second pattern of the same factor with ``_2`` after it.
    """
    names: dict[str, str] = {}
    seen = dict.fromkeys(NAMES, 0)
    with h5py.File(path) as result:
        for number in range(len(result["pos_patterns"])):
            frequency = result[f"pos_patterns/pattern_{number}/sequence"][:]
            pattern = np.log2((frequency + 0.01) / 1.04 / BACKGROUND)
            similarity = {name: matrix_similarity(pattern, log_odds(name)) for name in NAMES}
            best = max(similarity, key=similarity.__getitem__)
            print(f"pattern_{number}: {best} {similarity[best]:.3f}", flush=True)
            if similarity[best] >= threshold:
                seen[best] += 1
                suffix = f"_{seen[best]}" if seen[best] > 1 else ""
                names[f"pos_patterns.pattern_{number}"] = best + suffix
    return names


# ---------------------------------------------------------------------------------------------
# Files


def make_peaks(contigs: dict[str, Contig], rng: np.random.Generator) -> list[Peak]:
    """Make peaks around the summits, strongest first, named by position."""
    peaks = []
    for chrom, contig in contigs.items():
        counts = site_profiles(contig).sum(axis=(1, 2))
        for region, summit in enumerate(contig.summits):
            before, after = rng.integers(90, REGION // 2, 2)
            peaks.append(
                Peak(
                    chrom=chrom,
                    start=max(0, int(summit - before)),
                    end=min(len(contig.codes), int(summit + after)),
                    summit=int(summit),
                    name=f"example_peak_{len(peaks) + 1}",
                    signal=float(counts[region] * rng.lognormal(0.5, 0.5)),
                    region=region,
                )
            )
    return sorted(peaks, key=lambda peak: -peak.signal)


def write_genome(path: Path, contigs: dict[str, Contig], rng: np.random.Generator) -> None:
    """Write the FASTA, with stretches in lower case as if they were repeats."""
    with path.open("w") as out:
        for chrom, contig in contigs.items():
            letters = np.frombuffer(b"ACGTN", np.uint8)[contig.codes]
            for start in rng.integers(0, len(letters), len(letters) // 2000):
                letters[start : start + rng.integers(30, 400)] |= ord("a") ^ ord("A")
            text = letters.tobytes().decode()
            lines = [text[start : start + 80] for start in range(0, len(text), 80)]
            out.write("\n".join([f">{chrom}", *lines, ""]))


def write_peaks(path: Path, peaks: list[Peak]) -> None:
    """Write ENCODE narrowPeak: ten columns, no header."""
    strongest = peaks[0].signal
    with path.open("w") as out:
        for peak in peaks:
            score = round(1000 * peak.signal / strongest)
            p_value, q_value = 4.1 * peak.signal, 3.7 * peak.signal
            out.write(
                f"{peak.chrom}\t{peak.start}\t{peak.end}\t{peak.name}\t{score}\t.\t"
                f"{peak.signal:.5f}\t{p_value:.5f}\t{q_value:.5f}\t{peak.summit - peak.start}\n"
            )


def write_truth(path: Path, contigs: dict[str, Contig], peaks: list[Peak]) -> None:
    """Write the planted sites, by position."""
    names = {(peak.chrom, peak.region): peak.name for peak in peaks}
    with path.open("w") as out:
        out.write("chr\tstart\tend\tmotif\tstrand\tpeak_name\n")
        for chrom, contig in contigs.items():
            for site in contig.sites:
                out.write(
                    f"{chrom}\t{site.start}\t{site.end}\t{NAMES[site.motif]}\t{site.strand}\t"
                    f"{names[chrom, site.region]}\n"
                )


def write_scores(path: Path, codes: Array, scores: Array) -> None:
    """Write ChromBPNet's layout: one-hot sequences and hypothetical scores."""
    with h5py.File(path, "w") as out:
        options = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
        out.create_dataset("raw/seq", data=one_hot(codes).astype(np.int8), **options)
        out.create_dataset("shap/seq", data=scores, **options)


def write_bigwig(
    path: Path, contigs: dict[str, Contig], peaks: list[Peak], projected: Array
) -> None:
    """Write the windows' projected scores; the windows do not overlap."""
    rows = {(peak.chrom, peak.region): row for row, peak in enumerate(peaks)}
    with pyBigWig.open(str(path), "w") as out:
        out.addHeader([(chrom, len(contig.codes)) for chrom, contig in contigs.items()])
        for chrom, contig in contigs.items():
            for region, summit in enumerate(contig.summits.tolist()):
                start = summit - WINDOW // 2
                first, last = max(0, start), min(len(contig.codes), start + WINDOW)
                values = projected[rows[chrom, region], first - start : last - start]
                out.addEntries(chrom, first, values=values.tolist(), span=1, step=1)


def write_names(path: Path, names: dict[str, str]) -> None:
    """Write the patterns' names, tab-separated, no header."""
    path.write_text("".join(f"{pattern}\t{name}\n" for pattern, name in names.items()))


def main() -> None:
    """Make every file of the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)

    pools = [site_pool(name, rng) for name in NAMES]
    model = train(make_contig(TRAINING_REGIONS, pools, rng))
    contigs = {
        chrom: make_contig(n_regions, pools, rng, overhang=chrom == OVERHANGING)
        for chrom, n_regions in CONTIG_REGIONS.items()
    }
    for contig in contigs.values():
        add_unknown(contig, rng)
    peaks = make_peaks(contigs, rng)
    cut = {chrom: windows(contig) for chrom, contig in contigs.items()}
    codes = np.stack([cut[peak.chrom][peak.region] for peak in peaks])
    scores = attribute(model, codes)

    write_genome(out / "genome.fa", contigs, rng)
    write_peaks(out / "peaks.narrowPeak", peaks)
    write_truth(out / "truth.tsv", contigs, peaks)
    write_scores(out / "scores.h5", codes, scores)
    write_bigwig(out / "contributions.bw", contigs, peaks, (scores * one_hot(codes)).sum(axis=1))
    discover(codes, scores, out / "modisco.h5")
    write_names(out / "motif_names.tsv", name_patterns(out / "modisco.h5"))


if __name__ == "__main__":
    main()
