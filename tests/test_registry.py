from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from finemo_zarr import registry
from finemo_zarr.errors import PluginError, PluginWarning, ReadError
from finemo_zarr.hookspecs import hookimpl
from finemo_zarr.registry import build_registry


def make_plugin(hook: str, *classes: Any) -> Any:
    """An object that implements one hook."""

    def register() -> tuple[Any, ...]:
        return classes

    register.__name__ = hook
    return SimpleNamespace(**{hook: hookimpl(register)})


@dataclass(frozen=True)
class Stranger:
    name: ClassVar[str] = "stranger"
    summary: ClassVar[str] = "A reader."

    def read(self) -> Any: ...


@dataclass(frozen=True)
class TextMotifs:
    name: ClassVar[str] = "text"
    summary: ClassVar[str] = "motifs as text"

    def can_read(self, path: Path) -> bool:
        return path.suffix == ".txt"

    def read(self, path: Path) -> Any:
        return f"motifs of {path.name}"


@dataclass(frozen=True)
class GreedyMotifs(TextMotifs):
    name: ClassVar[str] = "greedy"

    def can_read(self, path: Path) -> bool:
        return True


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Make the plugins given those of the process."""

    def install(*plugins: Any) -> None:
        made = build_registry(plugins, built_in=False, installed=False)
        monkeypatch.setattr(registry, "default_registry", lambda: made)

    return install


def test_registry__finds_the_built_ins() -> None:
    names = ["bw", "chrombpnet-h5", "bpnet-h5", "modisco-fmt", "finemo-npz"]
    assert list(registry.readers())[: len(names)] == names
    assert {"modisco-h5", "meme"} <= set(registry.motif_readers())
    assert "coordinate-descent" in registry.solvers()


def test_registry__is_loaded_once() -> None:
    assert registry.default_registry() is registry.default_registry()


def test_registry__takes_a_stranger() -> None:
    made = build_registry([make_plugin("register_readers", Stranger)], installed=False)
    assert made.classes["reader"]["stranger"] is Stranger
    assert "bw" in made.classes["reader"]
    row = next(row for row in made.rows if row.name == "stranger")
    assert (row.kind, row.summary, row.error) == ("reader", "A reader.", "")


def test_registry__refuses_a_name_twice() -> None:
    plugins = [make_plugin("register_readers", Stranger) for _ in range(2)]
    with pytest.raises(PluginError, match="two readers are named 'stranger'"):
        build_registry(plugins, built_in=False, installed=False)


def test_registry__refuses_the_name_of_a_built_in() -> None:
    @dataclass(frozen=True)
    class Imposter(Stranger):
        name: ClassVar[str] = "bw"

    with pytest.raises(PluginError, match="one of finemo-zarr and one of SimpleNamespace"):
        build_registry([make_plugin("register_readers", Imposter)], installed=False)


def test_registry__refuses_a_misspelt_hook_and_lists_the_hooks() -> None:
    plugin = make_plugin("register_reader", Stranger)
    with pytest.raises(PluginError, match=r"register_reader\b.*the hooks are register_readers, "):
        build_registry([plugin], built_in=False, installed=False)


def test_registry__refuses_a_class_that_is_no_reader_and_says_why() -> None:
    class Loose:
        name = "loose"

    expected = "not a frozen dataclass; it has no class attribute summary .*no method read"
    with pytest.raises(PluginError, match=expected):
        build_registry([make_plugin("register_readers", Loose)], built_in=False, installed=False)


def test_registry__refuses_an_instance() -> None:
    plugin = make_plugin("register_solvers", "not a class")
    with pytest.raises(PluginError, match="as a solver: expected a class"):
        build_registry([plugin], built_in=False, installed=False)


class Point:
    """An entry point as importlib.metadata gives it."""

    value = "package.module"

    def __init__(self, name: str, load: Any) -> None:
        self.dist = SimpleNamespace(name=name, version="1.2")
        self.load = load


def test_registry__a_broken_plugin_is_a_warning_and_the_others_load(monkeypatch) -> None:
    def fail() -> Any:
        raise ImportError("no module named cuda")

    points = [
        Point("broken-dist", fail),
        Point("good-dist", lambda: make_plugin("register_readers", Stranger)),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    with pytest.warns(PluginWarning, match="broken-dist cannot be loaded .*no module named cuda"):
        made = build_registry()
    assert made.classes["reader"]["stranger"] is Stranger
    failed = next(row for row in made.rows if row.error)
    assert (failed.distribution, failed.version) == ("broken-dist", "1.2")
    assert failed.error == "ImportError: no module named cuda"
    assert next(row for row in made.rows if row.name == "stranger").distribution == "good-dist"


def test_registry__a_hook_that_raises_is_a_warning(monkeypatch) -> None:
    @hookimpl
    def register_solvers() -> Any:
        raise RuntimeError("driver too old")

    plugin = SimpleNamespace(register_solvers=register_solvers)
    points = [Point("gpu-dist", lambda: plugin)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    with pytest.warns(PluginWarning, match="gpu-dist .*driver too old"):
        made = build_registry()
    assert "coordinate-descent" in made.classes["solver"]


def test_get_solver__unknown_lists_what_is_installed() -> None:
    expected = (
        r"no solver is named 'coordinate-decent'; installed: coordinate-descent.*Did you mean"
    )
    with pytest.raises(PluginError, match=expected):
        registry.get_solver("coordinate-decent")


def test_get_reader__returns_the_class(use) -> None:
    use(make_plugin("register_readers", Stranger))
    assert registry.get_reader("stranger") is Stranger
    with pytest.raises(PluginError, match="installed: stranger"):
        registry.get_reader("bw")


def test_read_motifs__asks_the_readers(use, tmp_path: Path) -> None:
    use(make_plugin("register_motif_readers", TextMotifs))
    (tmp_path / "m.txt").write_text("")
    assert registry.read_motifs(tmp_path / "m.txt") == "motifs of m.txt"


def test_read_motifs__refuses_what_none_can_read(use, tmp_path: Path) -> None:
    use(make_plugin("register_motif_readers", TextMotifs))
    (tmp_path / "m.xml").write_text("")
    with pytest.raises(ReadError, match=r"m.xml: not a motif file .* text \(motifs as text\)"):
        registry.read_motifs(tmp_path / "m.xml")


def test_read_motifs__refuses_what_several_can_read(use, tmp_path: Path) -> None:
    use(make_plugin("register_motif_readers", TextMotifs, GreedyMotifs))
    (tmp_path / "m.txt").write_text("")
    with pytest.raises(ReadError, match="text, greedy all take it"):
        registry.read_motifs(tmp_path / "m.txt")


def test_read_motifs__names_a_reader_that_fails_on_foreign_files(use, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Fragile(TextMotifs):
        name: ClassVar[str] = "fragile"

        def can_read(self, path: Path) -> bool:
            raise UnicodeError("not text")

    use(make_plugin("register_motif_readers", TextMotifs, Fragile))
    (tmp_path / "m.txt").write_text("")
    with pytest.raises(PluginError, match=r"fragile failed on .*m.txt .UnicodeError: not text"):
        registry.read_motifs(tmp_path / "m.txt")


def test_read_motifs__names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"m.txt: no such file"):
        registry.read_motifs(tmp_path / "m.txt")
