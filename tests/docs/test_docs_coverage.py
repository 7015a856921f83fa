"""Whatever a user can meet is on some page."""

import inspect
import re

import click
import pytest
from markdown_blocks import ROOT

import finemo_zarr
from finemo_zarr import errors, hookspecs, registry
from finemo_zarr.cli.app import app
from finemo_zarr.export import TABLES
from finemo_zarr.protocols import option_fields
from finemo_zarr.registry import build_registry
from finemo_zarr.variables import all_variables

PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
CLASSES = build_registry(installed=False).classes


def _is_documented(word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", TEXT) is not None


def _missing(words):
    return [word for word in words if not _is_documented(word)]


def test_docs__name_every_hook():
    hooks = [name for name, value in vars(hookspecs).items() if name.startswith("register_")]
    assert len(hooks) >= 3
    assert _missing(hooks) == []


def test_docs__name_every_variable():
    assert _missing(spec.name for _, spec in all_variables()) == []


def test_docs__name_every_error_and_warning():
    classes = [
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    ]
    assert _missing(classes) == []


@pytest.mark.parametrize("kind", CLASSES)
def test_docs__name_every_plugin_and_its_options(kind):
    for name, cls in CLASSES[kind].items():
        assert _is_documented(name)
        flags = [flag for _, info in option_fields(cls).values() for flag in info.flags]
        assert _missing(flags) == [], name


def test_docs__name_every_command_and_its_options(monkeypatch):
    # A plugin documents its own.
    monkeypatch.setattr(registry, "default_registry", lambda: build_registry(installed=False))
    context = click.Context(app)
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        options = [item for item in command.params if isinstance(item, click.Option)]
        assert _missing([name, *(flag for item in options for flag in item.opts)]) == []


def test_docs__name_every_table():
    assert _missing(TABLES) == []


def test_docs__say_what_the_exit_codes_are():
    text = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    source = inspect.getsource(finemo_zarr.cli)
    for code in re.search(r"_FAILED.* = ([\d, ]+)", source)[1].split(", "):
        assert f"| `{code}` |" in text
