"""Sequences that have nothing to do with a motif, for it to be put into."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import InputWarning, ReadError
from finemo_zarr.sequence import NO_BASE, encode, from_one_hot, one_hot
from finemo_zarr_tangermeme.packages import LOCK, package
from finemo_zarr_tangermeme.peaks import read_bed, windows

_CANDIDATES = 20_000
_GC_APART = 0.02


def random_backgrounds(
    n: int, width: int, frequencies: tuple[float, ...], seed: int
) -> NDArray[np.uint8]:
    """Base codes ``(background, position)``, each base drawn by itself.

    Raises
    ------
    ReadError
        If the frequencies of A, C, G, T are not four that sum to 1.
    """
    share = np.asarray(frequencies, dtype=np.float64)
    if share.shape != (4,) or (share < 0).any() or not np.isclose(share.sum(), 1, atol=0.02):
        raise ReadError(
            f"--frequencies {' '.join(map(str, frequencies))}: expected four numbers for A, C, G, "
            "T that sum to 1, for example 0.291 0.2085 0.2087 0.2918"
        )
    drawn = np.random.default_rng(seed).choice(4, (n, width), p=share / share.sum())
    codes: NDArray[np.uint8] = drawn.astype(np.uint8)
    return codes


def fasta_backgrounds(path: Path, n: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Central windows of sequences of a FASTA file, those with a base everywhere.

    Raises
    ------
    ReadError
        If the file cannot be read, or fewer than two sequences are long enough and complete.
    """
    try:
        records = path.read_text(encoding="ascii").split(">")[1:]
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"{path} cannot be read as a FASTA file: {error}") from error
    if not records:
        raise ReadError(
            f"{path} is no FASTA file: it has no line with '>'; a BED file of places needs --genome"
        )
    found = []
    for record in records:
        codes = encode("".join(record.split("\n")[1:]).replace("\r", "").strip())
        first = codes.size // 2 - width // 2
        if codes.size >= width and (codes[first : first + width] != NO_BASE).all():
            found.append(codes[first : first + width])
    if len(found) < 2:
        raise ReadError(
            f"{path} has {len(found)} sequences of {width} bp or more without unknown bases, "
            "expected 2 or more; the width is that of --width"
        )
    rows = np.random.default_rng(seed).permutation(len(found))[:n]
    return np.stack([found[row] for row in np.sort(rows)])


def genome_backgrounds(
    bed: Path, fasta: Path, n: int, width: int, *, like: Path | None, seed: int
) -> NDArray[np.uint8]:
    """Windows of a genome around the rows of a BED file.

    Parameters
    ----------
    bed, fasta : Path
        Inactive places, and their genome.
    n, width : int
        How many, and how wide in bp.
    like : Path, optional
        Peaks whose GC contents the windows should have.
    seed : int
        Of the choice.

    Raises
    ------
    ReadError
        If fewer than two windows have a base everywhere.
    """
    rows = read_bed(bed)
    order = np.random.default_rng(seed).permutation(rows["start"].size)[:_CANDIDATES]
    codes = _around(rows, fasta, width, order)
    if len(codes) < 2:
        raise ReadError(
            f"{bed}: {len(codes)} windows of {width} bp have a base everywhere, expected 2 or more"
        )
    if like is None:
        return codes[:n]
    wanted = gc_content(_around(read_bed(like), fasta, width, slice(None)))
    if not wanted.size:
        raise ReadError(f"{like}: no window of {width} bp has a base everywhere")
    chosen = codes[_nearest(gc_content(codes), np.quantile(wanted, np.linspace(0, 1, n)))]
    found, aim = gc_content(chosen).mean(), wanted.mean()
    if abs(found - aim) > _GC_APART:
        warnings.warn(
            f"the backgrounds have a GC content of {found:.2f} on average, and {like} has"
            f" {aim:.2f}: {bed} has {len(codes)} places to choose {n} from; give more, best several"
            " times --n",
            InputWarning,
            stacklevel=4,
        )
    return chosen


def shuffled_backgrounds(codes: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Each sequence with its bases in another order that has the same dinucleotides."""
    torch = package("torch", "Shuffling")
    shuffle = package("tangermeme.ersatz", "Shuffling").dinucleotide_shuffle
    encoded = torch.from_numpy(one_hot(codes, np.int8))
    with LOCK:
        made = shuffle(encoded, n=1, random_state=seed)[:, 0].numpy()
    return from_one_hot(made)


def _around(rows: dict[str, Any], fasta: Path, width: int, order: Any) -> NDArray[np.uint8]:
    start = rows["summit"][order] - width // 2
    codes = windows(fasta, rows["chrom"][order], start, width)
    known: NDArray[np.bool_] = (codes != NO_BASE).all(axis=1)
    return codes[known]


def _nearest(values: NDArray[np.float64], wanted: NDArray[np.float64]) -> list[int]:
    """For each number wanted the nearest value that is not taken yet."""
    left, taken = values.copy(), []
    for number in wanted[: values.size]:
        taken.append(int(np.nanargmin(np.abs(left - number))))
        left[taken[-1]] = np.nan
    return taken


def gc_content(codes: NDArray[Any]) -> NDArray[np.float64]:
    """Share of C and G along the last axis."""
    share: NDArray[np.float64] = ((codes == 1) | (codes == 2)).mean(axis=-1)
    return share
