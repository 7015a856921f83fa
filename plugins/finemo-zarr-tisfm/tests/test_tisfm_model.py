import importlib.util
import runpy

import numpy as np
import pytest
import torch
from finemo_zarr_tisfm.attribution import with_products
from finemo_zarr_tisfm.bank import MotifBank, fit_calibration, make_bank
from finemo_zarr_tisfm.files import load_model, save_model
from finemo_zarr_tisfm.model import TiSFM
from finemo_zarr_tisfm.occupancy import contributions, occupancies
from finemo_zarr_tisfm.training import one_hot, predict

from finemo_zarr.errors import ReadError, SchemaError
from finemo_zarr.model import create_regions
from finemo_zarr.sequence import reverse_complement
from finemo_zarr.testing import simulate_motifs

VARIANTS = [
    {},
    {"attention": False},
    {"interaction": False},
    {"pooling": "max"},
    {"pooling": "mean", "attention": False, "interaction": False},
    {"sigmoid": False, "attention": False},
    {"spare": 0},
]


@pytest.mark.parametrize("layers", VARIANTS)
def test_parts__sum_to_the_prediction(make_model, data, layers) -> None:
    model = make_model(**layers)
    sequence = one_hot(torch.tensor(data.codes[:20]))
    with torch.no_grad():
        parts, signal = model.parts(sequence), model(sequence)
        for track in range(2):
            sums = parts.contributions(model.linear.weight[track]).sum((1, 2, 3))
            np.testing.assert_allclose(sums + model.linear.bias[track], signal[:, track], atol=1e-4)
    np.testing.assert_allclose(parts.share.sum((2, 3)), 1, rtol=1e-5)
    assert signal.std() > 0.01


@pytest.mark.parametrize("layers", [{}, {"attention": False}, {"pooling": "max"}])
def test_scores__of_deeplift_are_complete(make_model, data, layers) -> None:
    pytest.importorskip("tangermeme")
    from tangermeme.deep_lift_shap import deep_lift_shap

    model = make_model(**layers)
    sequence = one_hot(torch.tensor(data.codes[:4]))
    before = model(sequence).detach()
    changed = with_products(model)
    assert torch.equal(changed(sequence), before)
    references = one_hot(torch.tensor(data.codes[4:16])).view(4, 3, 4, -1)
    scores = deep_lift_shap(
        changed, sequence, target=1, references=references, device="cpu", warning_threshold=10
    )
    expected = (before[:, None] - changed(references.flatten(0, 1)).view(4, 3, 2))[..., 1].mean(1)
    np.testing.assert_allclose(scores.sum((1, 2)), expected.detach(), atol=1e-4)


def test_model__does_not_mind_the_strand(make_model, data) -> None:
    model = make_model(attention=False)
    turned = predict(model, reverse_complement(data.codes))
    np.testing.assert_allclose(turned, predict(model, data.codes), atol=1e-5)


def test_occupancy__is_large_where_a_motif_lies(bank, motifs) -> None:
    model = TiSFM(bank, 60, ("one",))
    codes = np.random.default_rng(0).integers(4, size=(1, 60)).astype(np.uint8)
    width = int(motifs["motif_width"][2])
    consensus = motifs["motif_ppm"].values[2, :, :width].argmax(axis=0).astype(np.uint8)
    codes[0, 20 : 20 + width] = reverse_complement(consensus)
    occupancy = model.parts(one_hot(torch.tensor(codes))).occupancy[0, 2].detach()
    strand, place = divmod(int(occupancy.argmax()), occupancy.shape[1])
    assert (strand, place + model.starts()[2, 1]) == (1, 20)
    assert occupancy.max() > 0.5 > occupancy.median()


def test_bank__centres_motifs_of_different_width() -> None:
    wide, narrow = simulate_motifs(1, 9, (5, 6), seed=1), simulate_motifs(1, 4, (3, 4), seed=2)
    from finemo_zarr import combine_motifs

    both = combine_motifs([wide, narrow.assign(motif_name=("motif", np.array(["narrow"])))])
    bank = make_bank(both)
    assert bank.starts.tolist() == [0, 2]
    assert not bank.kernels[1][:, [0, 1, 6, 7, 8]].any()
    model = TiSFM(bank, 20, ("one",))
    assert model.starts()[1].tolist() == [2, 3]


def test_calibration__follows_the_best_of_many_scores(bank) -> None:
    scale, bias = fit_calibration(bank.kernels, 100)
    codes = np.random.default_rng(1).integers(4, size=(4000, 12))
    scores = np.stack([bank.kernels[:, codes, np.arange(12)][i].sum(axis=1) for i in range(5)])
    for one, a, b in zip(scores, scale, bias, strict=True):
        best = one.reshape(40, 100).max(axis=1)
        assert 0.2 < (1 / (1 + np.exp(-a * best - b)) > 0.5).mean() < 0.8
    flat = np.full((1, 4, 3), 0.25)
    assert np.isfinite(fit_calibration(flat, 10)).all()
    with pytest.raises(SchemaError, match="at least 1"):
        fit_calibration(flat, 0.5)


def test_occupancies__are_lazy_and_those_of_the_model(make_model, data) -> None:
    model = make_model()
    regions = create_regions(data.codes[:70], np.zeros(data.codes[:70].shape, np.float32))
    lazy = contributions(model, regions, "T")
    assert lazy.chunks[0] == (64, 6)
    model.linear.bias.requires_grad_(False)
    sums = lazy.sum(("motif", "strand", "place")).values + model.linear.bias[1].item()
    np.testing.assert_allclose(sums, predict(model, data.codes[:70])[:, 1], atol=1e-4)
    assert occupancies(model, regions).isel(region=0).shape == (7, 2, 49)
    narrow = create_regions(data.codes[:2, :50], np.zeros((2, 50), np.float32))
    with pytest.raises(SchemaError, match="50 bp, but the model takes 60 bp"):
        occupancies(model, narrow)
    padded = create_regions(data.codes[:2], np.zeros((2, 60), np.float32), widths=[50, 60])
    with pytest.raises(SchemaError, match="50 to 60 bp, expected one width"):
        contributions(model, padded, "T")


def test_model__comes_back_from_disk(make_model, data, tmp_path) -> None:
    model = make_model()
    save_model(tmp_path, model, {"signal_sd": [1.0, 2.0]})
    again = load_model(tmp_path)
    assert np.array_equal(predict(again, data.codes), predict(model, data.codes))
    assert again.motif_names == model.motif_names
    if importlib.util.find_spec("tangermeme"):
        code = runpy.run_path(str(tmp_path / "model.py"))
        assert code["load"]()(one_hot(torch.tensor(data.codes[:3]))).shape == (3, 2)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ReadError, match="damaged"):
        load_model(tmp_path)
    with pytest.raises(ReadError, match="no such file"):
        load_model(tmp_path / "gone")


def test_model__says_what_it_cannot_be_made_of(bank, motifs) -> None:
    with pytest.raises(SchemaError, match="shorter than the widest motif, 12 bp"):
        TiSFM(bank, 10, ("one",))
    with pytest.raises(SchemaError, match="base probabilities"):
        make_bank(motifs.drop_vars("motif_ppm"))
    assert isinstance(bank, MotifBank)
