import h5py
import numpy as np
import polars as pl
import pytest

from finemo_zarr.execution import call_hits
from finemo_zarr.export import ExportOptions, _rows, export_hits
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.readers.modisco_h5 import ModiscoH5Reader
from finemo_zarr.readers.modisco_seqlets import read_seqlets
from finemo_zarr.store import open_hits
from finemo_zarr.testing import simulate_motifs

MATRICES = ("motif_cwm", "motif_hcwm", "motif_ppm")


def test_modisco_h5__comes_back_as_it_was(made, raw_motifs, tmp_path) -> None:
    export_hits(made.hits, "modisco-h5", tmp_path / "m.h5")
    found = ModiscoH5Reader().read(tmp_path / "m.h5")
    assert found["motif_name"].values.tolist() == raw_motifs["motif_name"].values.tolist()
    for name in MATRICES:
        np.testing.assert_allclose(found[name], raw_motifs[name], rtol=1e-12)
    assert found["motif_width"].values.tolist() == raw_motifs["motif_width"].values.tolist()


@pytest.mark.parametrize("size", [7, 2**20])
def test_modisco_h5__hits_are_seqlets(made, tmp_path, monkeypatch, size: int) -> None:
    monkeypatch.setattr(_rows, "_STRIPE_HITS", size)
    export_hits(made.hits, "modisco-h5", tmp_path / "m.h5")
    seqlets = read_seqlets(tmp_path / "m.h5")
    assert seqlets.attrs["window"] == 80
    start = open_hits(made.hits).regions["region_start"].values
    offset = start[seqlets["seqlet_example"].values]
    found = sorted(
        zip(
            seqlets["seqlet_motif"].values.tolist(),
            (offset + seqlets["seqlet_start"].values).tolist(),
            (offset + seqlets["seqlet_end"].values).tolist(),
            np.where(seqlets["seqlet_reverse"], "-", "+").tolist(),
            strict=True,
        )
    )
    columns = ("motif_name", "start_untrimmed", "end_untrimmed", "strand")
    assert found == sorted(made.table.select(columns).rows())
    with h5py.File(tmp_path / "m.h5") as file:
        for name, pattern in file["pos_patterns"].items():
            own = made.table.filter(pl.col("motif_name") == f"pos_patterns.{name}")
            assert pattern["seqlets/n_seqlets"][:].tolist() == [len(own)]


def test_modisco_h5__what_is_missing_is_made_and_said(tmp_path, regions_store, solver) -> None:
    motifs = simulate_motifs(4, width=20, core=(6, 10), n_negative=2, palindromes=0.0, seed=1)
    bare = motifs[["motif_name", "motif_cwm", "motif_width"]]
    named = bare.assign(motif_name=("motif", np.array(["A", "B", "C", "D"], dtype="T")))
    prepared = prepare_motifs(named, MotifOptions())
    call_hits(regions_store, prepared, tmp_path / "h.zarr", solver=solver)
    export_hits(tmp_path / "h.zarr", "modisco-h5", tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        names = {
            f"{group}/{name}": pattern.attrs["motif_name"]
            for group in file
            for name, pattern in file[group].items()
        }
        first = file["pos_patterns/pattern_0"]
        assert first.attrs["sequence"] == "none: made from contrib_scores"
        np.testing.assert_array_equal(first["hypothetical_contribs"], first["contrib_scores"])
        np.testing.assert_allclose(first["sequence"][:].sum(axis=1), 1)
    assert names == {
        "pos_patterns/pattern_0": "A",
        "pos_patterns/pattern_1": "B",
        "neg_patterns/pattern_0": "C",
        "neg_patterns/pattern_1": "D",
    }
    assert ModiscoH5Reader().read(tmp_path / "m.h5").sizes["motif"] == 4


def test_modisco_h5__motifs_keep_their_place_when_some_are_left_out(
    made, raw_motifs, tmp_path
) -> None:
    name = str(raw_motifs["motif_name"].values[2])
    options = ExportOptions(motifs=(name,))
    export_hits(made.hits, "modisco-h5", tmp_path / "m.h5", options=options)
    assert ModiscoH5Reader().read(tmp_path / "m.h5")["motif_name"].values.tolist() == [name]
    assert (
        read_seqlets(tmp_path / "m.h5").sizes["seqlet"] == (made.table["motif_name"] == name).sum()
    )
