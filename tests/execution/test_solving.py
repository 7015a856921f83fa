from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import PluginError
from finemo_zarr.execution.solving import cut, solve_block
from finemo_zarr.model import create_regions
from finemo_zarr.motifs import combine_motifs
from finemo_zarr.protocols import HitsAndQC
from finemo_zarr.sequence import NO_BASE
from finemo_zarr.solvers.coordinate_descent import CoordinateDescent
from finemo_zarr.testing import simulate_motifs, simulate_regions
from finemo_zarr.testing.contracts.solvers import prepared

EXACT = CoordinateDescent(tolerance=1e-9)


@dataclass(frozen=True)
class Grouped:
    """Coordinate descent that must not be asked for different widths."""

    name: ClassVar[str] = "grouped"
    summary: ClassVar[str] = "As coordinate-descent."

    def solve(self, regions: xr.Dataset, motifs: xr.Dataset) -> HitsAndQC:
        assert "region_width" not in regions
        return EXACT.solve(regions, motifs)


def oriented(mode: str = "pp", placement: str = "core", **options: Any) -> xr.Dataset:
    motifs = combine_motifs(
        [
            simulate_motifs(3, 20, (6, 12), palindromes=0.5, seed=1),
            simulate_motifs(2, 12, (8, 10), n_negative=2, palindromes=0, seed=2),
        ]
    )
    return prepared(motifs, mode=mode, placement=placement, **options)


def simulate(count: int, width: int, seed: int, mode: str = "pp", sites: int = 6) -> xr.Dataset:
    motifs = simulate_motifs(3, 20, (6, 12), palindromes=0.5, seed=1)
    return simulate_regions(
        motifs,
        count,
        width,
        sites_per_region=(0, sites),
        hypothetical=mode[1] == "h",
        seed=seed,
    )[0]


def ragged(regions: xr.Dataset, widths: np.ndarray) -> xr.Dataset:
    """The regions, padded behind their widths."""
    behind = np.arange(regions.sizes["position"]) >= widths[:, None]
    codes = regions["region_sequence"].values.copy()
    scores = regions["region_contributions"].values.copy()
    codes[behind] = NO_BASE
    np.moveaxis(scores, -1, 1)[behind] = 0
    return create_regions(codes, scores, widths=widths)


def same_hits(one: HitsAndQC, other: HitsAndQC, atol: float = 1e-6) -> None:
    for name in ("hit_region", "hit_motif", "hit_start", "hit_end", "hit_start_untrimmed"):
        np.testing.assert_array_equal(one.hits[name], other.hits[name])
    for name in ("hit_coefficient", "hit_similarity", "hit_importance"):
        np.testing.assert_allclose(one.hits[name], other.hits[name], rtol=1e-4, atol=atol)
    for name in ("qc_scale", "qc_nll"):
        np.testing.assert_allclose(one.qc[name], other.qc[name], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(one.qc["qc_converged"], other.qc["qc_converged"])


@pytest.mark.parametrize("mode", ["pp", "hh"])
def test_solve_block__regions_of_different_widths_are_as_if_alone(mode: str) -> None:
    regions, motifs = simulate(12, 200, 3, mode), oriented(mode)
    widths = np.array([200, 90, 150, 90, 7, 200, 33, 90, 120, 64, 1, 90])
    padded = ragged(regions, widths)
    native, grouped = (solve_block(solver, padded, motifs) for solver in (EXACT, Grouped()))
    same_hits(native, grouped, atol=0)
    xr.testing.assert_identical(native.qc, grouped.qc)
    for index, width in enumerate(widths.tolist()):
        alone = EXACT.solve(cut(padded, [index], 0, width), motifs)
        own = native.hits.isel(hit=native.hits["hit_region"].values == index)
        np.testing.assert_array_equal(own["hit_start"], alone.hits["hit_start"])
        np.testing.assert_array_equal(own["hit_coefficient"], alone.hits["hit_coefficient"])
        assert native.qc["qc_scale"].values[index] == alone.qc["qc_scale"].values[0]


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    tile=st.integers(20, 900),
    width=st.integers(500, 2500),
    sites=st.sampled_from([0, 8, 150]),
    mode=st.sampled_from(["pp", "hh", "ph"]),
    placement=st.sampled_from(["core", "full"]),
    lam=st.sampled_from([0.3, 0.7]),
)
def test_solve_block__tiles_change_no_hit(seed, tile, width, sites, mode, placement, lam) -> None:
    regions = simulate(2, width, seed, mode, sites)
    motifs = oriented(mode, placement, lambda_default=lam)
    same_hits(solve_block(EXACT, regions, motifs, tile=tile), EXACT.solve(regions, motifs))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), tile=st.integers(50, 600))
def test_solve_block__tiles_and_widths_go_together(seed: int, tile: int) -> None:
    rng = np.random.default_rng(seed)
    padded = ragged(simulate(6, 1500, seed, sites=40), rng.integers(1, 1501, 6))
    motifs = oriented()
    same_hits(solve_block(Grouped(), padded, motifs, tile=tile), EXACT.solve(padded, motifs))


def chain(width: int, step: int) -> tuple[xr.Dataset, xr.Dataset]:
    """One motif again and again, each overlapping the next: nowhere can the region be cut."""
    motifs = simulate_motifs(1, 20, (16, 16), palindromes=0, seed=5)
    core = oriented_core(motifs)
    codes = np.full((1, width), 0, dtype=np.uint8)
    scores = np.zeros((1, 4, width), dtype=np.float32)
    for start in range(0, width - core.shape[1], step):
        scores[0, :, start : start + core.shape[1]] += core
    return create_regions(codes, scores), prepared(motifs, mode="hh", lambda_default=0.05)


def oriented_core(motifs: xr.Dataset) -> np.ndarray:
    made = prepared(motifs, mode="hh")
    start, end = (int(made[name].values[0]) for name in ("motif_start", "motif_end"))
    return made["motif_weights"].values[0, :, start:end].astype(np.float32)


@pytest.mark.parametrize("step", [3, 7, 11])
def test_solve_block__merges_tiles_where_no_cut_is_free(step: int) -> None:
    regions, motifs = chain(3000, step)
    same_hits(solve_block(EXACT, regions, motifs, tile=400), EXACT.solve(regions, motifs))


def test_solve_block__bounds_what_the_solver_sees() -> None:
    seen: list[int] = []

    @dataclass(frozen=True)
    class Watched(Grouped):
        def solve(self, regions: xr.Dataset, motifs: xr.Dataset) -> HitsAndQC:
            seen.append(regions.sizes["position"])
            return super().solve(regions, motifs)

    regions, motifs = simulate(1, 20_000, 1, sites=60), oriented()
    same_hits(solve_block(Watched(), regions, motifs, tile=2000), EXACT.solve(regions, motifs))
    assert max(seen) <= 2000 + 2 * 10 * 20 + 1


def test_solve_block__tiles_need_a_solver_that_takes_a_scale() -> None:
    @dataclass(frozen=True)
    class Deaf(Grouped):
        def solve(self, regions: xr.Dataset, motifs: xr.Dataset) -> HitsAndQC:
            return EXACT.solve(regions.drop_vars("region_scale", errors="ignore"), motifs)

    regions = simulate(1, 900, 1)
    with pytest.raises(PluginError, match="does not take the scale that it is given"):
        solve_block(Deaf(), regions, oriented(), tile=100)
    assert solve_block(Deaf(), regions, oriented()).qc.sizes["region"] == 1


def test_solve_block__prox_gradient_in_tiles_finds_the_same() -> None:
    pytest.importorskip("torch")
    from finemo_zarr.solvers.prox_gradient import ProxGradient

    solver = ProxGradient(tolerance=1e-7)
    regions, motifs = simulate(1, 2000, 4, sites=20), oriented()
    tiled = solve_block(solver, regions, motifs, tile=500)
    whole = EXACT.solve(regions, motifs)
    strong = [
        solved.hits.isel(hit=solved.hits["hit_coefficient"].values > 0.05)
        for solved in (tiled, whole)
    ]
    np.testing.assert_array_equal(strong[0]["hit_start"], strong[1]["hit_start"])
    np.testing.assert_allclose(
        strong[0]["hit_coefficient"], strong[1]["hit_coefficient"], rtol=0.02
    )
