"""The motifs of a hits store as a file in MEME's minimal format."""

from pathlib import Path

from finemo_zarr.export._matrices import Motif, each_motif
from finemo_zarr.export._source import Source
from finemo_zarr.sequence import BASES

_SITES = 1000
"""What the file says of the number of sites, which a store does not know."""


def write_meme(source: Source, path: Path) -> None:
    """Write a PPM for each motif, untrimmed; the file says which were made from contributions.

    Blanks in names become underscores, since a blank ends a name.
    """
    motifs = list(each_motif(source))
    made = [_name(motif) for motif in motifs if not motif.has_ppm]
    lines = ["MEME version 4", ""]
    if made:
        lines += [
            f"# There are no probabilities of {len(made)} motifs: theirs were made from their",
            "# contributions, as shares of the absolute values, mixed with equal probabilities",
            "# in columns that contribute less than the strongest. These are:",
            *(f"# {name}" for name in made),
            "",
        ]
    lines += [f"ALPHABET= {BASES}", "", "strands: + -", ""]
    lines += ["Background letter frequencies", "A 0.25 C 0.25 G 0.25 T 0.25", ""]
    for motif in motifs:
        lines += _motif_lines(motif)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def _motif_lines(motif: Motif) -> list[str]:
    width = motif.ppm.shape[1]
    rows = [" ".join(f"{value:.6f}" for value in column) for column in motif.ppm.T]
    head = f"letter-probability matrix: alength= 4 w= {width} nsites= {_SITES} E= 0"
    return [f"MOTIF {_name(motif)}", head, *rows, ""]


def _name(motif: Motif) -> str:
    return "_".join(motif.name.split())
