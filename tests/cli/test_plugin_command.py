from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
from click.testing import CliRunner

from finemo_zarr import registry
from finemo_zarr.cli.app import app
from finemo_zarr.errors import PluginError
from finemo_zarr.hookspecs import hookimpl
from finemo_zarr.protocols import Command, option


@dataclass(frozen=True)
class Count:
    name: ClassVar[str] = "count-lines"
    summary: ClassVar[str] = "Count the lines of files."
    resumes: ClassVar[bool] = True
    examples: ClassVar[str] = "  finemo-zarr count-lines -i a.txt b.txt"
    files: tuple[Path, ...] = option("-i", "--files", help="Files.")
    least: int = option("--least", default=1, help="The fewest.")

    def __post_init__(self) -> None:
        if self.least < 0:
            raise ValueError(f"--least is {self.least}")

    def run(self) -> str | None:
        if not self.files[0].exists():
            raise registry.ReadError(f"{self.files[0]}: no such file")
        total = sum(len(path.read_text().splitlines()) for path in self.files)
        return f"{total} lines" if total >= self.least else None


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch):
    def register() -> list[type]:
        return [Count]

    register.__name__ = "register_commands"
    stranger = SimpleNamespace(register_commands=hookimpl(register))
    made = registry.build_registry([stranger], installed=False)
    monkeypatch.setattr(registry, "default_registry", lambda: made)
    return stranger


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_command__of_a_plugin_runs_with_its_fields_as_options(plugin, tmp_path) -> None:
    assert isinstance(Count((tmp_path,)), Command)
    for name in "ab":
        (tmp_path / name).write_text("1\n2\n")
    done = run("count-lines", "-i", tmp_path / "a", tmp_path / "b")
    assert (done.exit_code, done.output) == (0, "4 lines\n")
    silent = run("count-lines", "-i", tmp_path / "a", "--least", 3)
    assert (silent.exit_code, silent.output) == (0, "")
    assert app.resumes


def test_command__of_a_plugin_is_listed_and_explained(plugin) -> None:
    assert "count-lines" in run("--help").output
    shown = run("count-lines", "--help").output
    assert "-i, --files" in shown
    assert "finemo-zarr count-lines -i a.txt b.txt" in shown
    assert "command       count-lines" in run("plugins").output


def test_command__of_a_plugin_fails_as_ours_do(plugin, tmp_path) -> None:
    failed = run("count-lines", "-i", tmp_path / "gone")
    assert isinstance(failed.exception, registry.ReadError)
    assert run("count-lines", "-i", tmp_path, "--least", -1).exit_code == 2


def test_command__needs_a_method_run() -> None:
    @dataclass(frozen=True)
    class Lame:
        name: ClassVar[str] = "lame"
        summary: ClassVar[str] = "Nothing."

    def register() -> list[type]:
        return [Lame]

    register.__name__ = "register_commands"
    stranger = SimpleNamespace(register_commands=hookimpl(register))
    with pytest.raises(PluginError, match=r"Lame of .* is not a command: it has no method run"):
        registry.build_registry([stranger], built_in=False, installed=False)
