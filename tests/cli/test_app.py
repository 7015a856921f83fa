from dataclasses import dataclass, replace
from typing import ClassVar

from finemo_zarr import registry, store
from finemo_zarr.protocols import option


def test_app__lists_commands_in_workflow_order(run) -> None:
    lines = run("--help").out.partition("Commands:")[2].splitlines()
    names = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    order = ["extract-regions-bw", "extract-regions-finemo-npz", "call-hits", "info", "plugins"]
    assert [name for name in names if name in order] == order


def test_app__help_has_examples(run) -> None:
    assert "finemo-zarr call-hits -r regions.zarr" in run("-h").out


def test_app__a_strangers_reader_gets_its_command_and_flags(
    run, tmp_path, monkeypatch, reader, regions
) -> None:
    @dataclass(frozen=True)
    class Stranger:
        name: ClassVar[str] = "stranger"
        summary: ClassVar[str] = "Regions from nowhere"
        count: int = option("-k", "--count", help="How many.", default=5)

        def read(self):
            return regions.isel(region=slice(0, self.count))

    made = registry.default_registry()
    classes = {**made.classes, "reader": {**made.classes["reader"], "stranger": Stranger}}
    monkeypatch.setattr(registry, "default_registry", lambda: replace(made, classes=classes))
    assert "Regions from nowhere" in run("--help").out
    result = run("extract-regions-stranger", "-k", 7, "-o", tmp_path / "r.zarr")
    assert (result.code, result.err) == (0, "")
    assert store.open_regions(tmp_path / "r.zarr").sizes["region"] == 7


def test_app__an_unknown_reader_is_an_unknown_command(run) -> None:
    result = run("extract-regions-h5")
    assert result.code == 2
    assert "No such command 'extract-regions-h5'" in result.err
