import math
import sys
from collections import Counter
from itertools import product

import numpy as np
import polars as pl
import pytest
from hit_rows import COLUMNS, place, rows, write
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg

from finemo_zarr import store
from finemo_zarr.export import write_tables
from finemo_zarr.postprocess import STATUSES, Comparison, compare, compare_figure, read_hits

module = sys.modules["finemo_zarr.postprocess.compare"]

SHARES = st.sampled_from([0.0, 0.2, 0.5, 1.0])


def ranks(found: list[dict]) -> list[int]:
    keys = ("start", "end", "motif_name", "strand", "peak_id")
    ordered = sorted(
        range(len(found)),
        key=lambda i: [found[i][k] if k != "strand" else found[i][k] == "-" for k in keys],
    )
    of_place: Counter = Counter()
    rank = [0] * len(found)
    for i in ordered:
        rank[i] = of_place[place(found[i])]
        of_place[place(found[i])] += 1
    return rank


def sites(one: list[dict], two: list[dict]) -> list[int]:
    """Rows of the first, one for each site: of a region where the second has it, if it can be."""

    def site(row: dict) -> tuple:
        return (place(row), *(row[key] for key in ("start", "end", "motif_name", "strand")))

    other = {(site(row), row["peak_id"]) for row in two}
    order = sorted(
        range(len(one)),
        key=lambda i: ((site(one[i]), one[i]["peak_id"]) not in other, one[i]["peak_id"], i),
    )
    first: dict[tuple, int] = {}
    for i in order:
        first.setdefault(site(one[i]), i)
    return sorted(first.values())


def oracle(one: list[dict], two: list[dict], share: float) -> set[tuple]:
    """Pairs of every site with every site, the best first, each site once."""
    sites_one, sites_two = sites(one, two), sites(two, one)
    rank_one, rank_two = ranks(one), ranks(two)
    candidates = []
    for i, j in product(sites_one, sites_two):
        a, b = one[i], two[j]
        shared = min(a["end"], b["end"]) - max(a["start"], b["start"])
        if place(a) != place(b) or shared <= 0:
            continue
        found = 2 * shared / (a["end"] - a["start"] + b["end"] - b["start"])
        same = any(
            all(a[f"{end}{kind}"] == b[f"{end}{kind}"] for end in ("start", "end"))
            for kind in ("", "_untrimmed")
        )
        if a["motif_name"] == b["motif_name"]:
            status = "matched" if same and a["strand"] == b["strand"] else "moved"
        elif found >= share:
            status = "renamed"
        else:
            continue
        key = (
                STATUSES.index(status), -found, a["strand"] != b["strand"],
                a["peak_id"] != b["peak_id"],
                *sorted([rank_one[i], rank_two[j]]), i,
            )  # fmt: skip
        candidates.append((key, i, j, status))
    taken_a, taken_b, pairs = set(), set(), set()
    for _, i, j, status in sorted(candidates):
        if i not in taken_a and j not in taken_b:
            taken_a.add(i)
            taken_b.add(j)
            pairs.add((i, j, status))
    pairs |= {(i, None, "lost") for i in sites_one if i not in taken_a}
    return pairs | {(None, j, "new") for j in sites_two if j not in taken_b}


def pairs_of(comparison: Comparison) -> set[tuple]:
    found = comparison.pairs().select("hit_a", "hit_b", "status").rows()
    assert len(set(found)) == len(found)
    return set(found)


@settings(deadline=None, max_examples=150)
@given(
    found=st.booleans().flatmap(lambda t: st.tuples(rows(15, tracks=t), rows(15, tracks=t))),
    share=SHARES,
    size=st.sampled_from([1, 5, 1000]),
)
def test_compare__takes_the_best_pairs_of_every_hit_with_every_hit(
    tmp_path_factory, found, share, size
):
    folder = tmp_path_factory.mktemp("c")
    tracks = any("track" in row for rows in found for row in rows)
    names = (*COLUMNS, "track") if tracks else COLUMNS
    a, b = (
        read_hits(write(folder / name, rows, names)) for name, rows in zip("ab", found, strict=True)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_STRIPE_HITS", size)
        comparison = compare(a, b, overlap=share)
        back = compare(b, a, overlap=share)
    pairs = pairs_of(comparison)
    assert pairs == oracle(*found, share)
    other = {"lost": "new", "new": "lost"}
    assert {(j, i, other.get(status, status)) for i, j, status in pairs_of(back)} == pairs
    check_motifs(comparison, found)


def check_motifs(comparison: Comparison, found: tuple[list[dict], list[dict]]) -> None:
    motifs = comparison.motifs()
    for name, hits, others in zip("ab", found, found[::-1], strict=True):
        counts = Counter(hits[i]["motif_name"] for i in sites(hits, others))
        assert dict(motifs.select("motif_name", f"n_{name}").rows()) == {
            motif: counts[motif] for motif in motifs["motif_name"]
        }
        parts = ("matched", "moved", f"renamed_{name}", {"a": "lost", "b": "new"}[name])
        assert motifs[f"n_{name}"].equals(motifs.select(pl.sum_horizontal(parts)).to_series())
    assert sum(comparison.counts.values()) == len(comparison)
    assert comparison.counts["matched"] == motifs["matched"].sum()


def hit(start: int, motif: str = "CTCF", strand: str = "+", **more: object) -> dict:
    place_of = {"chr": "chr1", "start": start, "end": start + 10, "start_untrimmed": start - 5}
    rest = {"hit_coefficient": 1.0, "hit_similarity": 0.9, "peak_name": "p", "peak_id": 0}
    return (
        place_of
        | {"end_untrimmed": start + 15, "motif_name": motif, "strand": strand}
        | rest
        | more
    )


@pytest.fixture
def comparison(tmp_path) -> Comparison:
    one = [
        hit(0), hit(100, hit_coefficient=2.0), hit(200), hit(300, strand="-"), hit(400), hit(500),
        hit(600, start_untrimmed=590), hit(700, end=705),
    ]  # fmt: skip
    two = [
        hit(0, hit_coefficient=1.5), hit(100, hit_coefficient=3.0), hit(203), hit(300),
        hit(404, "GATA1"), hit(509, "GATA1"), hit(600),
        hit(701, start_untrimmed=695, end_untrimmed=715),
    ]  # fmt: skip
    made = (write(tmp_path / name, found) for name, found in (("a", one), ("b", two)))
    return compare(*(read_hits(path) for path in made))


def test_compare__says_what_became_of_each_hit(comparison):
    assert comparison.counts == {"matched": 4, "moved": 2, "renamed": 1, "lost": 1, "new": 1}
    pairs = comparison.pairs()
    assert pairs["chr"].unique().to_list() == ["chr1"]
    of_start = {row["start_a"]: row for row in pairs.rows(named=True)}
    assert (of_start[200]["status"], of_start[200]["shift"], of_start[200]["shared"]) == (
        "moved", 3, 7,
    )  # fmt: skip
    assert (of_start[300]["strand_a"], of_start[300]["strand_b"]) == ("-", "+")
    assert of_start[400]["motif_name_b"] == "GATA1"
    assert of_start[500]["start_b"] is None
    assert of_start[None]["motif_name_b"] == "GATA1"
    assert pairs.select(pl.coalesce("start_a", "start_b")).to_series().is_sorted()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (hit(100), [hit(97, strand="-"), hit(103)]),
        (hit(100, peak_id=1), [hit(100), hit(100, peak_id=1)]),
        (hit(100), [hit(98, "GATA1"), hit(109)]),
        (hit(100), [hit(97), hit(102)]),
    ],
)
def test_compare__prefers_the_strand_the_region_the_motif_and_what_overlaps_more(
    tmp_path, one, two
):
    made = (write(tmp_path / name, found) for name, found in (("a", [one]), ("b", two)))
    comparison = compare(*(read_hits(path) for path in made))
    assert comparison.pairs().filter(pl.col("hit_a").is_not_null())["hit_b"].to_list() == [1]


def test_compare__a_site_of_two_overlapping_regions_counts_once(tmp_path):
    twice = [hit(100, peak_id=3), hit(100, peak_id=4, hit_coefficient=2.0), hit(103, peak_id=4)]
    once = [hit(100, peak_id=4), hit(300)]
    a, b = (read_hits(write(tmp_path / name, rows)) for name, rows in (("a", twice), ("b", once)))
    comparison = compare(a, b)
    assert comparison.counts == {"matched": 1, "moved": 0, "renamed": 0, "lost": 1, "new": 1}
    assert comparison.n_sites == (2, 2)
    assert comparison.pairs()["hit_a"].to_list() == [1, 2, None]
    assert comparison.motifs()["agreement"].to_list() == pytest.approx([1 / 3])
    back = compare(b, a)
    assert back.counts == comparison.counts
    assert back.pairs()["hit_b"].to_list() == [1, 2, None]


def test_compare__counts_motif_by_motif(comparison):
    ctcf, gata = comparison.motifs().rows(named=True)
    assert {name: ctcf[name] for name in ("motif_name", "n_a", "n_b", "matched", "moved")} == {
        "motif_name": "CTCF", "n_a": 8, "n_b": 6, "matched": 4, "moved": 2,
    }  # fmt: skip
    assert (ctcf["flipped"], ctcf["renamed_a"], ctcf["renamed_to"], ctcf["lost"]) == (
        1,
        1,
        "GATA1",
        1,
    )
    assert (gata["n_a"], gata["renamed_b"], gata["new"], gata["pearson"]) == (0, 1, 1, None)
    assert ctcf["agreement"] == pytest.approx(4 / 10)


def test_compare__sets_coefficients_against_each_other(comparison):
    assert comparison.coefficients.rows() == [
        ("CTCF", 1.0, 1.5), ("CTCF", 2.0, 3.0), ("CTCF", 1.0, 1.0),
        ("CTCF", 1.0, 1.0),
    ]  # fmt: skip
    pearson, spearman = comparison.correlations()
    assert pearson == pytest.approx(np.corrcoef([1, 2, 1, 1], [1.5, 3, 1, 1])[0, 1])
    assert spearman == pytest.approx(np.corrcoef([2, 4, 2, 2], [3, 4, 1.5, 1.5])[0, 1])


@pytest.mark.parametrize("found", [([], []), ([hit(0)], [hit(0)]), ([hit(0)], [])])
def test_compare__of_few_hits(tmp_path, found):
    made = [write(tmp_path / name, rows) for name, rows in zip("ab", found, strict=True)]
    comparison = compare(*(read_hits(path) for path in made))
    assert len(comparison.pairs()) == len(comparison) == max(map(len, found))
    assert len(comparison.motifs()) == min(len(comparison), 1)
    pearson, spearman = comparison.correlations()
    assert not math.isfinite(pearson or math.nan)
    assert not math.isfinite(spearman or math.nan)
    compare_figure(comparison.motifs(), comparison.coefficients).savefig(tmp_path / "f.png")


def test_compare__a_store_and_its_table_are_the_same(tmp_path, hits_store):
    write_tables(hits_store, tmp_path / "t")
    opened = store.open_hits(hits_store)
    of_store, of_table = read_hits(hits_store), read_hits(tmp_path / "t" / "hits.tsv")
    count = opened.hits.sizes["hit"]
    for one, two in ((of_store, of_table), (opened, of_table), (of_table, of_store)):
        comparison = compare(one, two)
        assert comparison.counts["matched"] == count == len(comparison)
        pairs = comparison.pairs()
        for name in ("start", "end", "strand", "motif_name", "hit_coefficient"):
            assert pairs[f"{name}_a"].to_list() == pairs[f"{name}_b"].to_list()


def test_compare__tracks_count_only_where_both_have_them(tmp_path):
    liver, brain, none = (
        read_hits(write(tmp_path / name, [hit(0) | more], (*COLUMNS, "track")))
        for name, more in (("l", {"track": "liver"}), ("b", {"track": "brain"}), ("n", {}))
    )
    assert compare(liver, brain).counts["lost"] == 1
    assert compare(liver, brain).pairs()["track"].to_list() == ["liver", "brain"]
    assert compare(liver, none).counts["matched"] == 1


def test_compare__the_share_must_be_one(comparison):
    with pytest.raises(ValueError, match="a share from 0 to 1"):
        compare(comparison.a, comparison.b, overlap=2)


# --- The figure -----------------------------------------------------------------------------------


def drawn(n_motifs: int, n_pairs: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(0)
    names = [f"pos_patterns.pattern_{k}_{'x' * (k % 40)}" for k in range(n_motifs)]
    counts = ("matched", "moved", "renamed_a", "renamed_b", "lost", "new")
    motifs = pl.DataFrame({"motif_name": names}).with_columns(
        **{name: pl.Series(rng.integers(0, 10_000, n_motifs)) for name in counts}
    )
    a = rng.lognormal(2, 1, n_pairs)
    return motifs, pl.DataFrame({"a": a, "b": a * rng.lognormal(0, 0.1, n_pairs)})


def texts_of(axes) -> list:
    """Texts that are seen: there are tick labels beyond the limits, too."""
    ticks = []
    for axis, k in ((axes.xaxis, 0), (axes.yaxis, 1)):
        low, high = sorted(axis.get_view_interval())
        labels = axis.get_ticklabels(which="both")
        ticks += [label for label in labels if low <= label.get_position()[k] <= high]
    legend = axes.get_legend()
    return [
        axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts, *ticks,
        *(legend.get_texts() if legend else ()),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("n_motifs", "n_pairs"), [(0, 0), (1, 1), (2, 7), (60, 100), (300, 70_000)]
)
def test_compare_figure__no_text_covers_another(n_motifs, n_pairs):
    figure = compare_figure(*drawn(n_motifs, n_pairs))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = [text for axes in figure.axes for text in texts_of(axes) if text.get_text()]
    boxes = [found.get_window_extent(renderer) for found in texts]
    page = figure.bbox
    for k, box in enumerate(boxes):
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, texts[k]
        assert page.y0 <= box.y0 <= box.y1 <= page.y1, texts[k]
        for other, text in zip(boxes[k + 1 :], texts[k + 1 :], strict=True):
            apart = (
                box.x1 <= other.x0 or other.x1 <= box.x0
                or box.y1 <= other.y0 or other.y1 <= box.y0
            )  # fmt: skip
            assert apart, (texts[k], text)


def test_compare_figure__coefficients_may_be_zero_or_negative(tmp_path):
    motifs, _ = drawn(2, 0)
    coefficients = pl.DataFrame({"a": [-1.0, 0.0], "b": [-1.0, 2.0]})
    figure = compare_figure(motifs, coefficients)
    figure.savefig(tmp_path / "f.svg")
    assert figure.axes[0].get_xscale() == "linear"
    low, high = figure.axes[0].get_xlim()
    assert low < -1 < 2 < high
