"""A model as the methods need it: one-hot sequences in, one number out."""

from functools import lru_cache
from typing import Any

from finemo_zarr.errors import ReadError

REDUCTIONS = ("none", "mean", "sum", "profile")


def with_head(model: Any, output: int, reduce: str, task: int, controls: int | None) -> Any:
    """Wrap a model so that it takes ``(batch, 4, length)`` and returns ``(batch, 1)``.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    output : int
        Which output, where there are several.
    reduce : {"none", "mean", "sum", "profile"}
        How positions become one number; ``profile``: the logits of a profile, each weighted by its
        probability.
    task : int
        Which column of what is left.
    controls : int, optional
        Control tracks that the model wants beside the sequence; zeros. By default its attribute
        ``n_control_tracks``, if it has one.
    """
    if controls is None:
        controls = int(getattr(model, "n_control_tracks", 0) or 0)
    wrapped = _head_class()(model, output, reduce, task, controls)
    wrapped.eval()
    return wrapped


@lru_cache
def _head_class() -> Any:
    """Define the class once torch is there."""
    import torch
    from tangermeme.deep_lift_shap import BilinearOp

    class Head(torch.nn.Module):
        """The model with one number per sequence; `seen` holds what it returned, if it is a list.

        DeepLIFT has rules for modules only, so that softmax and product are modules, too.
        """

        def __init__(self, model: Any, output: int, reduce: str, task: int, controls: int) -> None:
            super().__init__()
            self.model, self.output, self.reduce = model, output, reduce
            self.task, self.controls = task, controls
            self.softmax = torch.nn.Softmax(dim=-1)
            self.product = BilinearOp("...,...->...")
            self.seen: list[Any] | None = None

        def forward(self, sequences: Any) -> Any:
            given = [sequences]
            if self.controls:
                shape = (sequences.shape[0], self.controls, sequences.shape[-1])
                given.append(sequences.new_zeros(shape))
            result = _chosen(self.model(*given), self.output)
            if self.reduce == "profile":
                logits = result.flatten(1)
                logits = logits - logits.mean(dim=-1, keepdim=True)
                result = self.product(logits, self.softmax(logits)).sum(dim=-1, keepdim=True)
            elif self.reduce != "none" and result.ndim > 1:
                result = getattr(torch, self.reduce)(result, dim=-1)
            result = _column(result, self.task)
            if self.seen is not None:
                self.seen.append(result.detach().cpu())
            return result

    return Head


def _chosen(result: Any, output: int) -> Any:
    if isinstance(result, dict):
        result = list(result.values())
    if not isinstance(result, (tuple, list)):
        if output:
            raise ReadError(f"--output {output}: the model has one output, number 0")
        return result
    if not 0 <= output < len(result):
        raise ReadError(f"--output {output}: the model has {len(result)}, counted from 0")
    return result[output]


def _column(result: Any, task: int) -> Any:
    if result.ndim == 1:
        result = result[:, None]
    while result.ndim > 2 and result.shape[-1] == 1:
        result = result.squeeze(-1)
    if result.ndim != 2:
        raise ReadError(
            f"the model returns {tuple(result.shape)}, expected (batch, tasks); say how positions "
            "become one number: --reduce mean, sum or profile"
        )
    if not 0 <= task < result.shape[1]:
        raise ReadError(f"--task {task}: the model has {result.shape[1]}, counted from 0")
    return result[:, task : task + 1]
