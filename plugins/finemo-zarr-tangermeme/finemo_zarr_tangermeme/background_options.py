"""The options of the commands that put motifs into backgrounds."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import InputWarning, RunError
from finemo_zarr.protocols import option
from finemo_zarr_tangermeme.backgrounds import (
    fasta_backgrounds,
    genome_backgrounds,
    random_backgrounds,
    shuffled_backgrounds,
)
from finemo_zarr_tangermeme.model_options import ModelOptions

_GENOME = (0.291, 0.2085, 0.2087, 0.2918)  # of human chromosome 1


@dataclass(frozen=True, kw_only=True)
class BackgroundOptions(ModelOptions):
    """A model, motifs, and the sequences that they are put into.

    Parameters
    ----------
    motifs : tuple of Path
        Motif files of any kind that is known.
    width, n : int
        Width in bp and number of the backgrounds.
    backgrounds, genome, match : Path, optional
        FASTA of backgrounds, or BED of them in a genome, matched in GC to peaks.
    shuffle : bool
        Shuffle them, keeping their dinucleotides.
    frequencies : tuple of float
        Of A, C, G, T, for random backgrounds.
    trim : float, optional
        Share of the largest column below which outer columns of a motif are left out.
    seed : int
        Of all that is drawn.
    """

    motifs: tuple[Path, ...] = option(
        "-m", "--motifs", metavar="FILE", help="Motifs: MEME, TF-MoDISco and others."
    )
    width: int = option("-w", "--width", metavar="BP", help="Width that the model sees.")
    n: int = option("-n", "--n", default=100, metavar="N", help="Number of backgrounds.")
    backgrounds: Path | None = option(
        "--backgrounds",
        default=None,
        metavar="FILE",
        help="FASTA, or BED of places in --genome; by default random sequences.",
    )
    genome: Path | None = option(
        "--genome", default=None, metavar="FILE", help="Genome (FASTA) of a BED file."
    )
    match: Path | None = option(
        "--match",
        default=None,
        metavar="FILE",
        help="Peaks whose GC contents the backgrounds of a BED file should have.",
    )
    shuffle: bool = option(
        "--shuffle",
        default=False,
        help="Shuffle the backgrounds, keeping their dinucleotides: so peaks can be backgrounds.",
    )
    frequencies: tuple[float, ...] = option(
        "--frequencies",
        default=_GENOME,
        metavar="SHARE",
        help="Of A, C, G, T in random backgrounds; uniform ones are richer in GC than a genome.",
    )
    trim: float | None = option(
        "-t",
        "--trim-threshold",
        default=None,
        metavar="X",
        help="Trim motifs to columns of at least this share of the largest. By default 0.3, and"
        " motifs without contributions (MEME) not at all.",
    )
    seed: int = option("--seed", default=0, metavar="N", help="Of all that is drawn.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 1 or self.n < 2:
            raise RunError("--width must be 1 or more, --n 2 or more")
        if self.genome is not None and self.backgrounds is None:
            raise RunError("--genome needs --backgrounds, a BED file of places in it")
        if self.match is not None and self.genome is None:
            raise RunError("--match needs --backgrounds, a BED file, and --genome")

    def codes(self) -> NDArray[np.uint8]:
        """Base codes ``(background, position)`` of the backgrounds."""
        codes = self._drawn()
        if len(codes) < self.n:
            warnings.warn(
                f"{self.backgrounds} gives {len(codes)} backgrounds without unknown bases, fewer"
                f" than the {self.n} that are wanted (--n); what follows is of those",
                InputWarning,
                stacklevel=3,
            )
        return shuffled_backgrounds(codes, self.seed) if self.shuffle else codes

    def _drawn(self) -> NDArray[np.uint8]:
        if self.backgrounds is None:
            return random_backgrounds(self.n, self.width, tuple(self.frequencies), self.seed)
        path = Path(self.backgrounds)
        if self.genome is None:
            return fasta_backgrounds(path, self.n, self.width, self.seed)
        like = None if self.match is None else Path(self.match)
        genome = Path(self.genome)
        return genome_backgrounds(path, genome, self.n, self.width, like=like, seed=self.seed)
