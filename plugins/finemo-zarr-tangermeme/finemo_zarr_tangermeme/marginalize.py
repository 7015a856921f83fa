"""``marginalize``: what each motif of a file does to the predictions of a model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import store
from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.progress import progress
from finemo_zarr.protocols import option
from finemo_zarr_tangermeme.attributing import Method
from finemo_zarr_tangermeme.background_options import BackgroundOptions
from finemo_zarr_tangermeme.marginal import Marginal
from finemo_zarr_tangermeme.marginal_table import effect_row, ranked, warn_of_composition
from finemo_zarr_tangermeme.matrices import read_matrices
from finemo_zarr_tangermeme.ranked_bars import draw_ranked

if TYPE_CHECKING:
    import pandas as pd

_TABLE = "marginal_effects.tsv"


@dataclass(frozen=True, kw_only=True)
class Marginalize(BackgroundOptions):
    """Put motifs into backgrounds and compare predictions.

    Parameters
    ----------
    out_path : Path
        Folder to write.
    sample : bool
        Draw sites from the motif.
    strand : {"+", "-"}
        Of the sites.
    tasks : tuple of int
        Several columns of the output.
    attributions : bool
        Compare contributions, too.
    n_shuffles : int
        Their references.
    most : int
        Motifs in the figure.
    overwrite : bool
        Replace output that is there.
    """

    name: ClassVar[str] = "marginalize"
    summary: ClassVar[str] = "What each motif, put into backgrounds, does to a model's prediction."
    examples: ClassVar[str] = """
  finemo-zarr marginalize --model net.py:load -m jaspar.meme --width 2114 -o effects
  finemo-zarr marginalize --model net.py:load -m jaspar.meme --width 2114 --backgrounds \\
    inactive.bed --genome genome.fa --match peaks.narrowPeak --attributions -o effects"""

    out_path: Path = option("-o", "--out-path", metavar="DIR", help="Folder to write.")
    sample: bool = option(
        "--sample", default=False, help="Draw sites from the motif; by default its consensus."
    )
    strand: Literal["+", "-"] = option("--strand", default="+", help="Strand of the sites.")
    tasks: tuple[int, ...] = option(
        "--tasks",
        default=(),
        metavar="N",
        help="Several columns of the output, in place of --task.",
    )
    attributions: bool = option(
        "--attributions", default=False, help="Compare contributions under the motif, too."
    )
    n_shuffles: int = option(
        "--n-shuffles", default=20, metavar="N", help="Shuffled references of contributions."
    )
    most: int = option("--shown", default=30, metavar="N", help="Motifs in the figure.")
    overwrite: bool = option("--overwrite", default=False, help="Replace output that exists.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.most < 1 or self.n_shuffles < 1:
            raise RunError("--shown and --n-shuffles must be 1 or more")

    def run(self) -> str:
        """Do it, and say which motifs do most."""
        out = Path(self.out_path)
        with store.staged(out, overwrite=self.overwrite, replaceable=_is_ours) as staged:
            motifs = read_matrices(self.motifs, self.trim, self.width)
            tables = self._tables(motifs, self.codes())
            folder = Path(str(staged))
            folder.mkdir(parents=True)
            for table in tables:
                suffix = f"_task{table['task'].iloc[0]}" if len(tables) > 1 else ""
                draw_ranked(table, motifs, folder / f"ranked{suffix}.svg", self.most)
            _write(tables, folder / _TABLE)
        best = "; ".join(
            _of_task(table, tables) + ", ".join(table["motif"].head(3)) for table in tables
        )
        return f"{len(motifs):,} motifs in {out / _TABLE}; those that raise most: {best}"

    def _tables(
        self, motifs: dict[str, NDArray[np.float64]], codes: NDArray[np.uint8]
    ) -> list["pd.DataFrame"]:
        head, transparent = self.head()
        if self.attributions and not transparent:
            raise ReadError(
                f"--model {self.model}: --attributions needs the modules of the network; give a "
                "function that builds it"
            )
        how = Method("deeplift", self.n_shuffles, self.seed, self.batch_size, self.torch_device())
        tasks = self.tasks or (self.task,)
        matrices = list(motifs.values())
        tables = []
        with progress("marginalize", len(motifs) * len(tasks)) as advance:
            for task in tasks:
                head.task = task
                made = Marginal(head, codes, how, self.seed, self.attributions)
                effects = made.effects(matrices, sample=self.sample, strand=self.strand)
                rows = []
                for (name, matrix), effect in zip(motifs.items(), effects, strict=True):
                    rows.append(effect_row(name, matrix, task, effect, codes))
                    advance(1)
                tables.append(ranked(rows))
        for table in tables:
            warn_of_composition(table, _of_task(table, tables))
        return tables


def _of_task(table: "pd.DataFrame", tables: list["pd.DataFrame"]) -> str:
    """How what is said of a table begins, where there are several."""
    return f"task {table['task'].iloc[0]}: " if len(tables) > 1 else ""


def _write(tables: list["pd.DataFrame"], path: Path) -> None:
    import pandas as pd

    pd.concat(tables).to_csv(path, sep="\t", index=False, float_format="%.6g")


def _is_ours(path: store.Location) -> bool:
    return isinstance(path, Path) and (path / _TABLE).is_file()
