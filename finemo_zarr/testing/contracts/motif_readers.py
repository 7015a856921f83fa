"""The contract of a motif reader."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.model import validate
from finemo_zarr.protocols import MotifReader
from finemo_zarr.testing.contracts._plugin import PluginContract

if TYPE_CHECKING:
    import xarray as xr

FOREIGN_FILES: dict[str, bytes] = {
    "empty": b"",
    "text": b"Nothing that any program would take for motifs_read.\n",
    "table": b"chr1\t0\t1000\tpeak\t0\t.\t1\t1\t1\t500\n",
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01",
    "gzip": b"\x1f\x8b\x08\x00 not really compressed",
    "bytes": bytes(range(256)) * 20,
}
"""Contents that no motif reader may take for its own."""


class MotifReaderContract(PluginContract):
    """Subclass it and give the fixtures `motif_reader` and `motif_file`."""

    @pytest.fixture
    def motif_reader(self) -> MotifReader:
        """The motif reader."""
        raise NotImplementedError("give a fixture `motif_reader` that returns an instance")

    @pytest.fixture
    def motif_file(self, tmp_path: Path) -> Path:
        """A file of its format with at least two motifs_read."""
        raise NotImplementedError("give a fixture `motif_file` that returns the path of a file")

    @pytest.fixture
    def contract_plugin(self, motif_reader: MotifReader) -> Any:
        """What :class:`PluginContract` looks at."""
        return motif_reader

    @pytest.fixture
    def motifs_read(self, motif_reader: MotifReader, motif_file: Path) -> "xr.Dataset":
        """The motifs of the file."""
        return motif_reader.read(motif_file)

    def test_reader__follows_the_protocol(self, motif_reader: MotifReader) -> None:
        """It has all that a motif reader has."""
        assert isinstance(motif_reader, MotifReader)

    def test_can_read__knows_its_own_file(
        self, motif_reader: MotifReader, motif_file: Path
    ) -> None:
        """It says yes to what it can read."""
        assert motif_reader.can_read(motif_file) is True

    @pytest.mark.parametrize("content", FOREIGN_FILES.values(), ids=FOREIGN_FILES)
    def test_can_read__says_no_to_foreign_files(
        self, motif_reader: MotifReader, tmp_path: Path, content: bytes
    ) -> None:
        """It says no, and does not raise."""
        path = tmp_path / "foreign"
        path.write_bytes(content)
        assert motif_reader.can_read(path) is False

    def test_can_read__says_no_to_what_is_not_a_file(
        self, motif_reader: MotifReader, tmp_path: Path
    ) -> None:
        """Neither a directory nor a missing file raises."""
        assert motif_reader.can_read(tmp_path) is False
        assert motif_reader.can_read(tmp_path / "missing") is False

    @pytest.mark.parametrize("content", FOREIGN_FILES.values(), ids=FOREIGN_FILES)
    def test_read__refuses_foreign_files_by_name(
        self, motif_reader: MotifReader, tmp_path: Path, content: bytes
    ) -> None:
        """The error names the file."""
        path = tmp_path / "foreign"
        path.write_bytes(content)
        with pytest.raises(ReadError, match="foreign"):
            motif_reader.read(path)

    def test_read__refuses_a_missing_file_by_name(
        self, motif_reader: MotifReader, tmp_path: Path
    ) -> None:
        """The error names the file."""
        with pytest.raises(ReadError, match="missing"):
            motif_reader.read(tmp_path / "missing")

    def test_read__gives_motifs(self, motifs_read: "xr.Dataset") -> None:
        """The dataset follows the specification."""
        validate(motifs_read, "motifs")
        assert motifs_read.sizes["motif"] >= 2

    def test_read__gives_unique_names(self, motifs_read: "xr.Dataset") -> None:
        """They are what options and tables go by, so they hold no tab and no line break."""
        names = [str(name) for name in motifs_read["motif_name"].to_numpy()]
        assert len(set(names)) == len(names)
        assert all(name and not set(name) & set("\t\n\r") for name in names)

    def test_read__records_where_motifs_come_from(
        self, motifs_read: "xr.Dataset", motif_file: Path
    ) -> None:
        """Kind of the matrices, file, and name in it."""
        assert {"motif_origin", "motif_source", "motif_name_orig"} <= set(motifs_read.data_vars)
        sources = {str(source) for source in motifs_read["motif_source"].to_numpy()}
        assert sources == {str(motif_file)}

    def test_read__gives_usable_matrices(self, motifs_read: "xr.Dataset") -> None:
        """All finite, no CWM all zero, nothing beyond a motif's width."""
        columns = np.arange(motifs_read.sizes["motif_position"])
        beyond = columns >= motifs_read["motif_width"].to_numpy()[:, None]
        for name in ("motif_cwm", "motif_hcwm", "motif_ppm"):
            if name in motifs_read:
                matrices = motifs_read[name].to_numpy()
                assert np.isfinite(matrices).all()
                assert not (np.abs(matrices).sum(axis=1) * beyond).any()
        assert np.abs(motifs_read["motif_cwm"].to_numpy()).sum(axis=(1, 2)).all()

    def test_read__gives_the_same_twice(
        self, motif_reader: MotifReader, motif_file: Path, motifs_read: "xr.Dataset"
    ) -> None:
        """Reading has no memory."""
        assert motif_reader.read(motif_file).identical(motifs_read)

    def test_read__takes_any_kind_of_path(
        self, motif_reader: MotifReader, motif_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A relative path is as good as an absolute one."""
        monkeypatch.chdir(motif_file.parent)
        read: Callable[[Path], xr.Dataset] = motif_reader.read
        assert read(Path(motif_file.name)).sizes["motif"] >= 2
