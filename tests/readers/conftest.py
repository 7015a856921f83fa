"""A small genome with peaks and scores, and the files in which readers find them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dask
import h5py
import hdf5plugin
import numpy as np
import pyBigWig
import pytest

from finemo_zarr.readers.bpnet_h5 import BPNetH5Reader
from finemo_zarr.readers.bw import BigWigReader
from finemo_zarr.readers.chrombpnet_h5 import ChromBPNetH5Reader
from finemo_zarr.readers.finemo_npz import FinemoNpzReader
from finemo_zarr.readers.modisco_fmt import ModiscoFmtReader
from finemo_zarr.sequence import encode, one_hot, project

STORED = 120
COUNT = 40


@dataclass(frozen=True)
class World:
    """A genome, peaks on it, and what a model would say of windows around their summits."""

    folder: Path
    genome: dict[str, str]
    track: dict[str, np.ndarray]
    chrom: list[str]
    start: np.ndarray
    end: np.ndarray
    summit: np.ndarray
    name: list[str]
    hypothetical: np.ndarray

    @property
    def fasta(self) -> Path:
        path = self.folder / "genome.fa"
        if not path.exists():
            lines = [
                "\n".join([f">{chrom} a comment", *wrapped(letters, 50)])
                for chrom, letters in self.genome.items()
            ]
            path.write_text("\n".join(lines) + "\n")
        return path

    @property
    def bigwig(self) -> Path:
        path = self.folder / "scores.bw"
        if not path.exists():
            write_bigwig(path, self.track)
        return path

    def lines(self, rows: Any = None) -> list[str]:
        return [
            f"{self.chrom[i]}\t{self.start[i]}\t{self.end[i]}\t{self.name[i]}\t0\t.\t1\t1\t1"
            f"\t{self.summit[i] - self.start[i]}"
            for i in (range(len(self.name)) if rows is None else rows)
        ]

    def peaks(self, rows: Any = None, name: str = "peaks.narrowPeak") -> Path:
        path = self.folder / name
        path.write_text("\n".join(self.lines(rows)) + "\n")
        return path

    def codes(self, width: int, rows: Any = None) -> np.ndarray:
        rows = range(len(self.name)) if rows is None else rows
        return np.stack(
            [self._window(encode(self.genome[self.chrom[i]]), i, width, 4) for i in rows]
        )

    def projected(self, width: int, rows: Any = None) -> np.ndarray:
        rows = range(len(self.name)) if rows is None else rows
        track = {chrom: np.nan_to_num(values) for chrom, values in self.track.items()}
        return np.stack([self._window(track[self.chrom[i]], i, width, 0) for i in rows])

    def _window(self, values: np.ndarray, row: int, width: int, pad: int) -> np.ndarray:
        start = int(self.summit[row]) - width // 2
        index = np.arange(start, start + width)
        inside = (index >= 0) & (index < len(values))
        return np.where(inside, values[np.clip(index, 0, len(values) - 1)], pad)

    def sequences(self, rows: Any = None) -> np.ndarray:
        return one_hot(self.codes(STORED, rows), np.int8).astype(np.int8)

    def scores(self, rows: Any = None) -> np.ndarray:
        return self.hypothetical if rows is None else self.hypothetical[list(rows)]


def wrapped(letters: str, width: int) -> list[str]:
    return [letters[i : i + width] for i in range(0, len(letters), width)]


def write_bigwig(path: Path, track: dict[str, np.ndarray]) -> None:
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([(chrom, len(values)) for chrom, values in track.items()])
        for chrom, values in track.items():
            covered = np.flatnonzero(~np.isnan(values))
            if not covered.size:
                continue
            file.addEntries(
                [chrom] * len(covered),
                covered.tolist(),
                ends=(covered + 1).tolist(),
                values=values[covered].tolist(),
            )


@pytest.fixture
def world(tmp_path: Path) -> World:
    rng = np.random.default_rng(7)
    genome = {
        chrom: "".join(rng.choice(list("ACGT"), length).tolist())
        for chrom, length in (("chr2", 3000), ("chr1", 5000))
    }
    letters = genome["chr1"]
    genome["chr1"] = letters[:900].lower() + "N" * 30 + letters[930:]
    track = {
        chrom: rng.normal(size=len(letters)).astype(np.float32) for chrom, letters in genome.items()
    }
    track["chr2"][200:600] = np.nan
    chrom = rng.choice(["chr1", "chr2"], COUNT).tolist()
    length = np.array([len(genome[name]) for name in chrom])
    summit = rng.integers(100, length - 100)
    summit[[3, 4]] = [20, length[4] - 20]
    start = np.maximum(summit - rng.integers(1, 90, COUNT), 0)
    end = np.minimum(summit + rng.integers(1, 90, COUNT), length)
    name = [f"peak{i}" for i in range(COUNT)]
    shape = (COUNT, 4, STORED)
    made = World(tmp_path, genome, track, chrom, start, end, summit, name, np.zeros(shape))
    scores = rng.normal(size=shape).astype(np.float32)
    hot = one_hot(made.codes(STORED)).astype(bool)
    observed = np.broadcast_to(made.projected(STORED)[:, None], shape)
    return replace(made, hypothetical=np.where(hot, observed, scores).astype(np.float32))


Maker = Callable[..., Any]


def _chrombpnet(world: World, seq: np.ndarray, scores: np.ndarray, tag: str, **options: Any) -> Any:
    path = world.folder / f"chrombpnet{tag}.h5"
    with h5py.File(path, "w") as file:
        for key, values in (("raw/seq", seq), ("shap/seq", scores)):
            file.create_dataset(
                key, data=values, chunks=(min(7, len(values)), 1, 3), **hdf5plugin.Blosc()
            )
    return ChromBPNetH5Reader(h5s=(path,), **options)


def _bpnet(world: World, seq: np.ndarray, scores: np.ndarray, tag: str, **options: Any) -> Any:
    path = world.folder / f"bpnet{tag}.h5"
    with h5py.File(path, "w") as file:
        file["input_seqs"] = seq.swapaxes(1, 2)
        file["hyp_scores"] = scores.swapaxes(1, 2)
    return BPNetH5Reader(h5s=(path,), **options)


def _modisco(world: World, seq: np.ndarray, scores: np.ndarray, tag: str, **options: Any) -> Any:
    sequences, attributions = world.folder / f"ohe{tag}.npz", world.folder / f"attr{tag}.npz"
    np.savez_compressed(sequences, seq)
    np.savez(attributions, scores)
    return ModiscoFmtReader(sequences=sequences, attributions=(attributions,), **options)


def _finemo(world: World, seq: np.ndarray, scores: np.ndarray, tag: str, **options: Any) -> Any:
    path = world.folder / f"regions{tag}.npz"
    np.savez_compressed(path, sequences=seq, contributions=scores)
    return FinemoNpzReader(npz=(path,), **options)


STORED_READERS = {
    "chrombpnet-h5": _chrombpnet,
    "bpnet-h5": _bpnet,
    "modisco-fmt": _modisco,
    "finemo-npz": _finemo,
}


@pytest.fixture(params=list(STORED_READERS))
def stored_reader(request: pytest.FixtureRequest, world: World) -> Maker:
    """Make a reader of stored scores after writing its file."""

    def make(
        seq: np.ndarray | None = None,
        scores: np.ndarray | None = None,
        tag: str = "",
        **options: Any,
    ) -> Any:
        options.setdefault("region_width", 100)
        seq = world.sequences() if seq is None else seq
        scores = world.scores() if scores is None else scores
        return STORED_READERS[request.param](world, seq, scores, tag, **options)

    return make


@pytest.fixture
def bw_reader(world: World) -> Maker:
    """Make a reader of bigWig files after writing them."""

    def make(**options: Any) -> BigWigReader:
        given: dict[str, Any] = {"region_width": 100, **options}
        given.setdefault("fasta", world.fasta)
        given.setdefault("bigwigs", (world.bigwig,))
        if "peaks" not in given:
            given["peaks"] = world.peaks()
        return BigWigReader(**given)

    return make


@pytest.fixture
def no_compute() -> Iterator[None]:
    """Nothing may be computed by dask."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("computed although it should be lazy")

    with dask.config.set(scheduler=refuse):
        yield


@pytest.fixture
def observed() -> Callable[[Any], np.ndarray]:
    """Projected scores of a regions dataset."""

    def values(regions: Any) -> np.ndarray:
        scores = regions["region_contributions"].values
        return scores if scores.ndim == 2 else project(scores, regions["region_sequence"].values)

    return values
