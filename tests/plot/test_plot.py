from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

from finemo_zarr import plot

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _no_window():
    from matplotlib import pyplot as plt

    mpl.use("Agg")
    yield
    plt.close("all")


MATRIX = np.array([[0.5, 0.0, -0.2], [0.0, 1.0, 0.1], [0.25, 0.0, 0.0], [0.0, 0.0, 0.0]])


def boxes(svg: str):
    """Colour, left, top, width, height of each letter, from its transform."""
    root = ET.fromstring(svg)
    found = []
    for path in root.findall(f"{SVG}path"):
        if "transform" in path.attrib:
            numbers = path.attrib["transform"].replace("translate(", "").replace("scale(", "")
            x, y, wide, tall = map(float, numbers.replace(")", "").split())
            found.append((path.attrib["fill"], x, y, 100 * wide, 100 * tall))
    return found


def test_logo_svg__letters_are_as_high_as_their_values() -> None:
    found = boxes(plot.logo_svg(MATRIX))
    unit = 60 / (1.0 + 0.2)
    heights = {(colour, int(x // 10)): tall / unit for colour, x, _, _, tall in found}
    letters = {colour: letter for letter, colour in plot.COLOURS.items()}
    named = {(letters[colour], column): tall for (colour, column), tall in heights.items()}
    expected = {("A", 0): 0.5, ("G", 0): 0.25, ("C", 1): 1.0, ("A", 2): 0.2, ("C", 2): 0.1}
    assert named.keys() == expected.keys()
    for key, value in expected.items():
        assert named[key] == pytest.approx(value, abs=0.01)


def test_logo_svg__stacks_without_overlap_and_hangs_negative_letters() -> None:
    found = boxes(plot.logo_svg(MATRIX))
    zero = 60 * 1.0 / 1.2
    first = sorted((y, y + tall) for _, x, y, _, tall in found if x < 10)
    assert first[0][1] == pytest.approx(first[1][0], abs=0.05)
    assert first[1][1] == pytest.approx(zero, abs=0.05)
    hanging = [y for colour, x, y, _, _ in found if x > 20 and colour == plot.COLOURS["A"]]
    assert hanging == [pytest.approx(zero, abs=0.05)]


def test_logo_svg__shades_the_core() -> None:
    root = ET.fromstring(plot.logo_svg(MATRIX, (1, 3)))
    shade = root.find(f"{SVG}rect")
    assert (shade.attrib["x"], shade.attrib["width"]) == ("10", "20")
    assert ET.fromstring(plot.logo_svg(MATRIX)).find(f"{SVG}rect") is None


@pytest.mark.parametrize("matrix", [np.zeros((4, 3)), np.full((4, 1), -1.0)])
def test_logo__of_nothing_or_only_below_is_drawn(matrix) -> None:
    ET.fromstring(plot.logo_svg(matrix))
    ax = plot.logo(matrix)
    assert ax.get_ylim()[0] < ax.get_ylim()[1]


def test_logo__draws_a_letter_for_each_value_on_given_axes() -> None:
    from matplotlib import pyplot as plt

    _, given = plt.subplots()
    ax = plot.logo(MATRIX, (0, 2), ax=given)
    assert ax is given
    paths = ax.collections[0].get_paths()
    assert len(paths) == 5
    tops = sorted(round(float(path.get_extents().y1), 6) for path in paths)
    assert tops == [0.0, 0.1, 0.25, 0.75, 1.0]


def test_cluster_order__puts_like_beside_like() -> None:
    group = np.array([0, 1, 0, 1, 0, 1])
    similarity = (group[:, None] == group).astype(float)
    order = plot.cluster_order(similarity)
    assert sorted(order.tolist()) == list(range(6))
    assert np.abs(np.diff(group[order])).sum() == 1
    assert plot.cluster_order(np.full((2, 2), np.nan)).tolist() == [0, 1]


@pytest.mark.parametrize("size", [1, 2, 13, 70])
def test_heatmap__shows_each_value_where_its_names_are(size) -> None:
    values = np.random.default_rng(0).random((size, size))
    names = [f"m{index}" for index in range(size)]
    table = xr.DataArray(values, coords={"motif": names, "other": names}, dims=("motif", "other"))
    ax = plot.motif_heatmap(table, label="share")
    shown = np.asarray(ax.images[0].get_array())
    assert shown.shape == (size, size)
    labels = [text.get_text() for text in ax.get_yticklabels()]
    if size in {1, 2, 13}:
        index = [names.index(label) for label in labels]
        np.testing.assert_allclose(shown, values[np.ix_(index, index)])
    else:
        assert labels == []


def test_heatmap__of_no_motif_says_so() -> None:
    table = xr.DataArray(np.zeros((0, 0)), coords={"a": [], "b": []}, dims=("a", "b"))
    assert plot.motif_heatmap(table).texts[0].get_text() == "no motif"


def motif_counts(hits, seqlets=None):
    counts = {"num_hits": ("motif", np.array(hits))}
    if seqlets is not None:
        counts |= {
            "num_seqlets": ("motif", np.array(seqlets)),
            "num_hits_restricted": ("motif", np.array(hits)),
        }
    return xr.Dataset(counts, coords={"motif": [f"m{index}" for index in range(len(hits))]})


def test_hits_per_motif__shows_those_with_hits_most_first() -> None:
    ax = plot.hits_per_motif(motif_counts([3, 0, 8]))
    assert [bar.get_width() for bar in ax.patches] == [8, 3]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["m2", "m0"]


def test_hits_per_motif__of_very_many_has_no_names() -> None:
    ax = plot.hits_per_motif(motif_counts(range(1, 200)))
    assert len(ax.patches) == 199
    assert ax.get_ylabel() == "motifs, by number of hits"


@pytest.mark.parametrize("counts", [[0, 0], [1, 2, 2, 5], [0, 1, 5000]])
def test_hits_per_region__counts_every_region(counts) -> None:
    ax = plot.hits_per_region(xr.Dataset({"num_hits": ("region", np.array(counts))}))
    assert sum(bar.get_height() for bar in ax.patches) == len(counts)


def test_hits_against_seqlets__shows_each_motif() -> None:
    ax = plot.hits_against_seqlets(motif_counts([5, 0, 100], [5, 20, 1]))
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), [[5, 5], [20, 0], [1, 100]])
    for axis in (ax.get_xlim(), ax.get_ylim()):
        assert axis[0] < 0
        assert axis[1] > 100


def test_explained_share__leaves_out_regions_without_scores() -> None:
    share = xr.Dataset({"explained": ("region", np.array([0.2, np.nan, -0.1]))})
    ax = plot.explained_share(share)
    assert sum(bar.get_height() for bar in ax.patches) == 2


@pytest.mark.parametrize("column", ["hit_similarity", "hit_importance"])
@pytest.mark.parametrize("values", [[], [0.5], [0.1, 0.7, 3.0], [0.0, np.nan]])
def test_score_distributions__count_what_is_finite(column, values) -> None:
    ax = plot.score_distributions(xr.Dataset({column: ("hit", np.array(values))}), column=column)
    finite = [value for value in values if np.isfinite(value)]
    if column == "hit_importance" and any(value > 0 for value in finite):
        finite = [value for value in finite if value > 0]
    assert sum(bar.get_height() for bar in ax.patches) == len(finite)
