import numpy as np
import pytest
import torch
from finemo_zarr_tisfm.prox import (
    ProximalAdam,
    firm_threshold,
    penalty_value,
    soft_threshold,
    step_sizes,
)

WEIGHTS = np.linspace(-3, 3, 25)


def penalty_of(kind, size, strength, concavity):
    if kind == "l1":
        return strength * size
    below = strength * size - size**2 / (2 * concavity)
    return np.where(size <= concavity * strength, below, concavity * strength**2 / 2)


def brute_force(kind, weight, step, strength, concavity):
    """The best of many answers to min (z - w)² / 2 step + penalty(z)."""
    grid = np.linspace(-3.2, 3.2, 12_801)
    cost = (grid - weight) ** 2 / (2 * step) + penalty_of(kind, np.abs(grid), strength, concavity)
    return grid[cost.argmin()], cost.min()


@pytest.mark.parametrize("kind", ["l1", "mcp"])
@pytest.mark.parametrize("step", [0.01, 0.5, 1.0, 2.5, 3.5, 20.0])
@pytest.mark.parametrize("strength", [0.05, 0.6])
def test_operators__are_those_that_brute_force_finds(kind, step, strength) -> None:
    weight = torch.tensor(WEIGHTS)
    steps = torch.full_like(weight, step)
    if kind == "l1":
        found = soft_threshold(weight, steps, strength).numpy()
    else:
        found = firm_threshold(weight, steps, strength, 3.0).numpy()
    for before, after in zip(WEIGHTS, found, strict=True):
        _, least = brute_force(kind, before, step, strength, 3.0)
        cost = (after - before) ** 2 / (2 * step)
        cost += penalty_of(kind, abs(after), strength, 3.0)
        assert cost <= least + 1e-5


def test_firm_threshold__leaves_large_weights_and_zeroes_small_ones() -> None:
    weight = torch.tensor([0.05, 0.2, 1.0, -1.0, -0.05])
    found = firm_threshold(weight, torch.ones(5), 0.1, 3.0)
    np.testing.assert_allclose(found, [0, 0.15, 1, -1, 0], atol=1e-7)


def test_adam__without_a_penalty_is_that_of_torch() -> None:
    ours, theirs = (torch.nn.Parameter(torch.tensor([1.0, -2.0])) for _ in range(2))
    pairs = [(ours, ProximalAdam([{"params": [ours], "penalised": True}], lr=0.1))]
    pairs.append((theirs, torch.optim.Adam([theirs], lr=0.1)))
    for _ in range(5):
        for weight, optimiser in pairs:
            optimiser.zero_grad()
            (weight**4).sum().backward()
            optimiser.step()
    assert torch.equal(ours, theirs)


def test_adam__takes_the_step_of_the_definition() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, 0.5, 0.3]))
    optimiser = ProximalAdam([{"params": [weight], "penalised": True}], lr=0.01, strength=0.2)
    gradient, before = np.array([2.0, -0.1, 0.01]), weight.detach().numpy().copy()
    weight.grad = torch.tensor(gradient, dtype=torch.float32)
    optimiser.step()
    step = 0.01 / (1 - 0.9) / (np.abs(gradient) + 1e-8)  # the first: v is the squared gradient
    np.testing.assert_allclose(
        step_sizes(optimiser.state[weight], optimiser.param_groups[0]), step, rtol=1e-5
    )
    moved = before - 0.01 * np.sign(gradient)
    expected = np.sign(moved) * np.maximum(np.abs(moved) - 0.2 * step, 0)
    np.testing.assert_allclose(weight.detach(), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["l1", "mcp"])
def test_adam__reaches_the_closed_form_of_a_quadratic(kind) -> None:
    target = torch.tensor([2.0, 0.4, -0.05, 0.0])
    weight = torch.nn.Parameter(torch.zeros(4))
    groups = [{"params": [weight], "penalised": True}]
    optimiser = ProximalAdam(groups, lr=0.01, penalty=kind, strength=0.1)
    for _ in range(3000):
        optimiser.zero_grad()
        (0.5 * (weight - target) ** 2).sum().backward()
        optimiser.step()
    expected = [1.9, 0.3, 0, 0] if kind == "l1" else [2, 0.4, 0, 0]
    np.testing.assert_allclose(weight.detach(), expected, atol=2e-3)
    assert (weight[2:] == 0).all()


def test_adam__penalises_only_what_it_should() -> None:
    weight, other = (torch.nn.Parameter(torch.full((2,), 0.01)) for _ in range(2))
    groups = [{"params": [weight], "penalised": True}, {"params": [other]}]
    optimiser = ProximalAdam(groups, lr=1e-4, strength=10)
    (weight.sum() + other.sum()).backward()
    optimiser.step()
    assert (weight == 0).all()
    assert (other != 0).all()


@pytest.mark.parametrize("kind", ["l1", "mcp"])
def test_penalty_value__is_the_sum_of_the_penalties(kind) -> None:
    expected = penalty_of(kind, np.abs(WEIGHTS), 0.5, 3.0).sum()
    assert penalty_value(torch.tensor(WEIGHTS), kind, 0.5, 3.0) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["l1", "mcp"])
def test_adam__with_units_is_adam_of_what_is_scaled(kind) -> None:
    # w · unit is penalised: the least of (w - t)² / 2 + penalty(unit · w), by brute force.
    target, unit = np.array([2.0, 0.4, 0.4, 0.1]), np.array([1.0, 0.5, 2.0, 0.1])
    weight = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))
    group = {"params": [weight], "penalised": True, "unit": torch.tensor(unit)}
    optimiser = ProximalAdam([group], lr=0.01, penalty=kind, strength=0.3, concavity=5.0)
    for _ in range(3000):
        optimiser.zero_grad()
        (0.5 * (weight - torch.tensor(target)) ** 2).sum().backward()
        optimiser.step()
    grid = np.linspace(-1, 3, 40_001)
    cost = (grid - target[:, None]) ** 2 / 2
    cost += penalty_of(kind, np.abs(grid * unit[:, None]), 0.3, 5.0)
    np.testing.assert_allclose(weight.detach(), grid[cost.argmin(axis=1)], atol=3e-3)
    assert weight[2] == 0
    scaled = np.abs(weight.detach().numpy() * unit)
    assert optimiser.penalties() == pytest.approx(penalty_of(kind, scaled, 0.3, 5.0).sum())


@pytest.mark.parametrize("wrong", [{"penalty": "l2"}, {"strength": -1}, {"concavity": 0}])
def test_adam__refuses_what_is_no_penalty(wrong) -> None:
    with pytest.raises(ValueError, match="is"):
        ProximalAdam([torch.nn.Parameter(torch.ones(1))], lr=1, **wrong)
