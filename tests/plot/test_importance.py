import numpy as np
import pytest
import xarray as xr

from finemo_zarr.plot.importance import (
    LOWERS,
    RAISES,
    importance_heatmap,
    signed_heatmap,
    top_motifs,
)


@pytest.fixture(autouse=True)
def _closed():
    from matplotlib import pyplot as plt

    yield
    plt.close("all")


def names(labels) -> list[str]:
    return [label.get_text() for label in labels]


def table(values) -> xr.DataArray:
    rows, columns = np.shape(values)
    coords = {"motif": [f"m{i}" for i in range(rows)], "track": [f"t{i}" for i in range(columns)]}
    return xr.DataArray(np.asarray(values, float), coords, ("motif", "track"))


def test_heatmap__puts_names_where_their_values_are() -> None:
    values = table([[1, 0, 0.9], [0, -2, 0], [1.1, 0, 1], [0, -1.9, 0.1]])
    ax = importance_heatmap(values)
    image = ax.images[0]
    motifs, tracks = names(ax.get_yticklabels()), names(ax.get_xticklabels())
    np.testing.assert_allclose(image.get_array(), values.sel(motif=motifs, track=tracks))
    assert abs(motifs.index("m0") - motifs.index("m2")) == 1
    assert image.get_clim() == (-2, 2)


def test_heatmap__draws_a_logo_in_each_row() -> None:
    values = table([[1, 0], [0, 1], [1, 1]])
    heights = np.zeros((4, 5))
    heights[[0, 1, 2, 3, 0], range(5)] = 2.0
    centred = np.array([[1.0], [-1.0], [0], [0]])
    logos = {"m0": heights, "m1": heights[:, :3], "m2": centred}
    ax = importance_heatmap(values, logos=logos)
    side = next(other for other in ax.figure.axes if other.collections and other is not ax)
    boxes = [path.get_extents() for path in side.collections[0].get_paths()]
    assert len(boxes) == 5 + 3 + 2
    rows = [round((box.y0 + box.y1) / 2) for box in boxes]
    order = names(side.get_yticklabels())
    assert [rows.count(order.index(name)) for name in logos] == [5, 3, 2]
    for box, row in zip(boxes, rows, strict=True):
        assert row - 0.5 < box.y0 < box.y1 < row + 0.5


def test_heatmap__of_too_many_tracks_names_none() -> None:
    ax = importance_heatmap(table(np.eye(2, 61)))
    assert names(ax.get_xticklabels()) == []
    assert len(names(ax.get_yticklabels())) == 2


def test_signed_heatmap__keeps_the_order_and_the_middle_white() -> None:
    square = xr.DataArray(
        [[0.0, 3.0], [-1.0, np.nan]],
        {"motif": ["a", "b"], "other_motif": ["a", "b"]},
        ("motif", "other_motif"),
    )
    ax = signed_heatmap(square, label="strength", names=("motif", "other"))
    assert ax.images[0].get_clim() == (-3, 3)
    assert names(ax.get_yticklabels()) == ["a", "b"]
    assert ax.get_xlabel() == "other"


def test_top_motifs__are_sorted_by_size_and_coloured_by_sign() -> None:
    from matplotlib.colors import to_hex

    values = table([[0.5], [-2], [0], [1], [np.nan]]).isel(track=0)
    ax = top_motifs(values, "B", count=4)
    assert names(ax.get_yticklabels()) == ["m1", "m3", "m0"]
    assert [bar.get_width() for bar in ax.patches] == [-2, 1, 0.5]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [LOWERS, RAISES, RAISES]
    assert ax.get_title(loc="left") == "B"
    assert names(top_motifs(values, count=1).get_yticklabels()) == ["m1"]
