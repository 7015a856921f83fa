"""``tisfm-path``: models of ever stronger penalties, each from the last one's best."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from finemo_zarr.protocols import option
from finemo_zarr.store import staged, state_path
from finemo_zarr_tisfm.train_command import TrainingCommand, is_model

Choice = Literal["least", "simplest"]


@dataclass(frozen=True, kw_only=True)
class TisfmPath(TrainingCommand):
    """Trains a path of models."""

    name: ClassVar[str] = "tisfm-path"
    resumes: ClassVar[bool] = True
    summary: ClassVar[str] = "Train models of ever stronger penalties, and choose the best."
    examples: ClassVar[str] = """
  finemo-zarr tisfm-path -m cisbp.meme -s signal.tsv --sequences sequences.tsv --splits splits
      --lambda-range 1e-4 1e-1 8 -o path
  finemo-zarr tisfm-path -m jaspar.meme -r regions.zarr -s signal.tsv --penalty l1
      --lambdas 1e-3 3e-3 1e-2 -o path

The output is a model, too: the one that --choose names; lambda_000, lambda_001, ... in it are all
of them. A path that was ended goes on where it was when the same command is given again."""

    lambdas: tuple[float, ...] = option(
        "--lambdas", default=(), metavar="LAMBDA", help="Strengths of the penalty; 0 is added."
    )
    lambda_range: tuple[float, ...] = option(
        "--lambda-range",
        default=(),
        metavar="NUMBER",
        help="Least and largest strength, and how many, in equal ratios; 0 is added.",
    )
    linear: bool = option(
        "--linear-range", default=False, help="Equal differences in --lambda-range, not ratios."
    )
    step_rate: float | None = option(
        "--step-lr",
        default=None,
        metavar="RATE",
        help="Rate of learning from the second model on; by default a tenth of the first one's.",
    )
    choose: Choice = option(
        "--choose",
        default="least",
        help="The model of the output: that of the least validation error, or the simplest, of the"
        " largest lambda whose error is within a standard error of the least.",
    )
    patience: int = option(
        "--patience",
        default=20,
        metavar="N",
        help="Epochs without a better sum of validation error and penalty after which the rate is"
        " divided by ten.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.strength:
            raise ValueError("--lambda is for one model: give --lambdas or --lambda-range")
        if self.step_rate is not None and not self.step_rate > 0:
            raise ValueError(f"--step-lr is {self.step_rate}, expected more than 0")
        self.strengths()

    def strengths(self) -> list[float]:
        """The strengths of the path, ascending, 0 first."""
        if bool(self.lambdas) == bool(self.lambda_range):
            raise ValueError("give either --lambdas or --lambda-range")
        found = list(self.lambdas)
        if self.lambda_range:
            if len(self.lambda_range) != 3:
                raise ValueError("--lambda-range takes three numbers: least, largest, how many")
            first, last, count = self.lambda_range
            if not (0 < first <= last < np.inf and 1 <= count < np.inf and count == int(count)):
                raise ValueError("--lambda-range: expected 0 < least <= largest, and a count")
            space = np.linspace if self.linear else np.geomspace
            found = space(first, last, int(count)).tolist()
        if wrong := [strength for strength in found if not 0 <= strength < np.inf]:
            raise ValueError(f"--lambdas: {wrong[0]} is no strength, expected 0 or more")
        return sorted({0.0, *found})

    def run(self) -> str:
        """Train the path; returns a line for each model."""
        from finemo_zarr_tisfm.path_training import PathTraining

        data = self.read_data()
        model = self.make_model(data)
        with staged(
            self.out, overwrite=self.overwrite, replaceable=is_model, resumable=True
        ) as folder:
            state, work = Path(str(state_path(self.out))), Path(str(folder))
            for stale in work.glob("lambda_*"):  # of other strengths, perhaps; checkpoints say
                shutil.rmtree(stale)
            path = PathTraining(self, data, self.step_rate, work, state)
            for index, strength in enumerate(self.strengths()):
                model = path.step(index, strength, model)
            said = path.finish(simplest=self.choose == "simplest")
            return f"{said}\nmodel ({self.choose}): {self.out}"
