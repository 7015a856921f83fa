import numpy as np
import pytest
from planted_pairs import hits_of, oriented_motifs, planted, regions_of

from finemo_zarr import store
from finemo_zarr.errors import RunError
from finemo_zarr.execution import call_hits, extract_regions, load_motifs
from finemo_zarr.execution.check import check_store
from finemo_zarr.model import create_hits, create_motifs, create_qc, create_regions
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.postprocess._merged_motifs import head_motifs, merge_motifs
from finemo_zarr.postprocess._new_store import write_hits_store
from finemo_zarr.postprocess.cluster import ClusterOptions
from finemo_zarr.postprocess.heads import HeadOptions, merge_heads, write_merged
from finemo_zarr.testing import simulate_motifs

N = 40
RAW = simulate_motifs(3, width=20, core=(7, 11), palindromes=0.0, seed=4)
SHIFT = 3


def other_head() -> "xr.Dataset":  # noqa: F821
    """Motif 1 as it is, motif 0 turned and moved, and one that the first head lacks."""
    extra = simulate_motifs(1, width=20, core=(7, 11), palindromes=0.0, seed=77)
    matrices = {}
    for kind in ("cwm", "hcwm", "ppm"):
        own = RAW[f"motif_{kind}"].values
        moved = np.full((4, 20), 0.25 if kind == "ppm" else 0.0)
        moved[:, : 20 - SHIFT] = own[0][:, SHIFT:]
        turned = moved[::-1, ::-1]
        matrices[kind] = np.stack([own[1], turned, extra[f"motif_{kind}"].values[0]])
    # Larger contributions count for no more.
    matrices["cwm"] *= 10
    matrices["hcwm"] *= 10
    cwm = matrices.pop("cwm")
    raw = create_motifs(["same", "turned", "new"], cwm, matrices=matrices)
    return prepare_motifs(raw, MotifOptions())


@pytest.fixture(scope="module")
def heads():
    return prepare_motifs(RAW, MotifOptions()), other_head()


@pytest.fixture(scope="module")
def merged(heads):
    return merge_motifs(*heads, ("a", "b"), min_similarity=0.9, trim_threshold=0.3)


def test_merge_motifs__matches_one_to_one_and_keeps_the_rest(merged):
    names = merged.motifs["motif_name"].values[::2].tolist()
    pattern = "pos_patterns.pattern_{}".format
    assert names == [
        f"a.{pattern(0)}:b.turned",
        f"a.{pattern(1)}:b.same",
        f"a.{pattern(2)}",
        "b.new",
    ]
    first, second, third, fourth = merged.rows
    assert (first["strand"], first["shift"]) == ("-", SHIFT)
    assert (second["strand"], second["shift"]) == ("+", 0)
    assert min(first["similarity"], second["similarity"]) > 0.999
    assert "similarity" not in third
    assert "similarity" not in fourth
    assert max(third["best_similarity"], fourth["best_similarity"]) < 0.9
    assert {(pair.a, pair.b) for pair in merged.pairs} == {
        (pattern(0), "turned"),
        (pattern(1), "same"),
    }
    assert merged.pairs[0].similarity >= merged.pairs[1].similarity
    for pair in merged.pairs:
        reached = pair.second.any(axis=0)
        assert pair.second[:, reached] == pytest.approx(10 * pair.first[:, reached])


def test_merge_motifs__turns_all_matrices_as_the_cwm(merged, heads):
    motifs = merged.motifs.isel(motif=0)
    own = {kind: RAW[f"motif_{kind}"].values[0] for kind in ("cwm", "hcwm", "ppm")}
    # Where both reach, the mean of a motif with itself is the motif.
    for kind in ("cwm", "hcwm"):
        made = motifs[f"motif_{kind}"].values
        scale = made[:, SHIFT + 5] / own[kind][:, SHIFT + 5]
        assert scale == pytest.approx([scale[0]] * 4, rel=0.02)
        assert (made[:, SHIFT:] / scale[0]) == pytest.approx(own[kind][:, SHIFT:], abs=1e-3)
        # Where one reaches, it is halved.
        ratio = made[:, :SHIFT] / own[kind][:, :SHIFT] / scale[0]
        assert ratio == pytest.approx(np.full((4, SHIFT), 0.5), rel=0.05)
    assert motifs["motif_ppm"].values == pytest.approx(own["ppm"])
    assert motifs["motif_ppm"].values.sum(axis=0) == pytest.approx(np.ones(20))


def test_merge_motifs__keeps_cores_of_motifs_that_match_none(merged, heads):
    for index, (head, own) in ((2, (0, 2)), (3, (1, 2))):
        for name in ("start", "end"):
            found = int(merged.motifs[f"motif_{name}"][2 * index])
            assert found == int(heads[head][f"motif_{name}"][2 * own])


def test_merge_motifs__refuses_other_modes(heads):
    other = heads[1].assign_attrs(normalize="core")
    with pytest.raises(RunError, match="differ in normalize"):
        merge_motifs(heads[0], other, ("a", "b"), min_similarity=0.9, trim_threshold=0.3)


def test_head_motifs__are_those_of_the_plus_strand(heads):
    assert [motif.name for motif in head_motifs(heads[1])] == ["same", "turned", "new"]
    assert head_motifs(heads[0])[1].trimmed.shape[1] <= 11


# --- Hits -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stores(tmp_path_factory, heads):
    """Both heads at the same places: the second with its own motifs."""
    folder = tmp_path_factory.mktemp("heads")
    sites = planted(N)
    kept = sites["motif"] < 4  # motifs that both have
    sites = {name: values[kept] for name, values in sites.items()}
    regions = regions_of(sites, N)
    hits_of(sites, regions, folder / "a.zarr")
    # Motif 0 is the second one of the other head, turned; 1 is the first.
    motif = np.where(sites["motif"] < 2, 2 + (sites["motif"] ^ 1), sites["motif"] - 2)
    own = heads[1]
    minus = motif % 2 == 1
    core = sites["start"] - heads[0]["motif_start"].values[sites["motif"]]  # untrimmed start
    moved = np.where(sites["motif"] < 2, SHIFT, 0)
    # The frame of the turned motif lies SHIFT to the right of the other, read on the + strand.
    first = core + np.where(sites["motif"] % 2 == 0, moved, -moved)
    columns = {
        "region": sites["region"],
        "motif": motif,
        "start": first + own["motif_start"].values[motif],
        "end": first + own["motif_end"].values[motif],
        "start_untrimmed": first,
        "end_untrimmed": first + 20,
        "coefficient": np.ones(len(motif)),
        "similarity": np.full(len(motif), 0.8),
    }
    assert minus.any()
    order = np.lexsort((columns["motif"], columns["start"], columns["region"]))
    hits = create_hits({name: values[order] for name, values in columns.items()})
    a = store.open_hits(folder / "a.zarr")
    opened = store.HitsStore(a.regions.load(), own, create_qc({"scale": np.full(N, 3.0)}), hits)
    write_hits_store(folder / "b.zarr", opened, {"options": {}}, overwrite=False)
    return folder / "a.zarr", folder / "b.zarr"


def test_merge_heads__places_the_hits_of_both_alike(stores):
    found = merge_heads(*stores, HeadOptions(("count", "profile")))
    hits = found.opened.hits
    head = hits["hit_head"].values
    places = [
        sorted(
            zip(
                *(hits[f"hit_{n}"].values[head == h] for n in ("region", "motif", "start", "end")),
                strict=True,
            )
        )
        for h in (0, 1)
    ]
    assert places[0] == places[1]
    primary = hits["hit_is_primary"].values
    # Those of the first head are more similar.
    assert not primary[head == 1].any()
    assert primary[head == 0].any()
    assert found.rows[0]["num_hits_count"] == found.rows[0]["num_hits_profile"] > 0
    assert sum(row["num_primary"] for row in found.rows) == primary.sum()
    assert found.opened.qc["qc_scale"].values.tolist() == [2.0] * N


def test_merge_heads__writes_a_store_that_call_hits_reads(stores, tmp_path):
    found = merge_heads(*stores)
    write_merged(tmp_path / "hits.zarr", found, {"command": "merge-heads", "options": {}})
    assert check_store(tmp_path / "hits.zarr").state == "ok"
    motifs = load_motifs([tmp_path])
    assert motifs["motif_name"].values.tolist() == [row["motif_name"] for row in found.rows]


def test_merge_heads__collapses_as_it_is_told(stores):
    chained = merge_heads(*stores, HeadOptions(clusters=ClusterOptions(max_dist=1000)))
    primary = chained.opened.hits["hit_is_primary"].values
    regions = np.unique(chained.opened.hits["hit_region"].values)
    assert primary.sum() <= len(regions)
    apart = merge_heads(*stores, HeadOptions(clusters=ClusterOptions(by_motif=True)))
    assert apart.opened.hits["hit_is_primary"].values.sum() >= primary.sum()


def test_merge_heads__keeps_the_window_that_both_runs_had(stores, tmp_path):
    made = []
    for path, windows in ((stores[0], (60, 60)), (stores[1], (60, 80))):
        for number, window in enumerate(windows):
            copy = tmp_path / f"{path.stem}{number}.zarr"
            opened = store.HitsStore(*(group.load() for group in store.open_hits(path)))
            write_hits_store(copy, opened, {"options": {"window": window}}, overwrite=False)
            made.append(copy)
    a, _, same, other = made
    assert merge_heads(a, same).window == 60
    assert merge_heads(a, other).window is None
    assert merge_heads(*stores).window is None


def test_merge_heads__refuses_what_does_not_belong_together(stores, hits_store):
    with pytest.raises(RunError, match="no hit has a hit_importance"):
        merge_heads(*stores, HeadOptions(clusters=ClusterOptions(score="hit_importance")))
    with pytest.raises(RunError, match=r"40 regions and .* 50"):
        merge_heads(stores[0], hits_store)
    with pytest.raises(RunError, match="give different names"):
        merge_heads(*stores, HeadOptions(("a", "a")))


def test_merge_heads__takes_stores_of_one_track(stores, reader, solver, tmp_path):
    sites = planted(N)
    regions = regions_of(sites, N)
    scores = regions["region_contributions"].values
    both = create_regions(
        regions["region_sequence"].values, np.stack([scores] * 2), tracks=["count", "profile"]
    )
    extract_regions(reader(both), tmp_path / "r.zarr")
    from finemo_zarr.execution import CallOptions

    for name in ("count", "profile"):
        options = CallOptions(tracks=(name,))
        call_hits(
            tmp_path / "r.zarr", oriented_motifs(), tmp_path / f"{name}.zarr",
            solver=solver, options=options,
        )  # fmt: skip
    found = merge_heads(tmp_path / "count.zarr", tmp_path / "profile.zarr")
    assert "hit_track" not in found.opened.hits
    call_hits(tmp_path / "r.zarr", oriented_motifs(), tmp_path / "both.zarr", solver=solver)
    with pytest.raises(RunError, match="holds the tracks count, profile"):
        merge_heads(tmp_path / "both.zarr", tmp_path / "both.zarr")


def test_merge_heads__keeps_hits_in_their_regions(stores):
    found = merge_heads(*stores)
    hits = found.opened.hits
    assert (hits["hit_start"] >= 0).all()
    assert (hits["hit_end"] <= 200).all()
