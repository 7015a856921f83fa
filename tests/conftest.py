"""Small simulated data, and a reader and a solver that do nothing clever."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from hypothesis import settings

from finemo_zarr.execution import call_hits, extract_regions
from finemo_zarr.model import create_hits, create_qc
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.protocols import HitsAndQC, option
from finemo_zarr.testing import simulate_motifs, simulate_regions

if TYPE_CHECKING:
    import xarray as xr

# A busy machine is no fault of the code. Where CI is set, Hypothesis tries the same each time, so
# that fewer examples do.
settings.register_profile(
    "any-machine", settings(), deadline=None, max_examples=40 if os.environ.get("CI") else 100
)
settings.load_profile("any-machine")

N_REGIONS = 50
WIDTH = 80
CHUNK = 16
FAKE_HITS = ("strongest", "filtered", "unscored")
"""Of every region the fake solver returns three hits, of the motifs 0, 1 and 2."""


@dataclass(frozen=True)
class MemoryReader:
    """Regions that are there already, in dask chunks."""

    name: ClassVar[str] = "memory"
    summary: ClassVar[str] = "Regions in memory."
    regions: Any = None
    chunk: int = CHUNK

    def read(self) -> "xr.Dataset":
        return self.regions.chunk(region=self.chunk)


@dataclass(frozen=True)
class FakeSolver:
    """One hit at the largest score, one below lambda, one without similarity."""

    name: ClassVar[str] = "fake"
    summary: ClassVar[str] = "Three hits per region."
    strength: float = option("-k", "--strength", default=1.0, help="The coefficient.")
    unconverged: int = -1

    def solve(self, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
        scores = regions["region_contributions"].values
        assert scores.ndim == (2 if motifs.attrs["mode"][1] == "p" else 3)
        scores = scores.reshape(len(scores), -1, scores.shape[-1]).sum(axis=1)
        count = len(scores)
        region = np.repeat(np.arange(count), len(FAKE_HITS))
        motif = np.tile(np.arange(len(FAKE_HITS)), count)
        width = (motifs["motif_end"] - motifs["motif_start"]).values[motif]
        first = motifs["motif_start"].values[motif]
        start = np.minimum(np.abs(scores).argmax(axis=1)[region], scores.shape[-1] - width)
        hits = {
            "region": region,
            "motif": motif,
            "start": start,
            "end": start + width,
            "start_untrimmed": start - first,
            "end_untrimmed": start - first + motifs["motif_width"].values[motif],
            "coefficient": np.full(len(region), self.strength),
            "coefficient_global": np.abs(scores).max(axis=1)[region],
            "similarity": np.tile([0.9, 0.1, np.nan], count),
        }
        scale = np.sqrt((scores**2).mean(axis=1))
        converged = np.arange(count) != self.unconverged
        return HitsAndQC(create_hits(hits), create_qc({"scale": scale, "converged": converged}))


@pytest.fixture(scope="session")
def raw_motifs() -> "xr.Dataset":
    """Motifs as a file has them."""
    return simulate_motifs(3, width=20, core=(6, 10), palindromes=0.0, seed=1)


@pytest.fixture
def motifs(raw_motifs: "xr.Dataset") -> "xr.Dataset":
    """Oriented motifs."""
    return prepare_motifs(raw_motifs, MotifOptions())


@pytest.fixture(scope="session")
def regions(raw_motifs: "xr.Dataset") -> "xr.Dataset":
    """Regions with projected scores and coordinates, in memory."""
    return simulate_regions(raw_motifs, N_REGIONS, WIDTH, seed=2)[0]


@pytest.fixture(scope="session")
def hypothetical_regions(raw_motifs: "xr.Dataset") -> "xr.Dataset":
    """The same regions with hypothetical scores."""
    return simulate_regions(raw_motifs, N_REGIONS, WIDTH, hypothetical=True, seed=2)[0]


@pytest.fixture
def reader() -> Callable[..., MemoryReader]:
    """Make a reader of a dataset in memory."""
    return MemoryReader


@pytest.fixture
def solver() -> FakeSolver:
    """Return a solver that is fast and predictable."""
    return FakeSolver()


@pytest.fixture(scope="session")
def written(tmp_path_factory, regions: "xr.Dataset", raw_motifs: "xr.Dataset") -> Path:
    """Folder of stores that are written once, and copied for each test, which is faster."""
    folder = tmp_path_factory.mktemp("written")
    extract_regions(MemoryReader(regions), folder / "regions.zarr")
    motifs = prepare_motifs(raw_motifs, MotifOptions())
    call_hits(folder / "regions.zarr", motifs, folder / "hits.zarr", solver=FakeSolver())
    return folder


@pytest.fixture
def regions_store(tmp_path: Path, written: Path) -> Path:
    """Return a regions store of several chunks."""
    return Path(shutil.copytree(written / "regions.zarr", tmp_path / "regions.zarr"))


@pytest.fixture
def hits_store(tmp_path: Path, regions_store: Path, written: Path) -> Path:
    """Return a hits store of the fake solver, which says that it is of `regions_store`."""
    return Path(shutil.copytree(written / "hits.zarr", tmp_path / "hits.zarr"))


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chunk that is written from now on finds the disk full."""
    import errno

    from zarr.storage import LocalStore

    async def refuse(self: Any, key: str, value: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LocalStore, "set", refuse)
    monkeypatch.setattr(LocalStore, "set_if_not_exists", refuse)
