from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from matplotlib.text import Text

from finemo_zarr.plot.penalty_paths import NAMED, coefficient_paths, path_errors, path_sizes


@pytest.fixture(autouse=True)
def _closed():
    from matplotlib import pyplot as plt

    yield
    plt.close("all")


def path(strengths=(0.0, 0.01, 0.1), n_motifs: int = 12, **attrs: float) -> xr.Dataset:
    rng = np.random.default_rng(0)
    shape = (len(strengths), 2, n_motifs)
    weight = rng.normal(size=shape) * (np.arange(len(strengths))[::-1, None, None] > 0)
    data = {
        "weight": (("lambda", "track", "motif"), weight),
        "validation_error": ("lambda", np.linspace(1, 2, len(strengths))),
        "validation_error_se": ("lambda", np.full(len(strengths), 0.1)),
        "validation_error_by_track": (("lambda", "track"), rng.random((len(strengths), 2))),
    }
    coords = {
        "lambda": np.array(strengths),
        "track": ["B", "T"],
        "motif": [f"m{i}" for i in range(n_motifs)],
    }
    return xr.Dataset(data, coords, attrs)


def labelled(ax) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_xdata() for line in ax.lines}


def test_errors__stand_at_the_logarithm_of_lambda_and_zero_one_step_before() -> None:
    ax = path_errors(path(best_lambda=0.01, simplest_lambda=0.1))
    lines = labelled(ax)
    np.testing.assert_allclose(lines["validation, all tracks"], [-3, -2, -1])
    np.testing.assert_allclose(lines["least error"], -2)
    np.testing.assert_allclose(lines["within its error"], -1)
    assert "validation, each track" in lines
    assert "test" not in lines
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "0.01", "0.1"]


def test_errors__name_tracks_without_overlap_unless_they_are_many() -> None:
    for count in (5, 13):
        names = [f"cell {index}" for index in range(count)]
        by_track = ("lambda", "track"), np.full((3, count), 1.5)
        ax = path_errors(
            path()
            .drop_dims("track")
            .assign({"validation_error_by_track": by_track, "track": names})
        )
        ax.figure.canvas.draw()
        boxes = [Text.get_window_extent(text) for text in ax.texts]
        boxes.sort(key=lambda box: box.y0)
        assert all(lower.y1 <= upper.y0 + 1 for lower, upper in pairwise(boxes))
        assert sorted(text.get_text() for text in ax.texts) == (names if count < 13 else [])


@pytest.mark.parametrize("strengths", [(0.0,), (0.5,), (0.0, 0.5), (0.1, 0.2)])
def test_errors__of_short_paths(strengths) -> None:
    lines = labelled(path_errors(path(strengths)))
    assert (np.diff(lines["validation, all tracks"]) > 0).all()
    assert "least error" not in lines


def test_sizes__count_weights_that_are_not_zero() -> None:
    ax = path_sizes(path())
    assert ax.lines[0].get_ydata().tolist() == [24, 24, 0]


def test_coefficients__name_the_nine_largest() -> None:
    weights = path()["weight"].isel(track=0)
    ax = coefficient_paths(weights, 0.01, "B")
    shown = [text.get_text() for text in ax.get_legend().get_texts()]
    order = np.argsort(-np.abs(weights.sel({"lambda": 0.01}).values))
    assert shown == [f"m{at}" for at in order[:NAMED]]
    assert sum(line.get_color() == "#c3ccd4" for line in ax.lines) == 12 - NAMED


def test_coefficients__of_nothing_but_zeros_have_no_names() -> None:
    ax = coefficient_paths(0 * path()["weight"].isel(track=0), 0.01)
    assert ax.get_legend() is None
