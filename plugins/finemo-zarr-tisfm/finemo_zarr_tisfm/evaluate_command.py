"""``evaluate-tisfm``: how well a model predicts, and what it learned, as tables."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from finemo_zarr.errors import RunError, SchemaError
from finemo_zarr.progress import progress
from finemo_zarr.protocols import option
from finemo_zarr.store import staged
from finemo_zarr_tisfm.options import DATA_FIELDS, DataOptions, recorded_data

if TYPE_CHECKING:
    from finemo_zarr.store import Location
    from finemo_zarr_tisfm.data import SignalData
    from finemo_zarr_tisfm.model import TiSFM

STORE = "evaluation.zarr"
SCORES, IMPORTANCE, INTERACTIONS, PREDICTIONS = (
    f"{name}.tsv" for name in ("evaluation", "importance", "interactions", "predictions")
)


@dataclass(frozen=True, kw_only=True)
class EvaluateTisfm(DataOptions):
    """Evaluates a model."""

    name: ClassVar[str] = "evaluate-tisfm"
    summary: ClassVar[str] = "Evaluate a tiSFM: errors and correlations of each track, its motifs."
    examples: ClassVar[str] = """
  finemo-zarr evaluate-tisfm --model model -o evaluation
  finemo-zarr evaluate-tisfm --model model --part validation -o validation
  finemo-zarr evaluate-tisfm --model model -s other.tsv --sequences other_sequences.tsv
      -o elsewhere

Without data, those of the training are read and split as there. Of data that are named, all are
evaluated, unless --splits, --validation-chroms or --test-chroms split them."""

    model: Path = option(
        "--model", metavar="DIR", help="Folder that train-tisfm or tisfm-path wrote."
    )
    out: Path = option("-o", "--out", metavar="DIR", help="Folder to write.")
    part: Literal["train", "validation", "test", "all"] | None = option(
        "--part",
        default=None,
        help="Regions to predict: by default those of the test, and all of data that are named"
        " without a split.",
    )
    device: str = option(
        "--device",
        default="auto",
        metavar="DEVICE",
        help="auto (a GPU if there is one), cpu, cuda.",
    )
    overwrite: bool = option("--overwrite", default=False, help="Replace output that exists.")

    def run(self) -> str:
        """Write the tables; returns the errors."""
        from finemo_zarr_tisfm.files import load_model, read_description
        from finemo_zarr_tisfm.fitting import find_device

        model = load_model(self.model).to(find_device(self.device))
        facts = read_description(self.model)["facts"]
        data, part = self._data(model.window, facts)
        if (data.tracks, data.window) != (model.tracks, model.window):
            raise SchemaError(
                f"the data have {len(data.tracks)} tracks and {data.window} bp, the model "
                f"{self.model} has {len(model.tracks)} and {model.window} bp, or the names differ"
            )
        with staged(self.out, overwrite=self.overwrite, replaceable=_is_evaluation) as work:
            folder = Path(str(work))
            folder.mkdir(parents=True)
            return write_evaluation(folder, model, data, part, self.model)

    def _data(self, window: int, facts: Mapping[str, Any]) -> tuple["SignalData", str]:
        """The data, and which part of them."""
        scaling = facts.get("scaling")
        if not self.has_data():
            if given := self.given(DATA_FIELDS):
                raise RunError(
                    f"{', '.join(given.values())}: without data, those of the training are"
                    " evaluated, as they were read and split there; name data (-s, or -p), too, or"
                    " leave it out"
                )
            return recorded_data(facts["data"]).read_data(scaling), self.part or "test"
        split = self.has_split()
        if not split and self.part not in (None, "all"):
            raise RunError(
                f"--part {self.part}: the data are not split; give --splits, or"
                " --validation-chroms and --test-chroms, or leave --part out to evaluate all"
            )
        source = replace(self, window_size=window) if self.window_size is None else self
        data = source.read_data(scaling, whole=True)
        return data, self.part or ("test" if split else "all")


def write_evaluation(
    folder: Path, model: "TiSFM", data: "SignalData", part: str, source: Path
) -> str:
    """Write the tables and the store of an evaluation; returns the errors, as text."""
    import polars as pl

    from finemo_zarr.report.saved import save_tables
    from finemo_zarr_tisfm.evaluation import importance_table, interaction_table, score_tracks
    from finemo_zarr_tisfm.evaluation_store import finish_evaluation, write_predictions
    from finemo_zarr_tisfm.readouts import open_readouts

    readouts = open_readouts(source)
    importance = importance_table(readouts)
    rows = np.arange(len(data.codes)) if part == "all" else data.rows(part)
    with progress("predict", len(rows)) as advance:
        predicted = write_predictions(folder / STORE, model, data.codes[rows], advance)
    scores = score_tracks(predicted, data.signal[rows], data.tracks)
    attrs = {"model": str(source.resolve()), "part": part}
    finish_evaluation(folder / STORE, data, model, rows, predicted, scores, attrs)
    names = [data.names[row] for row in rows]
    columns = dict(zip(data.tracks, predicted.T, strict=True))
    tables = {
        SCORES: scores,
        IMPORTANCE: importance,
        INTERACTIONS: interaction_table(readouts),
        PREDICTIONS: pl.DataFrame({"region": names} | columns),
    }
    save_tables(folder, {Path(name).stem: table for name, table in tables.items()})
    lines = [f"{len(names):,} regions ({part})"]
    for row in scores.iter_rows(named=True):
        track = row["track"]
        said = f"{track:<16} error {row['mse']:.4f}  correlation {row['pearson']:.3f}"
        best = importance.filter(pl.col("track") == track)["motif"].head(5).to_list()
        lines.append(f"{said}  {', '.join(best)}".rstrip())
    return "\n".join(lines)


def _is_evaluation(path: "Location") -> bool:
    return (path / SCORES).is_file()
