"""The seqlets that patterns of a TF-MoDISco-lite result were made of, and their subpatterns."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.readers.modisco_h5 import pattern_names, patterns_of
from finemo_zarr.readers.modisco_seqlets import opened_seqlets, seqlet_places

_SCORES = ("contrib_scores", "hypothetical_contribs", "sequence")
_SUBPATTERN = "subpattern_"


class PatternMembers(NamedTuple):
    """The seqlets of one pattern, in its orientation.

    Parameters
    ----------
    name : str
        Name of group and pattern, ``pos_patterns.pattern_0``.
    cwm : array of float, ``(4, position)``
        Contribution scores of the pattern.
    places : array of int, ``(seqlet, 4)``
        Number of the sequence that TF-MoDISco saw, start and end in it in bp, and whether the
        seqlet lies on the ``-`` strand.
    contributions, hypothetical, sequence : array of float, ``(seqlet, 4, position)``, or None
        Scores and bases of the seqlets, where the file has them.
    subpattern : array of int, ``(seqlet,)``, or None
        Number of the subpattern that the file puts a seqlet into, -1 for none; None where the
        file has no subpatterns.
    window : int
        Width that TF-MoDISco saw of each sequence, in bp; 0 where the file does not say it.
    """

    name: str
    cwm: NDArray[np.float64]
    places: NDArray[np.int64]
    contributions: NDArray[np.float64] | None
    hypothetical: NDArray[np.float64] | None
    sequence: NDArray[np.float64] | None
    subpattern: NDArray[np.int64] | None
    window: int


def read_members(path: Path | str) -> Iterator[PatternMembers]:
    """Read the seqlets of one pattern after another.

    Parameters
    ----------
    path : path
        A TF-MoDISco-lite file.

    Yields
    ------
    PatternMembers
        Positive patterns, then negative ones, each by their number; without seqlets, where a
        pattern has none.

    Raises
    ------
    ReadError
        If the file cannot be read, or the seqlets of a pattern do not go together.
    """
    path = Path(path)
    with opened_seqlets(path) as (file, window):
        for name, pattern, where in patterns_of(file, path):
            yield _read(pattern, name, window, where)


def _read(pattern: Any, name: str, window: int, where: str) -> PatternMembers:
    cwm = np.asarray(pattern["contrib_scores"][()], np.float64).T
    seqlets = pattern.get("seqlets", {})
    places = seqlet_places(seqlets, where)
    contributions, hypothetical, sequence = (
        _scores(seqlets, key, len(places), where) for key in _SCORES
    )
    return PatternMembers(
        name,
        cwm,
        places,
        contributions,
        hypothetical,
        sequence,
        _subpatterns(pattern, places, where),
        window,
    )


def _scores(seqlets: Any, key: str, count: int, where: str) -> NDArray[np.float64] | None:
    if key not in seqlets or not count:
        return None
    values = np.asarray(seqlets[key][()], np.float64)
    if values.ndim != 3 or values.shape[0] != count or values.shape[2] != 4:
        raise ReadError(
            f"{where}/seqlets/{key} has shape {values.shape}, expected ({count}, width, 4)"
        )
    return values.transpose(0, 2, 1)


def _subpatterns(pattern: Any, places: NDArray[np.int64], where: str) -> NDArray[np.int64] | None:
    groups = [name for name in pattern if name.startswith(_SUBPATTERN)]
    if not groups:
        return None
    row = {tuple(place): at for at, place in enumerate(places.tolist())}
    numbers = np.full(len(places), -1)
    for number, name in enumerate(pattern_names(groups, where)):
        inside = f"{where}/{name}"
        for place in seqlet_places(pattern[name].get("seqlets", {}), inside).tolist():
            if tuple(place) in row:
                numbers[row[tuple(place)]] = number
    return numbers
