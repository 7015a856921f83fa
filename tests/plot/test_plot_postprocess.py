import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

from finemo_zarr.plot.composites import (
    arrangement_label,
    composite_logos,
    spacing_heatmap,
    spacing_lines,
)
from finemo_zarr.plot.filters import exponential_panels, isotonic_panels
from finemo_zarr.plot.heads import matches_figure
from finemo_zarr.testing import simulate_motifs


@pytest.fixture(autouse=True)
def _no_window():
    mpl.use("Agg")


def drawn(figure, tmp_path) -> list:
    """Axes of a figure, which can be written."""
    figure.savefig(tmp_path / "figure.png", dpi=60)
    return figure.axes


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def isotonic_panel(similar: float = 0.3) -> xr.Dataset:
    rng = np.random.default_rng(0)
    data = {"kept": ("hit", np.arange(30) > 5)}
    for name in ("importance", "similarity"):
        data[name] = ("hit", rng.random(30) / 2)
        data[f"background_{name}"] = ("window", rng.random(30) / 4)
        data[f"{name}_grid"] = ("point", np.linspace(0, 0.5, 50))
        data[f"{name}_precision"] = ("point", np.linspace(0, 1, 50))
    attrs = {
        "motif_name": "CTCF",
        "track": "",
        "importance_threshold": 0.1,
        "sufficient_importance": 0.2,
        "similarity_threshold": similar,
    }
    return xr.Dataset(data, attrs=attrs)


def test_isotonic_panels__show_thresholds_and_counts(tmp_path):
    figure = isotonic_panels(isotonic_panel())
    assert figure.get_suptitle() == "CTCF: 24 of 30 hits kept"
    axes = drawn(figure, tmp_path)
    labels = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert labels == ["hits", "random windows", "needed (0.1)", "enough (0.2)"]
    none = isotonic_panels(isotonic_panel(1.0))
    assert none.axes[1].get_title(loc="right") == "no similarity is enough"
    named = isotonic_panels(isotonic_panel().assign_attrs(track="liver"))
    assert named.get_suptitle().startswith("CTCF, liver: ")


@pytest.mark.parametrize("rate", [8.0, np.inf])
def test_exponential_panels__show_the_threshold(tmp_path, rate):
    scores = np.linspace(0, 1, 200)
    data = {
        "score": ("hit", scores),
        "grid": ("point", scores),
        "density": (("part", "point"), np.ones((3, 200))),
    }
    attrs = {"score_name": "log_odds", "mode": 0.1, "rate": rate, "share": 0.1, "threshold": 0.25}
    figure = exponential_panels(xr.Dataset(data, attrs=attrs))
    assert figure.get_suptitle() == "150 of 200 hits kept"
    _, right = drawn(figure, tmp_path)
    assert texts(right) == ["left out: below 10%,\nlog_odds < 0.25"]


def test_matches_figure__draws_two_logos_for_each_pair(tmp_path):
    cwm = simulate_motifs(2)["motif_cwm"].values
    pairs = [("A" * 60, "b", 0.97, cwm[0], cwm[1])] * 15
    figure = matches_figure(pairs, np.array([0.1, 0.95]), names=("count", "profile"), least=0.9)
    axes = drawn(figure, tmp_path)
    assert len(axes) == 1 + 2 * 12
    assert axes[2].get_title(loc="left") == "profile: b, similarity 0.970"
    assert len(axes[1].get_title(loc="left")) < 50
    assert len(drawn(matches_figure([], np.zeros(0), names=("a", "b"), least=0.9), tmp_path)) == 1


def curves(n: int = 3, qvalue: float = 1e-5) -> xr.Dataset:
    count = np.full((n, 20), 5)
    count[:1, 7] = 90
    qvalues = np.ones((n, 20))
    qvalues[:1, 7] = qvalue
    dims = ("arrangement", "spacing")
    coords = {
        "spacing": np.arange(20),
        "motif_left": ("arrangement", np.array(["GATA1"] * n, dtype=object)),
        "motif_right": ("arrangement", np.array(["TAL1"] * n, dtype=object)),
        "strand_left": ("arrangement", np.array(["+"] * n, dtype=object)),
        "strand_right": ("arrangement", np.array(["-"] * n, dtype=object)),
    }
    data = {"count": (dims, count), "expected": (dims, count * 0.9), "qvalue": (dims, qvalues)}
    return xr.Dataset(data, coords=coords, attrs={"max_qvalue": 0.01, "min_count": 20})


def test_spacing_lines__name_what_is_found(tmp_path):
    axes = drawn(spacing_lines(curves()), tmp_path)
    assert len(axes) == 3
    assert texts(axes[0]) == ["7"]
    assert texts(axes[1]) == []
    assert axes[0].get_title(loc="left") == "GATA1>\n   <TAL1"


def test_spacing_heatmap__has_a_row_for_each_arrangement_with_a_finding(tmp_path):
    axes = drawn(spacing_heatmap(curves()), tmp_path)
    labels = [label.get_text() for label in axes[0].get_yticklabels()]
    assert labels == ["GATA1>  <TAL1"]
    assert axes[0].collections[0].get_offsets().tolist() == [[7, 0]]


def test_spacing_figures__say_that_nothing_was_found(tmp_path):
    for figure in (spacing_lines(curves(0)), spacing_heatmap(curves(2, qvalue=0.5))):
        drawn(figure, tmp_path)
        assert figure.texts[0].get_text() == "no spacing is more frequent than those around it"


def test_composite_logos__draw_twelve_at_most(tmp_path):
    motifs = simulate_motifs(14)
    names = motifs["motif_name"].values.tolist()
    rows = [{"name": name, "count": 1234} for name in names]
    axes = drawn(composite_logos(motifs, rows, 5), tmp_path)
    assert len(axes) == 12
    assert axes[0].get_title(loc="left") == f"{names[0]}: 1,234 pairs"


def test_arrangement_label__points_where_motifs_do():
    one = curves(1).isel(arrangement=0)
    assert arrangement_label(one) == "GATA1>  <TAL1"
