"""A reader of text and a solver that scans: what somebody else's plugin may look like."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from finemo_zarr import HitsAndQC, create_hits, create_qc, create_regions, hookimpl, option
from finemo_zarr.errors import ReadError, SchemaError
from finemo_zarr.sequence import encode, one_hot, project

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class ToyReader:
    """Sequences and projected scores of a text file."""

    name: ClassVar[str] = "toy"
    summary: ClassVar[str] = "Sequences and projected scores from a text file"

    table: Path = option(
        "-x",
        "--table",
        help="A line for each region: its letters, a tab, its scores with commas between.",
        metavar="FILE",
    )
    factor: float = option("--factor", help="What scores are multiplied by.", default=1.0)

    def read(self) -> "xr.Dataset":
        """Return a regions dataset, lazy along `region`.

        Raises
        ------
        ReadError
            If the file does not hold what it should.
        """
        import dask.array as da

        try:
            rows = [line.split("\t") for line in self.table.read_text("ascii").splitlines()]
            codes = np.stack([encode(letters) for letters, _ in rows])
            scores = np.array([[float(score) for score in text.split(",")] for _, text in rows])
        except (OSError, ValueError) as error:
            raise ReadError(f"{self.table}: cannot be read ({error})") from error
        scores = (self.factor * scores).astype(np.float32)
        return create_regions(*(da.from_array(array, chunks=(2, -1)) for array in (codes, scores)))


@dataclass(frozen=True)
class ToySolver:
    """Every place at which a motif is similar enough, each by itself."""

    name: ClassVar[str] = "toy"
    summary: ClassVar[str] = "Calls every similar place, the best of those with one start"

    toy_best_only: bool = option(
        "--toy-best-only", help="Only the most similar place of a region.", default=False
    )

    def solve(self, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
        """Return hits and qc of one block; see :class:`finemo_zarr.protocols.Solver`."""
        if motifs.attrs["mode"] != "pp":
            raise SchemaError("the solver toy knows mode pp only, which needs no hypothetical ones")
        codes = regions.region_sequence.to_numpy()
        scores = regions.region_contributions.to_numpy().astype(np.float64)
        scores = project(scores, codes) if scores.ndim == 3 else scores
        shown = scores[:, None] * one_hot(codes, np.float64)
        found = [_similar(shown, motifs, index) for index in range(motifs.sizes["motif"])]
        region, start, similarity = (np.concatenate(part) for part in zip(*found, strict=True))
        motif = np.repeat(np.arange(len(found)), [len(part[0]) for part in found])
        kept = self._best(region, start, motif, similarity)
        region, start, motif = region[kept], start[kept], motif[kept]
        first, last, width = (
            motifs[f"motif_{name}"].to_numpy()[motif] for name in ("start", "end", "width")
        )
        columns: dict[str, Any] = {
            "region": region,
            "motif": motif,
            "start": start,
            "end": start + last - first,
            "start_untrimmed": start - first,
            "end_untrimmed": start - first + width,
            "similarity": similarity[kept],
        }
        scale = np.sqrt((scores**2).mean(axis=1))
        return HitsAndQC(create_hits(columns), create_qc({"scale": scale}))

    def _best(self, region: Any, start: Any, motif: Any, similarity: Any) -> Any:
        """Indices of the hits that are kept, by region, start and motif."""
        order = np.lexsort((-similarity, *(() if self.toy_best_only else (start,)), region))
        keys = np.column_stack([region, np.zeros_like(start) if self.toy_best_only else start])
        new = np.ones(len(order), dtype=bool)
        new[1:] = (np.diff(keys[order], axis=0) != 0).any(axis=1)
        kept = order[new]
        return kept[np.lexsort((motif[kept], start[kept], region[kept]))]


def _similar(shown: Any, motifs: "xr.Dataset", index: int) -> tuple[Any, Any, Any]:
    """Region, start of the core and similarity of the places of one motif."""
    first, last = (int(motifs[f"motif_{name}"][index]) for name in ("start", "end"))
    if last - first > shown.shape[2]:
        return np.zeros(0, int), np.zeros(0, int), np.zeros(0)
    core = motifs.motif_weights.to_numpy()[index, :, first:last]
    windows = np.lib.stride_tricks.sliding_window_view(shown, last - first, axis=2)
    norm = np.sqrt((windows**2).sum(axis=(1, 3)))
    product = np.einsum("rbpw,bw->rp", windows, core)
    similarity = np.divide(product, norm, out=np.zeros_like(product), where=norm > 0)
    region, start = np.nonzero(similarity >= float(motifs.motif_lambda[index]))
    return region, start, similarity[region, start]


@hookimpl
def register_readers() -> list[type[ToyReader]]:
    """Readers of this distribution."""
    return [ToyReader]


@hookimpl
def register_solvers() -> list[type[ToySolver]]:
    """Solvers of this distribution."""
    return [ToySolver]
