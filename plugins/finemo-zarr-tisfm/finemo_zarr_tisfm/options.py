"""Options that the commands share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from finemo_zarr.errors import RunError
from finemo_zarr.protocols import option
from finemo_zarr_tisfm import data as splits
from finemo_zarr_tisfm import sources
from finemo_zarr_tisfm.data import SignalData

DATA_FIELDS = (
    "signal",
    "sequences",
    "regions",
    "peaks",
    "fasta",
    "bigwigs",
    "window_size",
    "statistic",
    "zscore",
    "splits",
    "validation_chroms",
    "test_chroms",
    "validation_share",
    "test_share",
    "split_seed",
)


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
    window_size: int = option(
        "--window-size", default=300, metavar="BP", help="Length of the sequences."
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
        "give -s with --sequences, -s with -r, or -p with -f and -b, to say what to train on"
    )

    def has_data(self) -> bool:
        """Whether data are named."""
        return self.signal is not None or self.peaks is not None

    def read_data(self, scaling: Mapping[str, Any] | None = None) -> SignalData:
        """Read sequences and signal, split them, and scale the signal.

        Parameters
        ----------
        scaling : mapping, optional
            ``mean`` and ``sd`` of each track, to scale by unless ``--zscore`` says otherwise.

        Raises
        ------
        RunError
            If it is not clear what to read.
        ReadError
            If a file cannot be used.
        """
        with _said("reading sequences and signal"):
            data = self._read()
        if self.splits is not None:
            parts = splits.read_splits(self.splits, len(data.codes))
        elif self.validation_chroms or self.test_chroms:
            parts = splits.split_by_chromosome(
                data.chroms, self.validation_chroms, self.test_chroms
            )
        else:
            shares = self.validation_share, self.test_share
            parts = splits.split_at_random(len(data.codes), *shares, self.split_seed)
        data = replace(data, parts=parts)
        if self.zscore:
            return data.standardised()
        return data if scaling is None else data.scaled(scaling["mean"], scaling["sd"])

    def _read(self) -> SignalData:
        if self.signal is not None and self.peaks is None:
            if self.sequences is not None and self.regions is None:
                return sources.from_tables(self.signal, self.sequences, self.window_size)
            if self.regions is not None and self.sequences is None:
                return sources.from_store(self.regions, self.signal)
        elif self.signal is None and self.peaks is not None and self.fasta and self.bigwigs:
            return sources.from_bigwigs(
                self.peaks, self.fasta, self.bigwigs, self.window_size, self.statistic
            )
        raise RunError(self.data_kinds)

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
