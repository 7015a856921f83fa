"""``syntax``: pairs of motifs at every spacing and orientation, as a model sees them."""

import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import store
from finemo_zarr.errors import InputWarning, ReadError, RunError
from finemo_zarr.progress import progress
from finemo_zarr.protocols import option
from finemo_zarr_tangermeme.background_options import BackgroundOptions
from finemo_zarr_tangermeme.marginal_table import summary
from finemo_zarr_tangermeme.matrices import consensus, read_matrices
from finemo_zarr_tangermeme.pairs import ORIENTATIONS, Pairs
from finemo_zarr_tangermeme.spacing_map import draw_spacing

if TYPE_CHECKING:
    import pandas as pd

_TABLE, _BEST, _FIGURE = "syntax.tsv", "syntax_best.tsv", "syntax.svg"
_MANY = 100


@dataclass(frozen=True, kw_only=True)
class Syntax(BackgroundOptions):
    """Put pairs of motifs into backgrounds and compare them with each motif alone.

    Parameters
    ----------
    out_path : Path
        Folder to write.
    pairs : tuple of str
        Pairs of names, by default all.
    nearest, farthest, step : int
        Bases between the motifs.
    scale : {"linear", "log", "log1p"}
        Of what the model returns.
    overwrite : bool
        Replace output that is there.
    """

    name: ClassVar[str] = "syntax"
    summary: ClassVar[str] = "What pairs of motifs do at every spacing and orientation."
    examples: ClassVar[str] = """
  finemo-zarr syntax --model net.py:load -m motifs.meme --pairs CTCF,CTCF --width 2114 \\
    --scale log1p --output 1 -o syntax
  finemo-zarr syntax --model net.py:load -m motifs.meme --width 2114 --farthest 50 \\
    --backgrounds peaks.narrowPeak --genome genome.fa --shuffle -o syntax"""

    out_path: Path = option("-o", "--out-path", metavar="DIR", help="Folder to write.")
    pairs: tuple[str, ...] = option(
        "--pairs",
        default=(),
        metavar="NAME,NAME",
        help="Pairs of motifs, the left one first; by default each with itself and each other.",
    )
    nearest: int = option(
        "--nearest", default=0, metavar="BP", help="Least number of bases between the motifs."
    )
    farthest: int = option(
        "--farthest", default=100, metavar="BP", help="Largest number of bases between them."
    )
    step: int = option("--step", default=1, metavar="BP", help="From one spacing to the next.")
    scale: Literal["linear", "log", "log1p"] = option(
        "--scale",
        default="linear",
        help="Scale of what the model returns: its logarithm is undone before effects are compared"
        " (log1p: log counts of BPNet).",
    )
    overwrite: bool = option("--overwrite", default=False, help="Replace output that exists.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.nearest <= self.farthest or self.step < 1:
            raise RunError(
                f"spacings from {self.nearest} to {self.farthest} in steps of {self.step} cannot "
                "be: give --nearest 0 or more, --farthest as much or more, --step 1 or more"
            )

    def run(self) -> str:
        """Do it, and say which pair does most beyond the sum."""
        out = Path(self.out_path)
        with store.staged(out, overwrite=self.overwrite, replaceable=_is_ours) as staged:
            motifs = read_matrices(self.motifs, self.trim, self.width)
            table = self._table(motifs, self._chosen(motifs))
            best = _best(table)
            folder = Path(str(staged))
            folder.mkdir(parents=True)
            draw_spacing(table, folder / _FIGURE)
            for made, name in ((table, _TABLE), (best, _BEST)):
                made.to_csv(folder / name, sep="\t", index=False, float_format="%.6g")
        top = best.iloc[0]
        return (
            f"{len(best):,} pairs and orientations in {out / _TABLE}; the largest interaction: "
            f"{top['motif_a']} and {top['motif_b']}, {top['orientation']}, {top['distance']} bp "
            "apart"
        )

    def _chosen(self, motifs: dict[str, Any]) -> list[tuple[str, str]]:
        if not self.pairs:
            found = list(itertools.combinations_with_replacement(motifs, 2))
            if len(found) > _MANY:
                raise RunError(
                    f"{len(motifs)} motifs have {len(found):,} pairs, expected at most {_MANY}; "
                    "say which: --pairs NAME,NAME"
                )
            return found
        found = []
        for pair in self.pairs:
            names = tuple(name.strip() for name in pair.split(","))
            if len(names) != 2:
                raise RunError(f"--pairs {pair}: expected two names with a comma between them")
            if unknown := [name for name in names if name not in motifs]:
                known = ", ".join(list(motifs)[:5])
                raise ReadError(f"--pairs {pair}: no motif {unknown[0]}; there are {known}")
            found.append((names[0], names[1]))
        return found

    def _table(
        self, motifs: dict[str, NDArray[np.float64]], pairs: list[tuple[str, str]]
    ) -> "pd.DataFrame":
        import pandas as pd

        self._check_width(motifs, pairs)
        distances = np.arange(self.nearest, self.farthest + 1, self.step)
        head, _ = self.head()
        made = Pairs(
            head, self.codes(), distances, self.scale, self.batch_size, self.torch_device()
        )
        wanted = [(a, b, way) for a, b in pairs for way in ORIENTATIONS if (a, way) != (b, "--")]
        rows: list[dict[str, Any]] = []
        with progress("syntax", len(wanted) * distances.size) as advance:
            for first, second, orientation in wanted:
                sites = (consensus(motifs[first]), consensus(motifs[second]))
                rows += _rows(made, (first, second), sites, orientation, advance)
        table = pd.DataFrame(rows)
        if table["fold_mean"].isna().any():
            warnings.warn(
                "predictions of single motifs are not all positive, so that there is no fold change"
                " (fold_mean is empty): say what the model returns (--scale log1p), or read "
                "interaction_mean",
                InputWarning,
                stacklevel=3,
            )
        return table

    def _check_width(self, motifs: dict[str, Any], pairs: list[tuple[str, str]]) -> None:
        for first, second in pairs:
            left, right = (motifs[name].shape[1] for name in (first, second))
            needed = self.width // 2 - left // 2 + left + self.farthest + right
            if needed > self.width:
                raise RunError(
                    f"{first} and {second} {self.farthest} bp apart reach over the end of "
                    f"sequences of {self.width} bp: give a smaller --farthest"
                )


def _rows(
    made: Pairs,
    names: tuple[str, str],
    sites: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    orientation: str,
    advance: Callable[[int], Any],
) -> list[dict[str, Any]]:
    """One row for each distance."""
    rows: list[dict[str, Any]] = []
    for effect in made.effect(*sites, orientation):
        count = effect.both.shape[1]
        fields = [np.broadcast_to(values, effect.both.shape) for values in effect]
        interaction, fold = effect.interaction(), effect.fold()
        for column in range(count):
            none, first, second, both = (float(values[:, column].mean()) for values in fields)
            row: dict[str, Any] = {"motif_a": names[0], "motif_b": names[1]}
            row["orientation"] = orientation
            row |= {"distance": int(made.distances[len(rows)]), "n": len(made.codes)}
            row |= {"none": none, "a": first, "b": second, "both": both}
            row |= summary("interaction", interaction[:, column])
            rows.append(row | summary("fold", fold[:, column]))
        advance(count)
    return rows


def _best(table: "pd.DataFrame") -> "pd.DataFrame":
    """For each pair and orientation the distance of the largest interaction."""
    size = table["interaction_mean"].abs()
    keys = ["motif_a", "motif_b", "orientation"]
    rows = size.groupby([table[key] for key in keys]).idxmax().to_numpy()
    order = size.loc[rows].sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _is_ours(path: store.Location) -> bool:
    return isinstance(path, Path) and (path / _TABLE).is_file()
