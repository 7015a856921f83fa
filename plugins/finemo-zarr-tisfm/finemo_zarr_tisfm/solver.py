"""The solver `tisfm`: hits straight from the occupancies of a trained model."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from finemo_zarr.errors import InputWarning, SchemaError
from finemo_zarr.model import create_hits, create_qc
from finemo_zarr.protocols import HitsAndQC, option
from finemo_zarr.sequence import NO_BASE, project
from finemo_zarr_tisfm.files import DESCRIPTION, load_model, read_description
from finemo_zarr_tisfm.fitting import find_device

if TYPE_CHECKING:
    import xarray as xr

    from finemo_zarr_tisfm.model import TiSFM

_BATCH = 64
_NAMED = 5


@dataclass(frozen=True)
class TisfmSolver:
    """Places whose occupancy, times gate and weight of a track, is large enough.

    That product, what the place would add to the signal if it alone counted, is the coefficient;
    ``hit_part`` is what it adds, and the parts of all places and the bias are the prediction.
    Regions whose scores are all 0 have no hits, unless asked for: other solvers find none there.
    """

    name: ClassVar[str] = "tisfm"
    summary: ClassVar[str] = "places that a tiSFM (train-tisfm) finds occupied, without attribution"
    whole_regions: ClassVar[str] = "a motif is looked for in all of a region; leave --tile out"

    model: Path | None = option(
        "--tisfm-model",
        default=None,
        metavar="DIR",
        help="Folder that train-tisfm or tisfm-path wrote.",
    )
    track: str | None = option(
        "--tisfm-track",
        default=None,
        metavar="NAME",
        help="Track of the model whose weights count; by default the only one.",
    )
    least: float = option(
        "--tisfm-least",
        default=0.25,
        metavar="EFFECT",
        help="Least absolute occupancy times gate times weight of a hit, in standard deviations of"
        " the track's signal.",
    )
    share: float = option(
        "--tisfm-share",
        default=0.05,
        metavar="SHARE",
        help="Least share of a hit in all occupancies of its motif in the region: places of a motif"
        " that is found all over it are no sites.",
    )
    everywhere: bool = option(
        "--tisfm-everywhere",
        default=False,
        help="Call regions whose scores are all 0, too; the scores do not count.",
    )
    device: str = option(
        "--device",
        default="auto",
        metavar="DEVICE",
        help="auto (a GPU if there is one), cpu, cuda or cuda:N.",
    )

    def __post_init__(self) -> None:
        if not self.least > 0:
            raise SchemaError(f"--tisfm-least is {self.least}, expected a number above 0")
        if not 0 <= self.share <= 1:
            raise SchemaError(f"--tisfm-share is {self.share}, expected a number from 0 to 1")
        # Before the first block, or each of them would say it.
        if self.model is None:
            raise SchemaError("--solver tisfm needs a model: give --tisfm-model")
        self._track(read_description(self.model)["tracks"])

    def solve(self, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
        """Return hits and qc of one block; see :class:`finemo_zarr.protocols.Solver`."""
        if "motif_origin" in motifs and (motifs["motif_origin"].values == "decoy").any():
            raise SchemaError("tisfm looks for motifs of its model, no decoys: leave --fdr out")
        scores = _scores(regions, motifs)
        scale = np.sqrt((scores**2).mean(axis=1)) if scores.shape[1] else np.zeros(len(scores))
        if "region_scale" in regions:
            scale = regions["region_scale"].values.astype(np.float64)
        called = np.ones(len(scale), bool) if self.everywhere else scores.any(axis=1)
        found = self._find(regions["region_sequence"].values, np.flatnonzero(called), motifs)
        hits = _columns(found, scores, motifs)
        return HitsAndQC(
            create_hits(hits), create_qc({"scale": scale, "steps": np.ones(len(scale))})
        )

    def _find(self, codes: Any, rows: Any, motifs: "xr.Dataset") -> dict[str, Any]:
        from finemo_zarr_tisfm.occupancy import Finder

        folder = Path(str(self.model))
        stamp = _stamp(folder)
        model, spreads = _loaded(folder, find_device(self.device), stamp)
        track = self._track(model.tracks)
        finder = Finder(model, track, motifs)
        _warn_of_unknown(folder, stamp, tuple(finder.unknown))
        # Of a track that is constant, any effect is as many standard deviations as one likes.
        if codes.shape[1] < model.bank.width or not spreads[track]:
            return Finder.nothing()
        least = self.least * spreads[track]
        share = self.share if model.architecture.sigmoid else 0.0
        parts = [Finder.nothing()]
        size = min(_BATCH, model.batch)
        for first in range(0, len(rows), size):
            chosen = rows[first : first + size]
            part = finder.find(codes[chosen], least, share)
            part["region"] = chosen[part["region"]]
            parts.append(part)
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.lexsort((joined["motif"], joined["start"], joined["region"]))
        return {name: values[order] for name, values in joined.items()}

    def _track(self, tracks: Sequence[str]) -> int:
        if self.track is None and len(tracks) == 1:
            return 0
        if self.track not in tracks:
            said = "not given" if self.track is None else self.track
            raise SchemaError(f"--tisfm-track is {said}, expected one of {', '.join(tracks)}")
        return tracks.index(self.track)


def _stamp(folder: Path) -> int:
    """When a model was written: another one may take its place while the process lives."""
    description = folder / DESCRIPTION
    return description.stat().st_mtime_ns if description.exists() else 0


@lru_cache(maxsize=4)
def _loaded(folder: Path, device: str, _stamp: int) -> tuple["TiSFM", list[float]]:
    model = load_model(folder).to(device)
    spreads = read_description(folder)["facts"].get("signal_sd", [1.0] * len(model.tracks))
    return model, spreads


@lru_cache(maxsize=4)
def _warn_of_unknown(folder: Path, _stamp: int, names: tuple[str, ...]) -> None:
    """Warn of motifs that the model has not: once, and not for each block."""
    if names:
        shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
        warnings.warn(
            f"{len(names)} motifs are not in the model {folder}, and have no hits: {shown}",
            InputWarning,
            stacklevel=2,
        )


def _scores(regions: "xr.Dataset", motifs: "xr.Dataset") -> Any:
    """Scores ``(region, position)``, of which the regions' scale is the root of the mean square."""
    codes = regions["region_sequence"].values
    scores = regions["region_contributions"].values.astype(np.float64)
    if motifs.attrs["mode"][1] == "h":
        if scores.ndim == 2:
            raise SchemaError(f"mode {motifs.attrs['mode']} needs hypothetical scores")
        return np.sqrt((scores**2).sum(axis=1))
    scores = project(scores, codes) if scores.ndim == 3 else np.where(codes == NO_BASE, 0, scores)
    return np.sqrt(np.abs(scores)) if motifs.attrs["sqrt_transform"] else scores


def _columns(found: dict[str, Any], scores: Any, motifs: "xr.Dataset") -> dict[str, Any]:
    """Columns of a hits dataset."""
    core, end, width = (
        motifs[name].values[found["motif"]] for name in ("motif_start", "motif_end", "motif_width")
    )
    region, start = found["region"], found["start"]
    columns = dict(found)
    columns["end"] = start + end - core
    columns["start_untrimmed"] = start - core
    columns["end_untrimmed"] = start - core + width
    columns["coefficient_global"] = found["coefficient"]
    for name, values in (("importance", np.abs(scores)), ("importance_sq", scores**2)):
        sums = np.concatenate([np.zeros((len(scores), 1)), values.cumsum(axis=1)], axis=1)
        columns[name] = sums[region, columns["end"]] - sums[region, start]
    return columns
