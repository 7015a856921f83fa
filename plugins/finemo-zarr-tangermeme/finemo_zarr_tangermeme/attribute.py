"""``attribute``: a model and regions into a regions store with the model's contributions."""

import warnings
from dataclasses import dataclass, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

from finemo_zarr import extract_regions
from finemo_zarr.errors import ConvergenceWarning, ReadError, RunError
from finemo_zarr.progress import progress
from finemo_zarr.protocols import option, option_values
from finemo_zarr_tangermeme.attribution_options import AttributionOptions
from finemo_zarr_tangermeme.bpnet_lite import PREFIX
from finemo_zarr_tangermeme.computed import Computed, complete
from finemo_zarr_tangermeme.models import weights_digest
from finemo_zarr_tangermeme.peaks import Sequences
from finemo_zarr_tangermeme.pieces import Pieces

_MUCH = 0.01
"""Share of the difference of predictions that deltas reach where an operation has no rule."""


@dataclass(frozen=True, kw_only=True)
class Attribute(AttributionOptions):
    """Compute contributions block by block, then write them as one regions store.

    Parameters
    ----------
    out_path : Path
        The store.
    block : int
        Regions computed between two savings.
    overwrite : bool
        Replace a store that is there.
    """

    resumes: ClassVar[bool] = True
    examples: ClassVar[str] = """
  finemo-zarr attribute --model net.py:load -p peaks.narrowPeak -f genome.fa --input-width 2114 \\
    --output 1 -o regions.zarr
  finemo-zarr attribute --model net.torchscript --method ism -r sequences.zarr -o regions.zarr"""

    out_path: Path = option(
        "-o", "--out-path", metavar="STORE", help="Regions store to write; ends in .zarr."
    )
    block: int = option(
        "--block", default=64, metavar="N", help="Regions computed between two savings."
    )
    overwrite: bool = option("--overwrite", default=False, help="Replace output that exists.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.block < 1:
            raise RunError(f"--block is {self.block}, expected 1 or more")
        if Path(self.out_path).suffix != ".zarr":
            raise RunError(f"{self.out_path} must end in .zarr: a Zarr store is written")

    def run(self) -> str:
        """Do it; a run that was ended goes on where it was.

        Raises
        ------
        ReadError
            If model or sequences cannot be used.
        RunError
            If the output exists, or cannot be written.
        """
        out = Path(self.out_path)
        if out.exists() and not self.overwrite:
            raise RunError(f"{out} exists: choose another place, or replace it with --overwrite")
        wanted = self.sequences()
        sequences, kept = complete(wanted)
        head = self._head()
        pieces = Pieces.beside(out)
        pieces.begin(self._made_by(sequences, head), overwrite=self.overwrite)
        self._compute(head, sequences, pieces)
        computed = Computed(
            **{each.name: getattr(self, each.name) for each in fields(AttributionOptions)},
            pieces=pieces,
            sizes=tuple(len(part) for part in self._parts(len(kept))),
            coordinates=sequences.coordinates,
            source_row=kept if len(kept) < len(wanted.codes) else None,
        )
        written = extract_regions(computed, out, overwrite=self.overwrite, jobs=1)
        self._judge(computed)
        pieces.remove()
        size = f"{written.sizes['region']:,} regions of {written.sizes['position']:,} bp"
        return f"{size} with hypothetical scores: {out}"

    def _made_by(self, sequences: Sequences, head: Any) -> dict[str, Any]:
        """What finished blocks must have in common with those to come."""
        left_out = ("out_path", "overwrite", "device", "batch_size", "delta_threshold")
        options = {k: v for k, v in option_values(self).items() if k not in left_out}
        model = self.model.removeprefix(PREFIX)
        file = Path(model if Path(model).is_file() else model.rpartition(":")[0])
        stat = file.stat() if file.is_file() else None
        return {
            "options": options,
            "model": None if stat is None else [stat.st_size, stat.st_mtime_ns],
            "weights": weights_digest(head),  # a function may load them from any file
            "sequences": blake2b(sequences.codes.tobytes(), digest_size=16).hexdigest(),
        }

    def _parts(self, count: int) -> list[range]:
        starts = range(0, count, self.block)
        return [range(start, min(start + self.block, count)) for start in starts]

    def _head(self) -> Any:
        head, transparent = self.head()
        if self.method == "deeplift" and not transparent:
            raise ReadError(
                f"--model {self.model}: DeepLIFT follows the modules of a network, which a file of "
                "TorchScript or torch.export no longer has; give a function that builds the "
                "network, or --method ism"
            )
        return head

    def _compute(self, head: Any, sequences: Sequences, pieces: Pieces) -> None:
        how, parts = self.how(), self._parts(len(sequences.codes))
        with progress("attribute", len(sequences.codes)) as advance:
            for index, part in enumerate(parts):
                if not pieces.path(index).exists():
                    codes = sequences.codes[part.start : part.stop]
                    found = how.attribute(head, codes)
                    arrays = {"scores": self.within(found.scores), "codes": self.within(codes)}
                    numbers = {"delta": found.delta, "difference": found.difference}
                    pieces.save(index, arrays | numbers)
                advance(len(part))

    def _judge(self, computed: Computed) -> None:
        """Warn where contributions do not sum to what they should."""
        delta = computed.of_regions("delta")
        high = int((delta > self.delta_threshold).sum())  # none without a delta: it is NaN
        if not high:
            return
        share = float(delta.mean() / max(computed.of_regions("difference").mean(), 1e-12))
        reason = (
            "an operation of the model has no DeepLIFT rule and was taken as linear (an activation "
            "that is a function, not a module?), so that the contributions are wrong"
            if share > _MUCH
            else "too little to matter if predictions are large"
        )
        warnings.warn(
            f"{high} of {delta.size} regions have a convergence delta above "
            f"{self.delta_threshold:g} (region_attribution_delta in the store); on average deltas "
            f"are {share:.2g} of the differences of predictions: {reason}",
            ConvergenceWarning,
            stacklevel=3,
        )
