"""Where sequences and signal come from: tables, regions stores, or peaks with bigWig files."""

import csv
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import InputWarning, ReadError, SchemaError
from finemo_zarr.sequence import encode
from finemo_zarr_tisfm.data import SignalData, check_alike
from finemo_zarr_tisfm.evaluation import OVERALL

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

Statistic = Literal["mean", "sum"]

_TAKEN = (OVERALL, "region", "se")  # rows and columns of the tables besides tracks


class Table(NamedTuple):
    """A signal table."""

    names: tuple[str, ...]
    tracks: tuple[str, ...]
    signal: NDArray[np.float32]


def read_signal(path: Path) -> Table:
    """Read a table of signal: a header with the tracks, then a row for each region.

    The header may have a field above the names of the regions, or lack it, as R writes it.

    Raises
    ------
    ReadError
        If it is missing, or not such a table.
    """
    import polars as pl

    frame, tracks = _read_tsv(path, header=True)
    names = frame[:, 0].to_list()
    _check_unique(names, path)
    if len(tracks) == frame.width:
        tracks = tracks[1:]
    if not tracks or len(tracks) != frame.width - 1:
        raise ReadError(f"{path}: {len(tracks)} names of tracks over {frame.width - 1} columns")
    _check_tracks(tracks, path)
    found = pl.all().str.strip_chars().replace(["NA", ""], None)
    try:
        signal = frame[:, 1:].select(found.cast(pl.Float64)).to_numpy().astype(np.float32)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise ReadError(f"{path}: a signal is not a number ({reason})") from error
    return Table(tuple(names), tuple(tracks), signal)


def _read_tsv(path: Path, *, header: bool) -> tuple["pl.DataFrame", list[str]]:
    """Fields as they are written, since names may look like numbers; and the header."""
    import polars as pl

    try:
        first = []
        if header:
            with path.open(encoding="utf-8") as file:
                first = next(csv.reader(file, delimiter="\t"), [])
        frame = pl.read_csv(
            path,
            separator="\t",
            has_header=False,
            skip_rows=int(header),
            infer_schema=False,
        ).fill_null("")
    except (OSError, UnicodeDecodeError, csv.Error, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise ReadError(f"{path}: cannot be read as a tab-separated table ({reason})") from error
    if frame.width < 2:
        raise ReadError(f"{path}: one column, expected a name and what belongs to it, with tabs")
    return frame, first


def _check_tracks(tracks: Sequence[str], path: Path) -> None:
    """Tables have a row or a column for each track, and others besides."""
    _check_unique(tracks, path)
    if wrong := [track for track in tracks if not track.strip() or track in _TAKEN]:
        raise ReadError(
            f"{path}: a track cannot be named {wrong[0]!r}, which the tables use for something"
            " else; give it another name"
        )


def _check_unique(names: Sequence[str], path: Path) -> None:
    if len(set(names)) < len(names):
        seen: set[str] = set()
        repeated = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ReadError(f"{path}: {repeated} occurs more than once; names must be unique")


def read_sequences(path: Path, names: Sequence[str], window: int | None) -> NDArray[np.uint8]:
    """Base codes ``(region, position)`` of named regions, from a table of names and sequences.

    Parameters
    ----------
    path : Path
        Two columns, name and sequence, in either case, N allowed; without header.
    names : sequence of str
        Regions, in the order wanted.
    window : int, optional
        Length that the sequences must have; by default that of the first.

    Raises
    ------
    ReadError
        If one is missing, or of another length.
    """
    frame, _ = _read_tsv(path, header=False)
    known = frame[:, 0].to_list()
    _check_unique(known, path)
    found = dict(zip(known, frame[:, 1].to_list(), strict=True))
    if missing := [name for name in names if name not in found]:
        raise ReadError(f"{path}: no sequence of {len(missing)} regions, first {missing[0]}")
    length = window or len(found[names[0]])
    codes = np.empty((len(names), length), dtype=np.uint8)
    for row, name in zip(codes, names, strict=True):
        letters = found[name]
        if len(letters) != length:
            raise ReadError(
                f"{path}: the sequence of {name} has {len(letters)} bp, expected {length}: give "
                "sequences of one length (--window-size)"
            )
        row[:] = encode(letters)
    return codes


def from_tables(signal: Path, sequences: Path, window: int | None) -> SignalData:
    """Signal and sequences of two tables, joined by name."""
    table = read_signal(signal)
    codes = read_sequences(sequences, table.names, window)
    return SignalData(codes, table.signal, table.names, table.tracks)


def from_store(regions: Path, signal: Path, window: int | None) -> SignalData:
    """Sequences of a regions store, and their signal from a table that has their names.

    Parameters
    ----------
    regions, signal : Path
        The store, and the table.
    window : int, optional
        Width of the middle of the regions that is taken; by default all.

    Raises
    ------
    ReadError
        If regions have no names, or are missing.
    SchemaError
        If they are not of one width, or narrower than the window.
    """
    from finemo_zarr import open_regions

    table, store = read_signal(signal), open_regions(regions)
    codes = _middle(store, regions, window)
    if "region_name" not in store:
        raise ReadError(f"{regions}: the regions have no names, by which {signal} could be joined")
    names = [str(name) for name in store["region_name"].values]
    _check_unique(names, regions)
    if missing := [name for name in table.names if name not in set(names)]:
        raise ReadError(f"{regions}: lacks {len(missing)} regions of {signal}, first {missing[0]}")
    if len(names) > len(table.names):
        warnings.warn(
            f"{len(names) - len(table.names)} of {len(names)} regions of {regions} have no signal "
            f"in {signal} and are left out",
            InputWarning,
            stacklevel=2,
        )
    place = {name: index for index, name in enumerate(names)}
    rows = np.array([place[name] for name in table.names], dtype=np.int64)
    return SignalData(
        codes.values[rows],
        table.signal,
        table.names,
        table.tracks,
        store["region_chrom"].values[rows],
    )


def _middle(store: "xr.Dataset", path: Path, window: int | None) -> "xr.DataArray":
    """Codes of the middle of all regions; the base at half the width stays at half the window."""
    try:
        check_alike(store)
    except SchemaError as error:
        raise SchemaError(f"{path}: {error}") from error
    codes = store["region_sequence"]
    width = codes.sizes["position"]
    window = width if window is None else window
    if not 0 < window <= width:
        raise SchemaError(
            f"{path}: regions of {width} bp, of which --window-size {window} cannot be taken; give"
            f" 1 to {width}"
        )
    first = width // 2 - window // 2
    return codes.isel(position=slice(first, first + window))


def from_bigwigs(
    peaks: Path,
    fasta: Path,
    bigwigs: Sequence[Path],
    window: int,
    statistic: Statistic,
) -> SignalData:
    """Sequences around summits, and the signal of bigWig files there, read block by block.

    Each file is a track, named by it. The signal is ``log(1 + x)`` of mean or sum.
    """
    from finemo_zarr import get_reader

    reader: Any = get_reader("bw")
    tracks = tuple(path.name.removesuffix(".bw").removesuffix(".bigWig") for path in bigwigs)
    _check_tracks(tracks, Path("--bigwigs"))
    read = [reader(fasta, (path,), peaks, region_width=window).read() for path in bigwigs]
    columns = [_reduced(each["region_contributions"], statistic) for each in read]
    regions: xr.Dataset = read[0]
    names = tuple(
        f"{chrom}:{start}-{start + window}"
        for chrom, start in zip(
            regions["region_chrom"].values, regions["region_start"].values, strict=True
        )
    )
    return SignalData(
        regions["region_sequence"].values,
        np.stack(columns, axis=1).astype(np.float32),
        names,
        tracks,
        regions["region_chrom"].values,
    )


def _reduced(values: "xr.DataArray", statistic: Statistic) -> NDArray[np.float64]:
    reduced = getattr(values, statistic)("position", dtype=np.float64).values
    if (reduced < 0).any():
        raise ReadError("a bigWig file has negative signal, of which log(1 + x) cannot be taken")
    logged: NDArray[np.float64] = np.log1p(reduced)
    return logged
