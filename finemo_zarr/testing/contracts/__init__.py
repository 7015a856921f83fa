"""What every reader, motif reader and solver must do, as pytest classes to subclass.

A plugin's whole test file may be::

    import pytest
    from finemo_zarr.testing.contracts import SolverContract

    class TestMySolver(SolverContract):
        @pytest.fixture
        def solver(self):
            return MySolver()
"""

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{module}" for module in ("_plugin", "lasso", "motif_readers", "readers")),
    f"{__name__}.solvers",
)

from finemo_zarr.testing.contracts.lasso import LassoSolverContract  # noqa: E402
from finemo_zarr.testing.contracts.motif_readers import MotifReaderContract  # noqa: E402
from finemo_zarr.testing.contracts.readers import ReaderContract  # noqa: E402
from finemo_zarr.testing.contracts.solvers import SolverContract  # noqa: E402

__all__ = ["LassoSolverContract", "MotifReaderContract", "ReaderContract", "SolverContract"]
