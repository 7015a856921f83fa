"""What is planted is found: which motifs drive which track, and which opens the gate of which."""

from dataclasses import replace

import numpy as np
import torch
from finemo_zarr_tisfm.data import SignalData, split_at_random
from finemo_zarr_tisfm.fitting import FitOptions
from finemo_zarr_tisfm.model import Architecture, TiSFM
from finemo_zarr_tisfm.path_training import chosen
from finemo_zarr_tisfm.readouts import readouts
from finemo_zarr_tisfm.training import Trainer, predict

CLEAN = Architecture(attention=False, calibration_power=300, pool_start=10, spare=0)
FIT = FitOptions(batch=50, rate=0.03, concavity=2.0, units="importance", device="cpu")


def start(bank, data) -> TiSFM:
    model = TiSFM(bank, data.window, data.tracks, CLEAN)
    model.linear.weight.data.zero_()
    return model


def plant(motifs, respond) -> SignalData:
    """Regions with any of four motifs, and the signal of two tracks that these respond with."""
    rng = np.random.default_rng(5)
    codes = rng.integers(4, size=(800, 60)).astype(np.uint8)
    there = rng.random((800, 4)) < [0.5, 0.5, 0.3, 0.3]
    widths, ppm = motifs["motif_width"].values, motifs["motif_ppm"].values
    for region, motif in np.argwhere(there):
        best = ppm[motif, :, : widths[motif]].argmax(axis=0)
        first = 15 * motif + rng.integers(15 - len(best) + 1)
        codes[region, first : first + len(best)] = best
    signal = np.stack(respond(there.astype(float)), axis=1)
    signal += rng.normal(scale=0.2, size=signal.shape)
    signal = ((signal - signal.mean(axis=0)) / signal.std(axis=0)).astype(np.float32)
    names = tuple(f"r{region}" for region in range(800))
    made = SignalData(codes, signal, names, ("one", "two"))
    return replace(made, parts=split_at_random(800, 0.25, 0.0, 0))


def test_gate__of_the_planted_pair_is_the_strongest(bank, motifs) -> None:
    data = plant(motifs, lambda there: (2 * there[:, 0] * there[:, 1], 2 * there[:, 1]))
    model = start(bank, data)
    Trainer(model, data, replace(FIT, epochs=25, strength=0.05)).run()
    read = readouts(model, data.codes)
    strength = read["interaction_strength"].values
    place = np.unravel_index(np.abs(strength).argmax(), strength.shape)
    assert {int(index) for index in place} == {0, 1}
    assert strength[place] > 0
    assert read["rank"].values[1, 1] == 1
    assert read["rank"].values[:2, 0].min() == 1


def test_path__with_mcp_keeps_what_drives_and_nothing_else(bank, motifs) -> None:
    data = plant(motifs, lambda there: (2 * there[:, 0] - there[:, 2], 2 * there[:, 1]))
    base = start(bank, data)
    Trainer(base, data, replace(FIT, epochs=15, strength=0.1)).run()
    drives = np.zeros((len(bank), 2), dtype=bool)
    drives[[0, 2, 1], [0, 0, 1]] = True
    f1 = {}
    for penalty in ("mcp", "l1"):
        model = start(bank, data)
        model.load_state_dict(base.state_dict())
        errors, spreads, kept = [], [], []
        for strength in (0.0, 0.05, 0.1, 0.2):
            own = replace(FIT, epochs=8, penalty=penalty, strength=strength, learn="last")
            history = Trainer(model, data, own).run()
            errors.append(min(row["validation_error"] for row in history))
            spreads.append(0.0)
            kept.append(model.linear.weight.detach().numpy().T != 0)
        best = kept[chosen(errors, spreads)[0]]
        f1[penalty] = 2 * (best & drives).sum() / (best.sum() + drives.sum())
    assert f1["mcp"] >= 0.9
    assert f1["mcp"] >= f1["l1"]


def test_spare__kernels_learn_a_motif_that_the_bank_lacks(bank) -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(4, size=(600, 40)).astype(np.uint8)
    there = rng.random(600) < 0.5
    site = np.array([0, 0, 2, 0, 2, 2, 0, 0, 2])
    for region in np.flatnonzero(there):
        first = rng.integers(40 - len(site) + 1)
        either = site if rng.random() < 0.5 else 3 - site[::-1]
        codes[region, first : first + len(site)] = either
    signal = there * 2.0 - 1 + rng.normal(scale=0.2, size=600)
    names = tuple(f"r{region}" for region in range(600))
    data = SignalData(codes, signal[:, None].astype(np.float32), names, ("one",))
    data = replace(data, parts=split_at_random(600, 0.2, 0.2, 0))
    torch.manual_seed(0)
    model = TiSFM(bank, 40, ("one",), replace(CLEAN, spare=2))
    model.linear.weight.data.zero_()
    Trainer(model, data, FitOptions(epochs=30, batch=50, rate=0.03, device="cpu")).run()
    one, other = model.motifs.spare.detach().numpy()
    for kernel, alike in ((one, other), (one, one[::-1, ::-1]), (other, other[::-1, ::-1])):
        assert np.abs(kernel - alike).max() > 0.1
    test = data.rows("test")
    assert np.corrcoef(predict(model, codes[test])[:, 0], signal[test])[0, 1] > 0.8
