import numpy as np
import pytest

from finemo_zarr.export import ExportOptions, export_hits
from finemo_zarr.export._matrices import made_ppm
from finemo_zarr.readers.meme import MemeReader


def test_meme__comes_back_with_its_probabilities(made, raw_motifs, tmp_path) -> None:
    export_hits(made.hits, "meme", tmp_path / "m.meme")
    found = MemeReader().read(tmp_path / "m.meme")
    assert found["motif_name"].values.tolist() == raw_motifs["motif_name"].values.tolist()
    np.testing.assert_allclose(found["motif_ppm"], raw_motifs["motif_ppm"], atol=2e-6)
    assert "#" not in (tmp_path / "m.meme").read_text()


def test_meme__reads_in_memelite(made, raw_motifs, tmp_path) -> None:
    memelite = pytest.importorskip("memelite.io")
    export_hits(made.hits, "meme", tmp_path / "m.meme")
    found = memelite.read_meme(str(tmp_path / "m.meme"))
    assert list(found) == raw_motifs["motif_name"].values.tolist()
    np.testing.assert_allclose(
        np.stack(list(found.values())), raw_motifs["motif_ppm"].values, atol=2e-6
    )


def test_meme__holds_the_motifs_that_were_chosen(made, raw_motifs, tmp_path) -> None:
    name = raw_motifs["motif_name"].values[1]
    export_hits(made.hits, "meme", tmp_path / "m.meme", options=ExportOptions(motifs=(name,)))
    assert MemeReader().read(tmp_path / "m.meme")["motif_name"].values.tolist() == [name]


def test_meme__says_which_probabilities_were_made(
    tmp_path, regions_store, raw_motifs, solver
) -> None:
    from finemo_zarr.execution import call_hits
    from finemo_zarr.motifs import MotifOptions, prepare_motifs

    bare = raw_motifs.drop_vars("motif_ppm")
    spaced = MotifOptions(renames={str(bare["motif_name"].values[0]): "my motif"})
    call_hits(regions_store, prepare_motifs(bare, spaced), tmp_path / "h.zarr", solver=solver)
    export_hits(tmp_path / "h.zarr", "meme", tmp_path / "m.meme")
    text = (tmp_path / "m.meme").read_text()
    assert "no probabilities of 3 motifs" in text
    assert "# my_motif" in text
    found = MemeReader().read(tmp_path / "m.meme")
    assert found["motif_name"].values[0] == "my_motif"
    # Where it matters, what is made says what was observed: the strongest base of the core.
    cwm, ppm = found["motif_ppm"].values, raw_motifs["motif_ppm"].values
    strong = ppm.max(axis=1) > 0.9
    assert (cwm.argmax(axis=1) == ppm.argmax(axis=1))[strong].all()


def test_made_ppm__is_flat_where_nothing_contributes() -> None:
    cwm = np.array([[2.0, 0, 0], [0, 0, -1], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(
        made_ppm(cwm).T, [[1, 0, 0, 0], [0.25] * 4, [0.125, 0.625, 0.125, 0.125]]
    )
    np.testing.assert_allclose(made_ppm(np.zeros((4, 2))), np.full((4, 2), 0.25))
