"""The contract of a reader of regions_read."""

import pickle
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pytest

from finemo_zarr.model import validate
from finemo_zarr.protocols import Reader
from finemo_zarr.sequence import NO_BASE
from finemo_zarr.testing.contracts._plugin import PluginContract

if TYPE_CHECKING:
    import xarray as xr

_COORDINATES = ("region_chrom", "region_start", "region_end", "region_name", "region_id")
_ARRAYS = ("region_sequence", "region_contributions")


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("read() computes dask arrays: it must leave that to who uses them")


class ReaderContract(PluginContract):
    """Subclass it and give the fixture `reader`, best also `expected_regions`.

    Attributes
    ----------
    relative_tolerance : float
        How well scores must agree with the expected ones; more for files in float16.
    """

    relative_tolerance: float = 1e-6

    @pytest.fixture
    def reader(self) -> Reader:
        """The reader, set up to read files with at least three regions_read."""
        raise NotImplementedError("give a fixture `reader` that returns an instance")

    @pytest.fixture
    def expected_regions(self) -> "xr.Dataset | None":
        """What it should read, as a regions dataset in memory; None if that is not known."""
        return None

    @pytest.fixture
    def contract_plugin(self, reader: Reader) -> Any:
        """What :class:`PluginContract` looks at."""
        return reader

    @pytest.fixture
    def regions_read(self, reader: Reader) -> "xr.Dataset":
        """What it reads, not computed."""
        return reader.read()

    def test_reader__follows_the_protocol(self, reader: Reader) -> None:
        """It has all that a reader has."""
        assert isinstance(reader, Reader)

    def test_read__gives_regions(self, regions_read: "xr.Dataset") -> None:
        """The dataset follows the specification."""
        validate(regions_read, "regions")
        assert regions_read.sizes["region"] >= 3

    def test_read__is_lazy_along_region(self, regions_read: "xr.Dataset") -> None:
        """Both arrays are dask arrays, and a region is never cut."""
        for name in _ARRAYS:
            variable = regions_read[name]
            assert variable.chunks is not None, f"{name} is not a dask array"
            for dim, chunks in zip(variable.dims, variable.chunks, strict=True):
                assert dim in ("region", "track") or len(chunks) == 1

    def test_read__computes_nothing(self, reader: Reader) -> None:
        """Memory stays bounded only if scores are read block by block, later."""
        import dask

        with dask.config.set(scheduler=_refuse):
            reader.read()

    def test_read__gives_base_codes(self, regions_read: "xr.Dataset") -> None:
        """A, C, G, T = 0, 1, 2, 3, and 4 for no base."""
        codes = regions_read["region_sequence"].to_numpy()
        assert codes.dtype == np.uint8
        assert codes.max() <= NO_BASE

    def test_read__gives_finite_scores(self, regions_read: "xr.Dataset") -> None:
        """Whatever the file has where there is no score."""
        assert np.isfinite(regions_read["region_contributions"].to_numpy()).all()

    def test_read__gives_all_coordinates_or_none(self, regions_read: "xr.Dataset") -> None:
        """And those given fit the regions_read."""
        given = [name for name in _COORDINATES if name in regions_read]
        assert given in ([], list(_COORDINATES))
        if given:
            length = regions_read["region_end"].to_numpy() - regions_read["region_start"].to_numpy()
            assert (length == regions_read.sizes["position"]).all()
            chroms = {str(chrom) for chrom in regions_read["region_chrom"].to_numpy()}
            assert chroms <= set(regions_read.attrs["chrom_order"])

    def test_read__gives_the_same_block_by_block(self, regions_read: "xr.Dataset") -> None:
        """Any part of the regions can be computed by itself, in any order."""
        whole = regions_read.compute()
        for part in (slice(1, None), slice(0, 1), slice(2, 3)):
            assert regions_read.isel(region=part).compute().equals(whole.isel(region=part))

    def test_read__gives_the_same_twice(self, reader: Reader, regions_read: "xr.Dataset") -> None:
        """Reading has no memory."""
        assert reader.read().compute().identical(regions_read.compute())

    def test_read__gives_what_other_processes_can_compute(self, regions_read: "xr.Dataset") -> None:
        """The dataset can be pickled before it is computed."""
        sent = pickle.loads(pickle.dumps(regions_read))  # noqa: S301
        assert sent.compute().equals(regions_read.compute())

    def test_read__gives_what_is_expected(
        self, regions_read: "xr.Dataset", expected_regions: "xr.Dataset | None"
    ) -> None:
        """Sequence and coordinates exactly, scores within the tolerance."""
        if expected_regions is None:
            pytest.skip("the fixture `expected_regions` is not given")
        codes = regions_read["region_sequence"].to_numpy()
        np.testing.assert_array_equal(codes, expected_regions["region_sequence"].to_numpy())
        scores = regions_read["region_contributions"].to_numpy()
        right = expected_regions["region_contributions"].to_numpy()
        assert scores.shape == right.shape
        smallest = self.relative_tolerance * float(np.abs(right).max())
        np.testing.assert_allclose(scores, right, rtol=self.relative_tolerance, atol=smallest)
        for name in _COORDINATES:
            if name in expected_regions:
                right = expected_regions[name].to_numpy()
                assert regions_read[name].to_numpy().tolist() == right.tolist(), name
