"""Lengths of chromosomes, which the binary formats of genome browsers need."""

from pathlib import Path

import numpy as np

from finemo_zarr.errors import ReadError
from finemo_zarr.export._source import Source

LONGEST = 2**32 - 2**26
"""Length of a chromosome that the binary formats can hold, so that no bin of a zoom level, which
may end behind it, ends beyond 32 bits: pybigtools would not come to an end."""


def chrom_sizes(source: Source, otherwise: Path | None = None) -> dict[str, int]:
    """Lengths of the chromosomes, ordered by name.

    From ``--chrom-sizes``, else from the file that is given here, else where the last region of
    each ends.

    Raises
    ------
    ReadError
        If the file cannot be read, lacks a chromosome, or has one that is too long.
    """
    regions = source.opened.regions
    chroms, ends = regions["region_chrom"].values.tolist(), regions["region_end"].values
    names = sorted(set(chroms))
    path = source.options.chrom_sizes or otherwise
    if path is None:
        index = {name: number for number, name in enumerate(names)}
        furthest = np.zeros(len(names), np.int64)
        np.maximum.at(furthest, np.array([index[chrom] for chrom in chroms], np.int64), ends)
        return dict(zip(names, furthest.tolist(), strict=True))
    known = read_sizes(path)
    if missing := [name for name in names if name not in known]:
        raise ReadError(
            f"{path} lacks {len(missing)} chromosomes on which there are regions, first "
            f"{missing[0]}; it has {', '.join(list(known)[:5])}, …: is it of the same genome?"
        )
    if too_long := [name for name in sorted(known) if known[name] > LONGEST]:
        raise ReadError(
            f"{path}: {too_long[0]} is {known[too_long[0]]:,} bp long, and bigBed and bigWig hold"
            f" up to {LONGEST:,}; bed.gz, parquet and tsv hold all"
        )
    return {name: known[name] for name in sorted(known)}


def read_sizes(path: Path) -> dict[str, int]:
    """Read names and lengths, the first two columns of ``.sizes`` and ``.fai`` files.

    Raises
    ------
    ReadError
        If a line is not of that kind, or there is none.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"{path}: lengths of chromosomes cannot be read ({error})") from error
    sizes: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split("\t")
        if not line.strip() or line.startswith("#"):
            continue
        if len(words) < 2 or not words[1].strip().isdecimal():
            raise ReadError(
                f"{path}, line {number}: expected a name and a length, separated by a tab, as in "
                f".sizes and .fai files; found {line[:40]!r}"
            )
        sizes[words[0]] = int(words[1])
    if not sizes:
        raise ReadError(f"{path}: empty, expected names and lengths of chromosomes")
    return sizes
