import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.distance import jensenshannon
from scipy.special import log_softmax
from scipy.stats import multinomial, pearsonr, spearmanr

from finemo_zarr.errors import ReadError
from finemo_zarr.evaluation.predictions import (
    Smoothing,
    compute_bounds,
    count_performance,
    normalised,
    read_bounds,
    read_performance,
)
from finemo_zarr.evaluation.profile_metrics import PROFILE_METRICS, profile_metrics


def simulated(regions=12, tasks=2, length=120, seed=0):
    """Observed counts ``(region, task, position, strand)`` and logits that know something."""
    rng = np.random.default_rng(seed)
    at = np.arange(length)[:, None]
    centre = rng.uniform(0.3, 0.7, (regions, tasks, 1, 2)) * length
    truth = np.exp(-(((at - centre) / 9) ** 2)) + 0.05
    true = rng.poisson(truth * rng.uniform(1, 20, (regions, tasks, 1, 1)))
    return true, np.log(truth) + rng.normal(0, 0.3, true.shape)


def write(path, true, logits, *, chrom=None, **change):
    import h5py

    counts = true.sum(axis=2)
    arrays = {
        "log_pred_profs": log_softmax(logits, axis=2),
        "true_profs": true,
        "true_counts": counts,
        "log_pred_counts": np.log1p(counts) + np.random.default_rng(1).normal(0, 0.2, counts.shape),
    }
    with h5py.File(path, "w") as file:
        group = file.create_group("predictions")
        for name, values in (arrays | change).items():
            if values is not None:
                group[name] = values
        if chrom is not None:
            where = file.create_group("coords")
            where["coords_chrom"] = np.array(chrom, dtype="S")
            where["coords_start"] = np.arange(len(true)) * 1000
            where["coords_end"] = np.arange(len(true)) * 1000 + true.shape[2]
    return path


def test_profile_metrics__are_those_of_scipy() -> None:
    true, logits = simulated()
    found = profile_metrics(true, logits, sigma=7, width=81)
    log_p = log_softmax(logits, axis=2)
    for region, task in np.ndindex(true.shape[:2]):
        of_strand = {"nll": [], "cross_ent": [], "jsd": []}
        shares = []
        for strand in range(2):
            count, log = true[region, task, :, strand], log_p[region, task, :, strand]
            p = count / count.sum()
            of_strand["nll"].append(-multinomial.logpmf(count, count.sum(), np.exp(log)))
            of_strand["cross_ent"].append(-(p * log).sum())
            smooth = gaussian_filter1d(p, 7, radius=40)
            of_strand["jsd"].append(jensenshannon(smooth, np.exp(log)) ** 2)
            shares.append((p, np.exp(log)))
        for name, values in of_strand.items():
            assert found[name][region, task] == pytest.approx(np.mean(values), rel=1e-9), name
        x, y = (np.concatenate(column) for column in zip(*shares, strict=True))
        own = {name: values[region, task] for name, values in found.items()}
        assert own["profile_pearson"] == pytest.approx(pearsonr(x, y).statistic)
        assert own["profile_spearman"] == pytest.approx(spearmanr(x, y).statistic)
        assert own["profile_mse"] == pytest.approx(np.mean((x - y) ** 2))


def test_profile_metrics__leave_strands_without_counts_out() -> None:
    true, logits = simulated(3, 1)
    true[0, :, :, 1] = 0
    true[1] = 0
    found = profile_metrics(true, logits)
    one = profile_metrics(true[:1, :, :, :1], logits[:1, :, :, :1])
    for name in PROFILE_METRICS:
        assert found[name][0] == pytest.approx(one[name][0]), name
        assert np.isnan(found[name][1]).all()
        assert np.isfinite(found[name][2]).all()


def test_profile_metrics__of_the_truth_and_of_nothing() -> None:
    true, _ = simulated(4, 1)
    same = profile_metrics(true, np.log(true + 1e-12), sigma=0)
    np.testing.assert_allclose(same["jsd"], 0, atol=1e-9)
    np.testing.assert_allclose(same["profile_pearson"], 1)
    flat = profile_metrics(true, np.zeros(true.shape))
    assert np.isnan(flat["profile_pearson"]).all()
    assert np.isnan(flat["profile_spearman"]).all()
    np.testing.assert_allclose(flat["cross_ent"], np.log(true.shape[2]))


def test_profile_metrics__an_observed_base_that_cannot_be_is_infinitely_unlikely() -> None:
    true = np.array([3.0, 1.0, 0.0]).reshape(1, 1, 3, 1)
    impossible = np.log(np.array([1.0, 1e-300, 1.0])).reshape(1, 1, 3, 1)
    impossible[0, 0, 1] = -np.inf
    found = profile_metrics(true, impossible, sigma=0)
    assert found["nll"] == np.inf
    assert found["cross_ent"] == np.inf
    assert found["jsd"] < np.log(2)


def test_read_performance__in_blocks_is_the_same(tmp_path, monkeypatch) -> None:
    true, logits = simulated(23)
    path = write(tmp_path / "p.h5", true, logits, chrom=["chr1", "chr2"] * 11 + ["chr3"])
    whole = read_performance(path)
    monkeypatch.setattr("finemo_zarr.evaluation.predictions._VALUES_AT_ONCE", 2000)
    assert whole.identical(read_performance(path))
    expected = profile_metrics(true, logits)
    for name in PROFILE_METRICS:
        np.testing.assert_allclose(whole[name], expected[name], rtol=1e-9)
    odd = read_performance(path, chroms=["chr2", "chr3"])
    rows = [at for at in range(23) if at % 2 or at == 22]
    np.testing.assert_allclose(odd["nll"], expected["nll"][rows])
    assert odd["start"].values.tolist() == [1000 * row for row in rows]
    rough = read_performance(path, smoothing=Smoothing(0, 1))
    assert (rough["jsd"] > whole["jsd"]).all()


def test_count_performance__is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    x = np.log1p(rng.poisson(30, (50, 2)))
    y = x + rng.normal(0, 0.3, x.shape)
    found = count_performance(x, y)
    assert found["count_mse"] == pytest.approx(np.mean((x - y) ** 2))
    assert found["count_pearson"] == pytest.approx(np.corrcoef(x.ravel(), y.ravel())[0, 1])
    assert found["count_spearman"] == pytest.approx(spearmanr(x.ravel(), y.ravel()).statistic)
    constant = count_performance(np.ones(5), np.arange(5))
    assert np.isnan(constant["count_pearson"])
    assert np.isnan(count_performance(np.zeros(0), np.zeros(0))["count_mse"])


def test_bounds__enclose_a_model_that_knows_something(tmp_path) -> None:
    true, logits = simulated(40)
    path = write(tmp_path / "p.h5", true, logits)
    model, bounds = read_performance(path), compute_bounds(path)
    for name in ("nll", "cross_ent", "jsd", "profile_mse"):
        low, high = (bounds[side][name].values for side in ("lower", "upper"))
        share = normalised(model[name].values, low, high)
        assert ((share >= 0) & (share <= 1)).all()
        assert np.median(share) > 0.5, name
        assert (normalised(high, low, high) == 1).all()
        assert (normalised(low, low, high) == 0).all()
    upper = bounds["upper"]
    found = count_performance(upper["log_true_counts"].values, upper["log_pred_counts"].values)
    assert found == pytest.approx({"count_mse": 0, "count_pearson": 1, "count_spearman": 1})
    lower = bounds["lower"]
    shuffled = count_performance(lower["log_true_counts"].values, lower["log_pred_counts"].values)
    assert abs(shuffled["count_pearson"]) < 0.4


def test_normalised__is_clipped_and_unknown_where_bounds_are_equal() -> None:
    found = normalised(
        np.array([5.0, 3.0, 0.0, 1.0]), np.array([4, 4, 4, 1]), np.array([2, 2, 2, 1])
    )
    np.testing.assert_array_equal(found, [0, 0.5, 1, np.nan])


def test_read_bounds__of_either_name(tmp_path) -> None:
    import h5py

    for number, prefix in enumerate(("", "performance_")):
        path = tmp_path / f"b{number}.h5"
        with h5py.File(path, "w") as file:
            for side, value in (("lower", 3.0), ("upper", 1.0)):
                file[f"{prefix}{side}/nll"] = np.full((5, 2), value)
                file[f"{prefix}{side}/count_mse"] = np.full(2, value)
                file[f"{prefix}{side}/other"] = np.zeros(3)
        found = read_bounds(path)
        assert set(found["lower"]) == {"nll", "count_mse"}
        assert found["upper"]["nll"].dims == ("region", "task")
        assert found["upper"]["count_mse"].dims == ("task",)
    with h5py.File(tmp_path / "none.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(ReadError, match="has no group lower or performance_lower; it has x"):
        read_bounds(tmp_path / "none.h5")


def test_read_performance__says_what_is_wrong(tmp_path) -> None:
    true, logits = simulated(3)
    with pytest.raises(ReadError, match="no such file"):
        read_performance(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("x")
    with pytest.raises(ReadError, match=r"text\.h5 cannot be read"):
        read_performance(tmp_path / "text.h5")
    lacking = write(tmp_path / "a.h5", true, logits, true_counts=None)
    with pytest.raises(ReadError, match=r"lacks predictions/true_counts; it has predictions"):
        read_performance(lacking)
    odd = write(tmp_path / "b.h5", true, logits, true_counts=np.zeros((3, 2, 1)))
    with pytest.raises(ReadError, match="the arrays have shapes"):
        read_performance(odd)
    negative = write(tmp_path / "n.h5", true, logits, true_counts=-true.sum(axis=2) - 1)
    with pytest.raises(ReadError, match="negative"):
        read_performance(negative)
    placed = write(tmp_path / "c.h5", true, logits, chrom=["chr1"] * 3)
    with pytest.raises(ReadError, match="no region on chr9; its chromosomes are chr1"):
        read_performance(placed, chroms=["chr9"])
    bare = write(tmp_path / "d.h5", true, logits)
    with pytest.raises(ReadError, match="no coords"):
        read_performance(bare, chroms=["chr1"])
