from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation import place_seqlets, seqlet_confusion, seqlet_recall

WIDTH = 60
SEEDS = st.integers(0, 2**16)


def hit_keys(hits, window=None, discovered=None):
    """Place, motif and strand of each hit, by hand; in the window only, if there is one."""
    found = set()
    for index in range(hits.hits.sizes["hit"]):
        row = hits.hits.isel(hit=index)
        region, oriented = int(row.hit_region), int(row.hit_motif)
        start = int(row.hit_start_untrimmed)
        width = int(hits.motifs.motif_width[oriented])
        low = WIDTH // 2 - (window or 0) // 2
        inside = start >= low and start + width <= low + (window or 0)
        if window is None or (inside and (discovered is None or discovered[region])):
            found.add((*place(hits, region, start), oriented // 2, oriented % 2 == 1))
    return found


def place(hits, region, start):
    return str(hits.regions.region_chrom.values[region]), int(
        hits.regions.region_start[region]
    ) + start


def seqlet_keys(hits, seqlets, window):
    names = hits.motifs.motif_name_orig.values[::2].tolist()
    found = set()
    for index in range(seqlets.sizes["seqlet"]):
        row = seqlets.isel(seqlet=index)
        start = int(row.seqlet_start) + WIDTH // 2 - window // 2
        motif = names.index(str(row.seqlet_motif.values))
        found.add((*place(hits, int(row.seqlet_example), start), motif, bool(row.seqlet_reverse)))
    return found


@settings(deadline=None, max_examples=25)
@given(SEEDS, st.sampled_from([30, 31, 48, 60]))
def test_recall__counts_hits_that_are_seqlets(made, seqlets_of, seed, window) -> None:
    hits = made(seed)
    seqlets = seqlets_of(seed + 1, hits, window)
    found = seqlet_recall(hits, place_seqlets(hits, seqlets))
    everywhere, here = hit_keys(hits), hit_keys(hits, window)
    expected = seqlet_keys(hits, seqlets, window)
    for name, keys in (
        ("num_hits_total", everywhere),
        ("num_hits_restricted", here),
        ("num_seqlets", expected),
        ("num_overlaps", expected & here),
        ("num_seqlets_only", expected - here),
        ("num_hits_restricted_only", here - expected),
    ):
        counted = Counter(key[2] for key in keys)
        assert found[name].values.tolist() == [counted[motif] for motif in range(4)], name
    with np.errstate(invalid="ignore"):
        recall = found["num_overlaps"].values / found["num_seqlets"].values
    np.testing.assert_array_equal(found["seqlet_recall"], recall)
    assert found.attrs["window"] == window
    assert found.attrs["num_regions"] == 12


@settings(deadline=None, max_examples=15)
@given(SEEDS)
def test_confusion__equals_a_loop_over_all_pairs(made, seqlets_of, seed) -> None:
    hits, window = made(seed), 60
    seqlets = seqlets_of(seed + 1, hits, window)
    found = seqlet_confusion(hits, place_seqlets(hits, seqlets), min_share=0.5)
    cores = list(zip(hits.motifs.motif_start.values, hits.motifs.motif_end.values, strict=True))
    table, totals = np.zeros((4, 4)), np.zeros(4)
    placed_hits = hit_keys(hits, window)
    for chrom, start, motif, reverse in seqlet_keys(hits, seqlets, window):
        totals[motif] += 1
        low, high = (start + edge for edge in cores[2 * motif + reverse])
        met = set()
        for other_chrom, other_start, other, other_reverse in placed_hits:
            other_low, other_high = (other_start + e for e in cores[2 * other + other_reverse])
            shared = min(high, other_high) - max(low, other_low)
            shorter = min(high - low, other_high - other_low)
            if chrom == other_chrom and shared > 0 and 2 * shared >= shorter:
                met.add(other)
        for other in met:
            table[motif, other] += 1
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(found["seqlet_confusion"], table / totals[:, None])


def test_place_seqlets__finds_other_peaks_by_their_place(made, seqlets_of) -> None:
    import xarray as xr

    hits = made(5)
    seqlets = seqlets_of(6, hits, 40)
    regions = hits.regions
    centre = regions.region_start.values + WIDTH // 2
    order = np.random.default_rng(0).permutation(12)
    examples = xr.Dataset(
        {
            "region_chrom": ("region", regions.region_chrom.values[order]),
            "region_start": ("region", centre[order]),
            "region_end": ("region", centre[order]),
        }
    )
    renumbered = seqlets.assign(
        seqlet_example=("seqlet", np.argsort(order)[seqlets.seqlet_example.values])
    )
    placed = place_seqlets(hits, renumbered, examples=examples)
    plain = place_seqlets(hits, seqlets)
    assert set(placed.instances.keys().tolist()) == set(plain.instances.keys().tolist())
    assert placed.discovered.all()
    assert placed.n_elsewhere == 0


def test_place_seqlets__counts_regions_as_tf_modisco_does(made, seqlets_of) -> None:
    """Regions may be left out of the store before or after it saw them."""
    whole = made(2)
    seqlets = seqlets_of(3, whole, WIDTH)
    rows = np.array([1, 2, 4, 7, 8, 9, 10, 11])
    at = {int(row): place for place, row in enumerate(rows)}
    expected = np.array([at.get(int(row), -1) for row in seqlets["seqlet_example"].values])
    of_these = seqlets.assign(seqlet_example=("seqlet", expected)).isel(seqlet=expected >= 0)
    for numbers, of_seqlets in (
        ({"region_id": rows}, seqlets),
        ({"region_id": rows, "region_example": np.arange(len(rows))}, of_these),
    ):
        regions = whole.regions.isel(region=rows).assign(
            {name: ("region", values) for name, values in numbers.items()}
        )
        hits = whole._replace(
            regions=regions, qc=whole.qc.isel(region=rows), hits=whole.hits.isel(hit=slice(0))
        )
        placed = place_seqlets(hits, of_seqlets).instances
        assert set(placed.region.tolist()) == set(expected[expected >= 0].tolist())


def test_place_seqlets__of_a_window_wider_than_the_regions(made, seqlets_of) -> None:
    hits = made(5)
    seqlets = seqlets_of(6, hits, 100)
    assert place_seqlets(hits, seqlets).window == 100
    with pytest.raises(
        SchemaError, match=r"40 seqlets lie outside .* seen 2,114 bp, .* 60 bp wide"
    ):
        place_seqlets(hits, seqlets, window=2114)


def test_place_seqlets__counts_only_the_regions_that_were_seen(made, seqlets_of) -> None:
    import xarray as xr

    hits = made(5)
    seqlets = seqlets_of(6, hits, 40)
    seen = seqlets.isel(seqlet=seqlets.seqlet_example.values < 5)
    centre = hits.regions.region_start.values[:5] + WIDTH // 2
    examples = xr.Dataset(
        {
            "region_chrom": ("region", hits.regions.region_chrom.values[:5]),
            "region_start": ("region", centre),
            "region_end": ("region", centre),
        }
    )
    placed = place_seqlets(hits, seen, examples=examples)
    recall = seqlet_recall(hits, placed)
    # The sixth overlaps the fifth by more than half, the others do not.
    assert placed.discovered[:5].all()
    assert not placed.discovered[6:].any()
    assert recall.attrs["num_regions"] == placed.discovered.sum()
    expected = hit_keys(hits, 40, placed.discovered)
    assert int(recall.num_hits_restricted.sum()) == len(expected)


def test_place_seqlets__says_that_they_are_of_other_regions(made, seqlets_of) -> None:
    hits = made(5)
    seqlets = seqlets_of(6, hits, 40)
    far = seqlets.assign(seqlet_example=seqlets.seqlet_example + 1000)
    with pytest.raises(SchemaError, match=r"TF-MoDISco saw other regions.*--modisco-peaks"):
        place_seqlets(hits, far)


def test_place_seqlets__refuses_peaks_that_are_too_few(made, seqlets_of) -> None:
    hits = made(5)
    seqlets = seqlets_of(6, hits, 40)
    regions = hits.regions[["region_chrom", "region_start", "region_end"]].isel(region=[0, 1])
    with pytest.raises(SchemaError, match="2 rows: are they those"):
        place_seqlets(hits, seqlets, examples=regions)


def test_place_seqlets__leaves_out_motifs_that_were_not_called(made, seqlets_of) -> None:
    hits = made(5)
    seqlets = seqlets_of(6, hits, 40)
    names = seqlets.seqlet_motif.values.copy()
    names[::2] = "pos_patterns.pattern_99"
    placed = place_seqlets(hits, seqlets.assign(seqlet_motif=("seqlet", names)))
    everything = place_seqlets(hits, seqlets)
    assert 0 < placed.instances.motif.size < everything.instances.motif.size
