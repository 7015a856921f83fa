import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.execution.provenance import describe_input, describe_run, input_paths
from finemo_zarr.protocols import option


def test_describe_input__knows_versions_of_a_file_apart(tmp_path: Path) -> None:
    path = tmp_path / "f.bin"
    digests = set()
    for content in (b"", b"a", b"a" * 200_000, b"a" * 199_999 + b"b", b"b" + b"a" * 199_999):
        path.write_bytes(content)
        described = describe_input(path)
        assert described["bytes"] == len(content)
        digests.add(described["sha256_ends"])
    assert len(digests) == 5


def test_describe_input__takes_a_store(regions_store: Path) -> None:
    assert len(describe_input(regions_store)["sha256_ends"]) == 64


def test_describe_input__names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="gone: cannot be read"):
        describe_input(tmp_path / "gone")


def test_describe_run__is_json(tmp_path: Path) -> None:
    described = describe_run("call-hits", plugin="x", options={"a": [1, None]}, inputs=[])
    assert json.loads(json.dumps(described)) == described
    assert {"finemo-zarr", "python", "numpy", "zarr"} <= set(described["versions"])
    assert described["created"].endswith("+00:00")


def test_input_paths__finds_files_among_the_options() -> None:
    @dataclass(frozen=True)
    class Plugin:
        scores: tuple[Path, ...] = option("-s", help="Scores.")
        peaks: Path | None = option("-p", help="Peaks.", default=None)
        width: int = option("-w", help="Width.", default=3)

    a, b, c = Path("a"), Path("b"), Path("c")
    assert input_paths(Plugin((a, b))) == [a, b]
    assert input_paths(Plugin((a,), c)) == [a, c]
