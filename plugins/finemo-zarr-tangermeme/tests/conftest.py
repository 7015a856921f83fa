import pytest
from finemo_zarr_tangermeme import packages


@pytest.fixture(autouse=True)
def _warn_again():
    packages.forget()
