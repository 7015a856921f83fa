"""Adam with a penalty that sets weights to exactly zero."""

from collections.abc import Iterable
from typing import Any, Literal

import torch  # noqa: TID253
from torch import Tensor  # noqa: TID253

Penalty = Literal["l1", "mcp"]


def soft_threshold(weight: Tensor, step: Tensor, strength: float) -> Tensor:
    """Return the proximal operator of ``strength · |w|`` for steps of any size."""
    return weight.sign() * (weight.abs() - step * strength).clamp(min=0)


def firm_threshold(weight: Tensor, step: Tensor, strength: float, concavity: float) -> Tensor:
    """Return the proximal operator of the minimax concave penalty.

    The penalty is ``strength · |w| - w² / (2 concavity)`` up to ``concavity · strength``, and
    constant from there. Where a step is as long as `concavity` or longer, the problem is concave
    below that, and the answer is either 0 or the weight as it is.

    Parameters
    ----------
    weight, step : Tensor
        Weights and their steps, of one shape.
    strength : float
        The penalty's slope at 0.
    concavity : float
        From ``concavity · strength`` on, weights are not penalised.
    """
    size = weight.abs()
    knot = concavity * strength
    short = step < concavity
    shrunk = soft_threshold(weight, step, strength) / (1 - step / concavity).where(short, 1.0)
    firm = torch.where(size <= knot, shrunk, weight)
    kept = size > strength * (step * concavity).sqrt()
    return torch.where(short, firm, weight * kept)


def penalty_value(weight: Tensor, kind: Penalty, strength: float, concavity: float) -> float:
    """Sum of the penalties of weights, of either kind."""
    size = weight.abs()
    if kind == "l1":
        return float((strength * size).sum())
    size = size.clamp(max=concavity * strength)
    return float((strength * size - size**2 / (2 * concavity)).sum())


class ProximalAdam(torch.optim.Adam):
    """Adam, and after each of its steps the proximal operator of a penalty.

    Parameters
    ----------
    parameters : iterable
        As for :class:`torch.optim.Adam`; a group with ``"penalised": True`` is penalised. With
        ``"unit"``, a number above 0 or a Tensor of them, weights are penalised times that.
    lr : float
        Rate of learning.
    penalty : {"l1", "mcp"}
        Which penalty.
    strength : float
        Its slope at 0 (lambda); 0 for none.
    concavity : float
        Of ``mcp``.

    Notes
    -----
    The step of a weight is the one that Adam took there,
    ``lr / (1 - β1^t) / (sqrt(v / (1 - β2^t)) + ε)``.
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float,
        penalty: Penalty = "l1",
        strength: float = 0.0,
        concavity: float = 3.0,
    ) -> None:
        if penalty not in ("l1", "mcp"):
            raise ValueError(f"the penalty is {penalty!r}, expected l1 or mcp")
        if not strength >= 0 or not concavity > 0:
            raise ValueError(f"strength {strength} or concavity {concavity} is not positive")
        super().__init__(parameters, lr=lr)
        self.penalty, self.strength, self.concavity = penalty, strength, concavity

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take a step."""
        loss = super().step(closure)
        if self.strength:
            for group in self.param_groups:
                if group.get("penalised", False):
                    for weight in group["params"]:
                        self._shrink(weight, group)
        return loss

    @torch.no_grad()
    def penalties(self) -> float:
        """Sum of the penalties of all that is penalised."""
        return sum(
            penalty_value(
                weight * group.get("unit", 1.0), self.penalty, self.strength, self.concavity
            )
            for group in self.param_groups
            if self.strength and group.get("penalised", False)
            for weight in group["params"]
        )

    def _shrink(self, weight: Tensor, group: dict[str, Any]) -> None:
        state = self.state.get(weight)
        if not state:
            return  # it had no gradient
        unit = group.get("unit", 1.0)
        scaled, step = weight * unit, step_sizes(state, group) * unit**2
        if self.penalty == "l1":
            shrunk = soft_threshold(scaled, step, self.strength)
        else:
            shrunk = firm_threshold(scaled, step, self.strength, self.concavity)
        weight.copy_(shrunk / unit)


def step_sizes(state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    """Steps of Adam, per weight."""
    first, second = group["betas"]
    taken = float(state["step"])
    root = (state["exp_avg_sq"] / (1 - second**taken)).sqrt() + group["eps"]
    steps: Tensor = group["lr"] / (1 - first**taken) / root
    return steps
