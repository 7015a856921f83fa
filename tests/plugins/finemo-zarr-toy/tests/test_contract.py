import numpy as np
import pytest
from finemo_zarr_toy import ToyReader, ToySolver

from finemo_zarr.testing.contracts import ReaderContract, SolverContract


class TestToyReader(ReaderContract):
    @pytest.fixture
    def reader(self, tmp_path):
        path = tmp_path / "table.tsv"
        rng = np.random.default_rng(0)
        lines = ["\t".join(["ACGTA", ",".join(map(str, rng.normal(size=5)))]) for _ in range(5)]
        path.write_text("\n".join(lines))
        return ToyReader(path)


class TestToySolver(SolverContract):
    modes = ("pp",)

    @pytest.fixture
    def solver(self):
        return ToySolver()
