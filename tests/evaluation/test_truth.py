from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import InputWarning, ReadError, SchemaError
from finemo_zarr.evaluation.truth import compare_with_truth, own_score, read_truth

SEEDS = st.integers(0, 2**16)
WIDTH = 60


def sites_of(hits, seed: int, *, by_region: bool, count: int = 30) -> xr.Dataset:
    """Sites, half of them close to hits; the last is of a motif that nobody knows."""
    rng = np.random.default_rng(seed)
    names = hits.motifs["motif_name"].values
    regions = hits.regions
    oriented = rng.integers(0, len(names) - 2, count)  # of one motif there are none
    region = rng.integers(0, regions.sizes["region"], count)
    start = rng.integers(0, WIDTH - 6, count)
    near = rng.integers(0, hits.hits.sizes["hit"], count // 2)
    oriented[: count // 2] = np.minimum(hits.hits["hit_motif"].values[near], len(names) - 3)
    region[: count // 2] = hits.hits["hit_region"].values[near]
    start[: count // 2] = hits.hits["hit_start"].values[near] + rng.integers(-4, 5, count // 2)
    motif = names[oriented].astype(object)
    motif[-1] = "nobody's"
    shift = 0 if by_region else regions["region_start"].values[region]
    place = region.astype(str) if by_region else regions["region_chrom"].values[region]
    columns = {
        "site_region" if by_region else "site_chrom": place.astype(object),
        "site_motif": motif,
        "site_start": start + shift,
        "site_end": start + shift + rng.integers(3, 12, count),
    }
    return xr.Dataset({name: ("site", values) for name, values in columns.items()})


def rows_of(hits, sites, score: str):
    """Hits (each once) and sites, as (place, motif, start, end), hits with the best score."""
    by_region = "site_region" in sites
    names = hits.motifs["motif_name"].values.tolist()
    known = set(sites["site_motif"].values.tolist())
    found: dict = {}
    for row in range(hits.hits.sizes["hit"]):
        hit = hits.hits.isel(hit=row)
        region, oriented = int(hit.hit_region), int(hit.hit_motif)
        if names[oriented] in known:
            shift = 0 if by_region else int(hits.regions.region_start[region])
            place = str(region) if by_region else str(hits.regions.region_chrom.values[region])
            key = (place, names[oriented], int(hit.hit_start) + shift, int(hit.hit_end) + shift)
            value = float(hit[score])
            value = -np.inf if np.isnan(value) else value
            found[*key, oriented] = max(found.get((*key, oriented), -np.inf), value)
    place = sites["site_region" if by_region else "site_chrom"].values.tolist()
    motif, start, end = (
        sites[f"site_{name}"].values.tolist() for name in ("motif", "start", "end")
    )
    rows = zip(place, motif, start, end, strict=True)
    spans = [
        (str(row), 0) if by_region else (str(hits.regions.region_chrom.values[row]), int(first))
        for row, first in enumerate(hits.regions.region_start.values)
    ]
    return found, [row for row in rows if row[1] in set(names) and lies_inside(row, spans)]


def lies_inside(site, spans) -> bool:
    place, _, start, end = site
    shared = [min(end, low + WIDTH) - max(start, low) for at, low in spans if at == place]
    return 2 * max(shared, default=0) >= end - start


def go_together(hit, site) -> bool:
    shared = min(hit[3], site[3]) - max(hit[2], site[2])
    shorter = min(hit[3] - hit[2], site[3] - site[2])
    return hit[:2] == site[:2] and 2 * shared >= shorter


def by_hand(hits, sites, score, *, one_to_one):
    """Precision, recall and number of hits, by threshold."""
    found, known = rows_of(hits, sites, score)
    curve = {}
    for threshold in set(found.values()):
        kept = [key for key, value in found.items() if value >= threshold]
        kept.sort(key=lambda key: -found[key])
        if one_to_one:
            free, right = set(range(len(known))), 0
            for hit in kept:
                fits = [at for at in free if go_together(hit, known[at])]
                if fits:
                    shared = [min(hit[3], known[at][3]) - max(hit[2], known[at][2]) for at in fits]
                    best = min(zip([-s for s in shared], fits, strict=True))[1]
                    free.remove(best)
                    right += 1
            n_found = right
        else:
            right = sum(any(go_together(hit, site) for site in known) for hit in kept)
            n_found = sum(any(go_together(hit, site) for hit in kept) for site in known)
        curve[threshold] = (right / len(kept), n_found / len(known), len(kept))
    return curve


@settings(deadline=None, max_examples=20)
@given(SEEDS, SEEDS, st.booleans(), st.booleans())
def test_truth__counts_as_by_hand(made, seed, sites_seed, by_region, one_to_one) -> None:
    hits = made(seed)
    if one_to_one:  # ties make the order of hits a matter of taste
        count = hits.hits.sizes["hit"]
        values = np.random.default_rng(seed).permutation(count).astype(np.float32)
    else:
        values = np.random.default_rng(seed).integers(0, 9, hits.hits.sizes["hit"]).astype(float)
        values[values == 8] = np.nan
    hits.hits["hit_importance"] = ("hit", values)
    sites = sites_of(hits, sites_seed, by_region=by_region)
    curve = compare_with_truth(hits, sites, score="hit_importance", one_to_one=one_to_one)
    expected = by_hand(hits, sites, "hit_importance", one_to_one=one_to_one)
    assert curve["threshold"].values.tolist() == sorted(expected, reverse=True)
    for at, threshold in enumerate(curve["threshold"].values.tolist()):
        precision, recall, kept = expected[threshold]
        assert curve["precision"].values[at] == pytest.approx(precision)
        assert curve["recall"].values[at] == pytest.approx(recall)
        assert curve["num_hits"].values[at] == kept
    assert curve.attrs["best_f1"] == curve["f1"].values.max()
    assert curve.attrs["f1"] == curve["f1"].values[-1]
    best = curve["f1"].sel(threshold=curve.attrs["best_threshold"])
    assert float(best) == curve.attrs["best_f1"]


def test_truth__strands_and_duplicates(made) -> None:
    hits = made(3)
    one = hits.hits.isel(hit=[0, 0, 1])
    one["hit_motif"].values[1] ^= 1
    one["hit_importance"].values[:] = [3, 2, 1]
    one["hit_region"].values[2], one["hit_start"].values[2], one["hit_end"].values[2] = 9, 0, 5
    store = hits._replace(hits=one)
    name = str(hits.motifs["motif_name"].values[int(one["hit_motif"][0])])
    columns = {
        "site_region": np.array([str(int(one["hit_region"][0])), "11"], dtype=object),
        "site_motif": np.array([name, name], dtype=object),
        "site_start": np.array([int(one["hit_start"][0]), 40]),
        "site_end": np.array([int(one["hit_end"][0]), 50]),
    }
    sites = xr.Dataset({key: ("site", value) for key, value in columns.items()})
    loose = compare_with_truth(store, sites, score="hit_importance")
    strict = compare_with_truth(store, sites, score="hit_importance", one_to_one=True)
    assert loose.attrs["num_right"] - strict.attrs["num_right"] == 1
    assert loose.attrs["num_found"] == strict.attrs["num_found"] == 1
    assert loose.attrs["recall"] == 0.5
    assert strict.attrs["best_precision"] == 1
    assert strict.attrs["best_threshold"] == 3
    upside_down = compare_with_truth(store, sites, score="-hit_importance")
    assert upside_down["threshold"].values[0] == -upside_down["threshold"].values.size


def test_truth__leaves_out_sites_beyond_the_regions(made) -> None:
    hits = made(3)
    sites = sites_of(hits, 1, by_region=False)
    far = sites.isel(site=range(5)).copy(deep=True)
    far["site_start"].values[:] += 10**6
    far["site_end"].values[:] += 10**6
    elsewhere = sites.isel(site=range(5)).copy(deep=True)
    elsewhere["site_chrom"].values[:] = "chrUn"
    more = xr.concat([sites, far, elsewhere], dim="site")
    xr.testing.assert_identical(compare_with_truth(hits, more), compare_with_truth(hits, sites))


def test_truth__leaves_out_sites_in_regions_that_are_not_there_and_says_so(made) -> None:
    hits = made(3)
    sites = sites_of(hits, 1, by_region=True)
    elsewhere = sites.copy(deep=True)
    elsewhere["site_region"].values[3] = "elsewhere"
    with pytest.warns(InputWarning, match="1 of 30 sites lie in regions .*'elsewhere': they are"):
        found = compare_with_truth(hits, elsewhere)
    others = sites.isel(site=np.arange(30) != 3)
    xr.testing.assert_identical(found, compare_with_truth(hits, others))


def test_truth__of_no_hits(made) -> None:
    hits = made(3)
    sites = sites_of(hits, 1, by_region=True)
    none = compare_with_truth(hits._replace(hits=hits.hits.isel(hit=[])), sites)
    assert none.sizes["threshold"] == 0
    assert (none.attrs["precision"], none.attrs["recall"], none.attrs["f1"]) == (1, 0, 0)
    assert none.attrs["best_f1"] == 0


def test_own_score__is_one_that_is_known(made) -> None:
    hits = made(3).hits
    assert own_score(hits) == "hit_coefficient_global"
    hits["hit_coefficient_global"].values[:] = np.nan
    assert own_score(hits) == "hit_importance"


def test_truth__refuses_what_does_not_fit(made) -> None:
    hits = made(3)
    sites = sites_of(hits, 1, by_region=True)
    with pytest.raises(SchemaError, match="there is no score hit_luck; there are hit_coefficient"):
        compare_with_truth(hits, sites, score="hit_luck")
    with pytest.raises(SchemaError, match=r"no motif of the hits has a known site.*-N"):
        compare_with_truth(hits, sites.isel(site=[-1]))
    beyond = sites.isel(site=[0]).assign(
        site_start=("site", [WIDTH]), site_end=("site", [WIDTH + 9])
    )
    with pytest.raises(SchemaError, match="none of the 1 sites lies in the regions"):
        compare_with_truth(hits, beyond)
    sites["site_region"].values[:] = "elsewhere"
    with pytest.raises(SchemaError, match="30 of 30 sites lie in regions that are not there"):
        compare_with_truth(hits, sites)
    bare = hits._replace(regions=hits.regions.drop_vars(["region_chrom", "region_id"]))
    with pytest.raises(SchemaError, match="no coordinates"):
        compare_with_truth(bare, sites_of(hits, 1, by_region=False))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_read_truth__knows_both_kinds(tmp_path) -> None:
    table = write(tmp_path / "a.tsv", "region\tmotif\tstart\tend\tsite\n0\tA\t1\t5\tACGT\n")
    assert {str(name) for name in read_truth(table).data_vars} == {
        "site_region",
        "site_motif",
        "site_start",
        "site_end",
    }
    table = write(tmp_path / "b.tsv", "chr\tstart\tend\tmotif_name\nchr1\t-1\t5\tA\n")
    assert read_truth(table)["site_chrom"].values.tolist() == ["chr1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("region\tstart\tend\n", "line 1 lacks the column motif"),
        ("motif\tstart\tend\n", "line 1 lacks the column region"),
        ("", "cannot be read as a table of sites"),
        ("region\tmotif\tstart\tend\n0\tA\t1\tx\n", "line 2, column end: found 'x'"),
        ("region\tmotif\tstart\tend\n0\tA\t1\t3\n0\tA\t4\t4\n", "line 3: end is not beyond start"),
    ],
)
def test_read_truth__says_what_is_wrong(tmp_path, text, said) -> None:
    with pytest.raises(ReadError, match=said):
        read_truth(write(tmp_path / "t.tsv", text))
    with pytest.raises(ReadError, match=r"gone\.tsv"):
        read_truth(tmp_path / "gone.tsv")
