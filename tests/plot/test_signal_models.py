import numpy as np
import pytest
import xarray as xr

from finemo_zarr.plot.signal_models import (
    pooling_weights,
    positional_profile,
    predicted_against_measured,
    track_correlations,
    track_errors,
    training_history,
)


@pytest.fixture(autouse=True)
def _closed():
    from matplotlib import pyplot as plt

    yield
    plt.close("all")


SCORES = xr.Dataset(
    {
        "pearson": ("track", [0.9, np.nan]),
        "spearman": ("track", [0.8, 0.1]),
        "mse": ("track", [0.2, 1.1]),
        "variance": ("track", [1.0, 1.0]),
    },
    {"track": ["B", "T"]},
)


def test_history__marks_the_best_epoch() -> None:
    ax = training_history(np.arange(1, 4), np.array([3, 2, 1]), np.array([3, 1, 2]))
    best = next(line for line in ax.lines if line.get_label() == "best")
    assert (list(best.get_xdata()), list(best.get_ydata())) == ([2], [1])
    penalty = np.array([0, 3, 1])
    ax = training_history(np.arange(1, 4), np.array([3, 2, 1]), np.array([4, 1, 2]), penalty)
    best = next(line for line in ax.lines if line.get_label() == "best")
    assert (list(best.get_xdata()), list(best.get_ydata())) == ([3], [2])


def test_tracks__are_drawn_from_the_top() -> None:
    for draw, widths in ((track_correlations, [0.9]), (track_errors, [0.2, 1.1])):
        ax = draw(SCORES)
        assert [label.get_text() for label in ax.get_yticklabels()] == ["B", "T"]
        assert [bar.get_width() for bar in ax.patches][: len(widths)] == widths
        assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_scatter__draws_a_part_of_very_many_regions() -> None:
    values = np.linspace(0, 1, 5000)
    ax = predicted_against_measured(values, values, "B")
    assert len(ax.collections[0].get_offsets()) == 1500
    assert ax.get_title() == "B"


def test_layers__show_what_was_learned() -> None:
    weights = xr.DataArray([9.0, 7.0], {"motif": ["a", "b"]}, ("motif",))
    for start in (8.0, None):
        ax = pooling_weights(weights, start=start)
        assert (ax.get_legend() is None) == (start is None)
    profile = positional_profile(np.array([0.0, 1.0, 0.5]))
    assert profile.lines[-1].get_ydata().tolist() == [0.0, 1.0, 0.5]
