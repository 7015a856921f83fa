import numpy as np
import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.readers.modisco_fmt import ModiscoFmtReader


@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed])
def test_modisco_fmt__reads_npy_and_npz(world, save):
    suffix = "npy" if save is np.save else "npz"
    sequences, scores = world.folder / f"ohe.{suffix}", world.folder / f"attr.{suffix}"
    save(sequences, world.sequences().astype(np.float64))
    save(scores, world.scores().astype(np.float16))
    regions = ModiscoFmtReader(
        sequences=sequences, attributions=(scores,), region_width=50, peaks=world.peaks()
    ).read()
    np.testing.assert_array_equal(regions.region_sequence, world.codes(50))
    np.testing.assert_array_equal(
        regions.region_contributions, world.scores()[..., 35:85].astype(np.float16)
    )


def test_modisco_fmt__takes_the_first_array(world):
    path = world.folder / "two.npz"
    np.savez(path, z=world.sequences(), a=np.zeros(3))
    scores = world.folder / "attr.npy"
    np.save(scores, world.scores())
    regions = ModiscoFmtReader(sequences=path, attributions=(scores,), region_width=120).read()
    np.testing.assert_array_equal(regions.region_sequence, world.codes(120))


def test_modisco_fmt__refuses_missing_files(world, tmp_path):
    scores = tmp_path / "attr.npy"
    np.save(scores, world.scores())
    with pytest.raises(ReadError, match=r"none\.npy: no such file"):
        ModiscoFmtReader(sequences=tmp_path / "none.npy", attributions=(scores,)).read()
    with pytest.raises(ReadError, match="no attributions given"):
        ModiscoFmtReader(sequences=scores, attributions=()).read()
