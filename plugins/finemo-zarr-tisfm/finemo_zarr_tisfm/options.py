"""Options that the commands share."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import RunError
from finemo_zarr.protocols import option, option_fields
from finemo_zarr_tisfm import data as splits
from finemo_zarr_tisfm import sources
from finemo_zarr_tisfm.data import SignalData

_SOURCES = ("signal", "sequences", "regions", "peaks", "fasta", "bigwigs")
_WAYS = (  # of a split
    ("splits",),
    ("validation_chroms", "test_chroms"),
    ("validation_share", "test_share", "split_seed"),
)
DATA_FIELDS = (
    *_SOURCES,
    "window_size",
    "statistic",
    "zscore",
    *(name for way in _WAYS for name in way),
)
_WINDOW = 300


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Sequences, signal and split: one field for each option."""

    signal: Path | None = option(
        "-s",
        "--signal",
        default=None,
        metavar="TSV",
        help="Signal: a header with the tracks, then a row for each region, its name first.",
    )
    sequences: Path | None = option(
        "--sequences",
        default=None,
        metavar="TSV",
        help="Sequences of these regions: name, sequence; no header.",
    )
    regions: Path | None = option(
        "-r",
        "--regions",
        default=None,
        metavar="STORE",
        help="Regions store with the sequences, in place of --sequences.",
    )
    peaks: Path | None = option(
        "-p",
        "--peaks",
        default=None,
        metavar="FILE",
        help="Peaks, with --fasta and --bigwigs, in place of tables.",
    )
    fasta: Path | None = option(
        "-f", "--fasta", default=None, metavar="FILE", help="Genome, FASTA."
    )
    bigwigs: tuple[Path, ...] = option(
        "-b", "--bigwigs", default=(), metavar="FILE", help="Signal of one track each, bigWig."
    )
    window_size: int | None = option(
        "--window-size",
        default=None,
        metavar="BP",
        help="Length of the sequences: around the summits of peaks (300 by default), or in the"
        " middle of the regions of a store (all of them by default).",
    )
    statistic: sources.Statistic = option(
        "--statistic", default="mean", help="Signal of a region: log(1 + mean or sum) of a bigWig."
    )
    zscore: bool = option(
        "--zscore",
        default=False,
        help="Scale each track to mean 0 and standard deviation 1 of the training regions.",
    )
    splits: Path | None = option(
        "--splits",
        default=None,
        metavar="DIR",
        help="Folder with train_split.npy, validation_split.npy and test_split.npy: row numbers.",
    )
    validation_chroms: tuple[str, ...] = option(
        "--validation-chroms", default=(), metavar="NAME", help="Chromosomes for validation."
    )
    test_chroms: tuple[str, ...] = option(
        "--test-chroms", default=(), metavar="NAME", help="Chromosomes for the test."
    )
    validation_share: float = option(
        "--validation-share",
        default=0.15,
        metavar="SHARE",
        help="Share for validation, drawn at random, where nothing else splits.",
    )
    test_share: float = option(
        "--test-share", default=0.15, metavar="SHARE", help="The same for the test."
    )
    split_seed: int = option(
        "--split-seed", default=0, metavar="N", help="Seed of the random split."
    )

    data_kinds: ClassVar[str] = (
        "give -s with --sequences, -s with -r, or -p with -f and -b, to say what to train on or to"
        " evaluate"
    )

    def given(self, names: Iterable[str]) -> dict[str, str]:
        """The flags of those options, of some, that are not as by default, by their names."""
        fields = option_fields(self)
        return {
            name: fields[name][1].flags[-1]
            for name in names
            if getattr(self, name) != fields[name][0].default
        }

    def has_data(self) -> bool:
        """Whether data are named, be it in part."""
        return bool(self.given(_SOURCES))

    def has_split(self) -> bool:
        """Whether an option splits the data."""
        return any(self.given(way) for way in _WAYS)

    def read_data(
        self, scaling: Mapping[str, Any] | None = None, *, whole: bool = False
    ) -> SignalData:
        """Read sequences and signal, split them, and scale the signal.

        Parameters
        ----------
        scaling : mapping, optional
            ``mean`` and ``sd`` of each track, to scale by unless ``--zscore`` says otherwise.
        whole : bool
            Do not split at random where no option splits.

        Raises
        ------
        RunError
            If it is not clear what to read, or how to split it.
        ReadError
            If a file cannot be used.
        """
        ways = [flags for way in _WAYS if (flags := self.given(way))]
        if len(ways) > 1:
            first, second = (next(iter(flags.values())) for flags in ways[:2])
            raise RunError(f"{first} and {second} are two ways to split the regions: give one")
        with _said("reading sequences and signal"):
            data = self._read()
        if ways or not whole:
            data = replace(data, parts=self._split(data))
        if self.zscore:
            return data.standardised()
        return data if scaling is None else data.scaled(scaling["mean"], scaling["sd"])

    def _split(self, data: SignalData) -> Mapping[str, NDArray[np.int64]]:
        if self.splits is not None:
            return splits.read_splits(self.splits, len(data.codes))
        if self.validation_chroms or self.test_chroms:
            return splits.split_by_chromosome(data.chroms, self.validation_chroms, self.test_chroms)
        shares = self.validation_share, self.test_share
        return splits.split_at_random(len(data.codes), *shares, self.split_seed)

    def _read(self) -> SignalData:
        if self.signal is not None and self.peaks is None:
            if self.sequences is not None and self.regions is None:
                return sources.from_tables(self.signal, self.sequences, self.window_size)
            if self.regions is not None and self.sequences is None:
                return sources.from_store(self.regions, self.signal, self.window_size)
        elif self.signal is None and self.peaks is not None and self.fasta and self.bigwigs:
            window = _WINDOW if self.window_size is None else self.window_size
            return sources.from_bigwigs(
                self.peaks, self.fasta, self.bigwigs, window, self.statistic
            )
        flags = ", ".join(self.given(_SOURCES).values())
        unclear = f"what to read is not clear from {flags}: " if flags else ""
        raise RunError(unclear + self.data_kinds)

    def data_values(self) -> dict[str, Any]:
        """The options of the data as JSON can hold them, with whole paths."""
        return {name: _plain(getattr(self, name)) for name in DATA_FIELDS}


@contextmanager
def _said(what: str) -> Iterator[None]:
    """Say what takes a while, in a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(what) if console.is_terminal else nullcontext():
        yield


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value.resolve()) if isinstance(value, Path) else value


def recorded_data(values: dict[str, Any]) -> DataOptions:
    """The options of data that were kept with a model."""
    kinds = {"signal", "sequences", "regions", "peaks", "fasta", "splits"}
    given: dict[str, Any] = {
        name: Path(value) if name in kinds and value is not None else value
        for name, value in values.items()
    }
    given["bigwigs"] = tuple(Path(path) for path in given["bigwigs"])
    for name in ("validation_chroms", "test_chroms"):
        given[name] = tuple(given[name])
    return DataOptions(**given)
