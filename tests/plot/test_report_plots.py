import matplotlib as mpl
import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage

from finemo_zarr.plot.motif_tree import cluster_colour, motif_tree
from finemo_zarr.plot.performance import count_scatter, metric_bars, share_curves


@pytest.fixture(autouse=True)
def _no_window():
    from matplotlib import pyplot as plt

    mpl.use("Agg")
    yield
    plt.close("all")


def test_curves__say_which_share_is_as_good() -> None:
    values = np.array([0.1, 0.2, 0.2, 0.9, np.nan])
    more = share_curves({"a": values}, "x", at_least=True, limits=(0, 1)).lines[0]
    less = share_curves({"a": values}, "x", at_least=False, limits=(0, 1)).lines[0]
    for at in (0.0, 0.2, 0.25, 0.5, 1.0):
        shown = float(np.interp(at, more.get_xdata(), more.get_ydata()))
        exact = (values[:4] >= at).mean()
        if at in {0.0, 0.25, 0.5, 1.0}:
            assert shown == pytest.approx(exact)
        shown = float(np.interp(at, less.get_xdata(), less.get_ydata()))
        if at in {0.0, 0.25, 0.5, 1.0}:
            assert shown == pytest.approx((values[:4] <= at).mean())


def test_curves__of_nothing_and_of_equal_values_are_drawn() -> None:
    ax = share_curves({"a": np.full(3, np.nan)}, "x", at_least=True)
    assert not ax.lines
    ax = share_curves({"a": np.ones(3), "b": np.full(3, np.inf)}, "x", at_least=False)
    assert len(ax.lines) == 2
    assert ax.lines[1].get_ydata().max() == 0  # an infinite error is never reached
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_bars__show_their_numbers() -> None:
    ax = metric_bars({"a": 0.5, "b": float("nan"), "c": -0.25}, "Pearson")
    assert [text.get_text() for text in ax.texts] == ["0.500", "not known", "-0.250"]
    assert [bar.get_width() for bar in ax.patches] == [0.5, 0.0, -0.25]
    assert ax.get_xlim()[0] <= -0.25


def test_scatter__draws_what_is_known_but_not_too_much() -> None:
    x = np.arange(10_000.0)
    assert len(count_scatter(x, x).collections[0].get_offsets()) == 4000
    ax = count_scatter(np.array([1.0, np.nan]), np.array([2.0, 1.0]))
    assert ax.collections[0].get_offsets().tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_tree__stands_over_its_matrix(size) -> None:
    points = np.random.default_rng(0).normal(size=(size, 3))
    similarity = np.exp(-np.linalg.norm(points[:, None] - points, axis=2))
    tree = linkage(points, "average") if size > 1 else np.zeros((0, 4))
    names = [f"m{number}" for number in range(size)]
    clusters = np.arange(size) // 2
    ax = motif_tree(similarity, tree, names, clusters, height=0.1)
    shown = np.asarray(ax.images[0].get_array())
    branches = ax.figure.axes[0]
    assert branches.get_xlim() == ax.get_xlim() == (0, 10 * size)
    labels = [text.get_text() for text in ax.get_xticklabels()]
    if size <= 90:
        order = [names.index(label) for label in labels]
        np.testing.assert_allclose(shown, similarity[np.ix_(order, order)])
    else:
        assert labels == []


def test_tree__branches_have_the_colour_of_their_cluster() -> None:
    from matplotlib.colors import to_hex

    points = np.array([[0.0], [0.1], [5.0], [5.2], [9.0]])
    tree = linkage(points, "average")
    similarity = np.exp(-np.abs(points - points.T))
    ax = motif_tree(similarity, tree, list("abcde"), np.array([0, 0, 1, 1, 2]))
    drawn = {to_hex(c.get_color()[0]) for c in ax.figure.axes[0].collections}
    assert {cluster_colour(0), cluster_colour(1), "#b3bac1"} == drawn
    colours = {text.get_text(): to_hex(text.get_color()) for text in ax.get_xticklabels()}
    assert colours == {
        **dict.fromkeys("ab", cluster_colour(0)),
        **dict.fromkeys("cd", cluster_colour(1)),
        "e": "#66727f",
    }
