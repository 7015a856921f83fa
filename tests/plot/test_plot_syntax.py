import numpy as np
import pytest
import xarray as xr

from finemo_zarr.plot import positions as draw_positions
from finemo_zarr.plot import spacing as draw_pairs
from finemo_zarr.plot import syntax as draw


@pytest.fixture(autouse=True)
def _no_window():
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.use("Agg")
    yield
    plt.close("all")


def association(size: int = 4) -> xr.Dataset:
    rng = np.random.default_rng(0)
    names = [f"m{at}" for at in range(size)]
    log_p = -rng.uniform(0, 30, (size, size))
    log_p[-1] = log_p[:, -1] = np.nan
    data = {
        "regions_with_both": rng.integers(0, 500, (size, size)),
        "expected": rng.uniform(10, 100, (size, size)),
        "log10_p": log_p,
        "q": 10**log_p,
    }
    return xr.Dataset(
        {name: (("motif", "other_motif"), values) for name, values in data.items()},
        coords={"motif": names, "other_motif": names},
    )


def test_association__shows_motifs_that_were_tested() -> None:
    tests = association()
    ax = draw.association_heatmap(tests)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert sorted(names) == ["m0", "m1", "m2"]
    image = ax.images[0].get_array()
    at = [int(name[1:]) for name in names]
    np.testing.assert_allclose(image, draw.log2_fold(tests)[np.ix_(at, at)])
    written = {text.get_text() for text in ax.texts}
    assert written == {f"{n}" for n in tests["regions_with_both"].values[:3, :3].ravel()}
    assert len(ax.collections[0].get_paths()) == int((tests["q"].values[:3, :3] <= 0.05).sum())
    p = draw.association_heatmap(tests, what="p")
    assert p.images[0].get_array().min() >= 0
    assert draw.association_heatmap(tests, most=2).images[0].get_array().shape == (2, 2)


def test_prevalence__bars_add_up() -> None:
    share = np.array([[0.1, 0.2, 0.0, 0.1], [0.3, 0.1, 0.1, 0.1], [0, 0, 0, 0]])
    table = xr.Dataset(
        {"share_with": (("motif", "hits"), share), "prevalence": ("motif", share.sum(axis=1))},
        coords={"motif": ["a", "b", "c"], "hits": [1, 2, 3, 4]},
    )
    ax = draw.prevalence_bars(table)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "a"]
    last = ax.containers[-1]
    assert [bar.get_x() + bar.get_width() for bar in last] == pytest.approx([0.6, 0.4])


def test_cumulative__ends_at_one() -> None:
    table = xr.Dataset({"cumulative_share": ("hits", [0.2, 0.7, 1.0])}, coords={"hits": [0, 1, 2]})
    line = draw.hits_cumulative(table).lines[0]
    assert line.get_ydata().tolist() == [0.2, 0.7, 1.0]


def test_regions__are_lines_of_the_picture() -> None:
    sample = xr.DataArray(
        np.eye(5, 3, dtype=bool), dims=("region", "motif"), coords={"motif": ["a", "b", "c"]}
    )
    ax = draw.region_heatmap(sample)
    assert ax.images[0].get_array().shape == (5, 3)
    assert ax.get_ylabel() == "5 regions"


def nearest(distance, orientation) -> xr.Dataset:
    distance = np.asarray(distance)
    quantiles = np.quantile(distance, [0.25, 0.5, 0.75])
    return xr.Dataset(
        {
            "pair_index": ("observation", np.zeros(distance.size, int)),
            "distance": ("observation", distance),
            "orientation_index": ("observation", np.asarray(orientation)),
            "first": ("pair", ["a"]),
            "second": ("pair", ["b"]),
            "n_near": ("pair", [distance.size]),
            "distance_quantile": (("pair", "quantile"), [quantiles]),
            "whisker": (("pair", "side"), [[distance.min(), distance.max()]]),
        }
    )


def test_violins__have_a_half_for_each_strand_and_a_bar_for_quartiles() -> None:
    rng = np.random.default_rng(0)
    distance = rng.integers(20, 120, 6000)
    ax = draw_pairs.distance_violins(nearest(distance, rng.integers(0, 4, 6000)))
    assert len(ax.collections) == 2
    above, below = (part.get_paths()[0].get_extents() for part in ax.collections)
    assert above.y0 < 0 <= above.y1 < below.y1
    assert ax.lines[1].get_xdata().tolist() == np.quantile(distance, [0.25, 0.75]).tolist()
    same = draw_pairs.distance_violins(nearest(distance, np.zeros(6000, int)))
    assert len(same.collections) == 1
    few = draw_pairs.distance_violins(nearest([7, 7, 7], [0, 0, 2]))
    assert not few.collections


def spacings() -> xr.Dataset:
    count = np.random.default_rng(1).poisson(3, (3, 2, 21))
    background = np.full(count.shape, 3.0)
    background[:, :, 8:13] = np.nan
    return xr.Dataset(
        {
            "first": ("pair", ["a", "a", "b"]),
            "second": ("pair", ["a", "b", "b"]),
            "count": (("pair", "strand", "offset"), count),
            "background": (("pair", "strand", "offset"), background),
            "orientation_count": (
                ("pair", "orientation"),
                [[1, 2, 3, 4], [0, 0, 0, 0], [5, 0, 0, 5]],
            ),
            "helical_power": ("pair", [1.0, np.nan, 9.0]),
            "power": (("pair", "period"), np.ones((3, 4))),
        },
        coords={
            "strand": ["same", "opposite"],
            "offset": np.arange(-10, 11),
            "period": [4, 8, 12, 16],
        },
        attrs={"helical_period": 10.5},
    )


def test_spacings__are_two_rows_for_each_pair() -> None:
    table = spacings()
    ax = draw_pairs.spacing_heatmap(table, most=2)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["a – a → →", "a – a → ←", "a – b → →", "a – b → ←"]
    image = ax.images[0].get_array()
    assert image.shape == (4, 21)
    assert image[1, 2] == pytest.approx((table["count"].values[0, 1, 2] - 3) / 2)
    curve = draw_pairs.distance_counts(table, 1)
    assert curve.get_title(loc="left") == "a – b"
    np.testing.assert_array_equal(curve.lines[1].get_ydata(), table["count"][1, 1])


def test_orientations__are_shares() -> None:
    ax = draw_pairs.orientation_bars(spacings())
    ends = [bar.get_x() + bar.get_width() for bar in ax.containers[-1]]
    assert ends == pytest.approx([1, 0, 1])


def test_periods__are_those_of_pairs_that_have_any() -> None:
    ax = draw_pairs.periodogram(spacings())
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["b – b", "a – a"]


def positions() -> xr.Dataset:
    count = np.array([[[0, 3, 1, 0], [0, 0, 0, 0], [5, 5, 5, 5]]])
    return xr.Dataset(
        {
            "count": (("set", "motif", "bin"), count),
            "median_absolute": (("set", "motif"), [[2.0, np.nan, 30.0]]),
        },
        coords={"set": ["hits"], "motif": ["a", "b", "c"], "bin": [-20, -10, 0, 10]},
        attrs={"bin_width": 10},
    )


def test_positions__are_those_of_motifs_that_have_any() -> None:
    ax = draw_positions.position_heatmap(positions(), "hits")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["c (20)", "a (4)"]
    np.testing.assert_allclose(ax.images[0].get_array()[1], [0, 0.75, 0.25, 0])
    together = draw_positions.position_histogram(positions())
    assert together.patches[0].get_data().values == pytest.approx(np.array([5, 8, 6, 5]) / 24)


def test_positions__of_motifs_with_few_instances_come_last() -> None:
    far = positions()
    far["median_absolute"][0, 0] = 1.0
    far["count"][0, 1] = [0, 9, 9, 9]
    far["median_absolute"][0, 1] = 50.0
    ax = draw_positions.position_heatmap(far, "hits")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["c (20)", "b (27)", "a (4)"]


def test_profiles__are_drawn_by_strand_and_site() -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 1, (2, 6, 2, 10))
    values /= values.sum(axis=(2, 3), keepdims=True)
    table = xr.Dataset(
        {
            "true": (("site", "strand", "position"), values[0]),
            "predicted": (("site", "strand", "position"), values[1]),
            "site_motif": ("site", [0, 0, 0, 0, 1, 1]),
            "mean_true": (("motif", "strand", "position"), values[0, :2]),
            "mean_predicted": (("motif", "strand", "position"), values[1, :2]),
        },
        coords={"motif": ["a", "b"], "position": np.arange(-5, 5)},
    )
    ax = draw_positions.mean_profiles(table, 0)
    np.testing.assert_allclose(ax.lines[1].get_ydata(), -values[1, 0, 1])
    for what, number in (("true", 0), ("predicted", 1)):
        drawn = draw_positions.profile_heatmap(table, 0, what).images[0].get_array()
        assert drawn.shape == (4, 20)
        expected = values[number, :4].reshape(4, 20) * 20
        np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(expected, axis=0))
    assert draw_positions.profile_heatmap(table, 1, "true").images[0].get_array().shape == (2, 20)
