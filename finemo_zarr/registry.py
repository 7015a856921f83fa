"""The readers, motif readers, solvers and further commands that are installed.

Plugins load on first use, one by one: one that cannot be loaded is a warning and the others work.
Built-ins register through the same hooks as a stranger's.
"""

import dataclasses
import difflib
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from inspect import isclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import pluggy

from finemo_zarr import __version__, hookspecs
from finemo_zarr.errors import PluginError, PluginWarning, ReadError
from finemo_zarr.hookspecs import PROJECT, hookimpl
from finemo_zarr.protocols import Command, MotifReader, Reader, Solver

if TYPE_CHECKING:
    import xarray as xr

T = TypeVar("T")
PluginKind = Literal["reader", "motif reader", "solver", "command"]

_HOOKS: Mapping[PluginKind, str] = {
    "reader": "register_readers",
    "motif reader": "register_motif_readers",
    "solver": "register_solvers",
    "command": "register_commands",
}
_METHODS: Mapping[PluginKind, tuple[str, ...]] = {
    "reader": ("read",),
    "motif reader": ("can_read", "read"),
    "solver": ("solve",),
    "command": ("run",),
}
_BUILT_IN: Mapping[PluginKind, tuple[str, ...]] = {
    "reader": (
        "readers.bw:BigWigReader",
        "readers.chrombpnet_h5:ChromBPNetH5Reader",
        "readers.bpnet_h5:BPNetH5Reader",
        "readers.modisco_fmt:ModiscoFmtReader",
        "readers.finemo_npz:FinemoNpzReader",
        "readers.shap_h5:ShapH5Reader",
    ),
    "motif reader": (
        "readers.modisco_h5:ModiscoH5Reader",
        "readers.meme:MemeReader",
        "readers.homer:HomerReader",
        "readers.chipmunk:ChipmunkReader",
    ),
    "solver": (
        "solvers.coordinate_descent:CoordinateDescent",
        "solvers.prox_gradient:ProxGradient",
    ),
}
_DISTRIBUTION = "finemo-zarr"


class _BuiltIn:
    """The package's own plugin: what a stranger's module looks like, but for the lazy imports."""

    @hookimpl
    def register_readers(self) -> list[type[Reader]]:
        return [_load(path) for path in _BUILT_IN["reader"]]

    @hookimpl
    def register_motif_readers(self) -> list[type[MotifReader]]:
        return [_load(path) for path in _BUILT_IN["motif reader"]]

    @hookimpl
    def register_solvers(self) -> list[type[Solver]]:
        return [_load(path) for path in _BUILT_IN["solver"]]


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(f"finemo_zarr.{module}"), name)


class Distribution(NamedTuple):
    """Where a plugin comes from."""

    name: str
    version: str


class PluginRow(NamedTuple):
    """One line of ``finemo-zarr plugins``; `error` says why a plugin is not there."""

    kind: str
    name: str
    summary: str
    distribution: str
    version: str
    error: str = ""


@dataclass(frozen=True)
class Registry:
    """What is installed, by kind and name.

    Parameters
    ----------
    classes : mapping
        Classes by name, by kind.
    rows : tuple of PluginRow
        Where each comes from, and what failed to load.
    """

    classes: Mapping[PluginKind, Mapping[str, type[Any]]]
    rows: tuple[PluginRow, ...]


def build_registry(
    plugins: Iterable[object] | None = None, *, built_in: bool = True, installed: bool = True
) -> Registry:
    """Load plugins into a registry of their own.

    Parameters
    ----------
    plugins : iterable of object, optional
        Modules or objects with hook implementations, beside what is installed.
    built_in : bool
        Whether the package's own plugins take part.
    installed : bool
        Whether plugins named by entry points take part.

    Raises
    ------
    PluginError
        If two plugins use one name, a hook is misspelt, or a class does not follow its protocol.

    Warns
    -----
    PluginWarning
        For an installed plugin that cannot be loaded; its row says why.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    origins: dict[str, Distribution] = {}
    failures: list[PluginRow] = []
    if built_in:
        _register(manager, _BuiltIn(), Distribution(_DISTRIBUTION, __version__), origins)
    for plugin in plugins or ():
        _register(manager, plugin, Distribution(_describe(plugin), ""), origins)
    for point in entry_points(group=PROJECT) if installed else ():
        _load_entry_point(manager, point, origins, failures)
    _check_hook_names(manager)
    classes: dict[PluginKind, dict[str, type[Any]]] = {}
    rows: list[PluginRow] = []
    for kind in _HOOKS:
        classes[kind] = _collect(manager, kind, origins, rows, failures)
    return Registry(classes, (*rows, *failures))


def _register(
    manager: pluggy.PluginManager,
    plugin: object,
    origin: Distribution,
    origins: dict[str, Distribution],
) -> None:
    name = f"{origin.name}#{len(origins)}"
    manager.register(plugin, name=name)
    origins[name] = origin


def _describe(plugin: object) -> str:
    return str(getattr(plugin, "__name__", type(plugin).__name__))


def _load_entry_point(
    manager: pluggy.PluginManager,
    point: EntryPoint,
    origins: dict[str, Distribution],
    failures: list[PluginRow],
) -> None:
    origin = Distribution(
        point.dist.name if point.dist else point.value, point.dist.version if point.dist else ""
    )
    try:
        _register(manager, point.load(), origin, origins)
    except Exception as error:
        _report_failure(origin, point.value, error, failures)


def _report_failure(
    origin: Distribution, what: str, error: Exception, failures: list[PluginRow]
) -> None:
    cause = f"{type(error).__name__}: {error}".splitlines()[0]
    failures.append(PluginRow("plugin", what, "", *origin, error=cause))
    warnings.warn(
        f"the plugin {what} of the distribution {origin.name} cannot be loaded ({cause}); "
        f"the others can. Update or uninstall {origin.name}.",
        PluginWarning,
        stacklevel=2,
    )


def _check_hook_names(manager: pluggy.PluginManager) -> None:
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(
            f"{error}; the hooks are {', '.join(_HOOKS.values())}. Is the name misspelt?"
        ) from error


def _collect(
    manager: pluggy.PluginManager,
    kind: PluginKind,
    origins: Mapping[str, Distribution],
    rows: list[PluginRow],
    failures: list[PluginRow],
) -> dict[str, type[Any]]:
    """Classes of one kind by name, in order of registration.

    The hook is called plugin by plugin, so that one that raises does not take the others with it.
    """
    classes: dict[str, type[Any]] = {}
    owners: dict[str, str] = {}
    for implementation in getattr(manager.hook, _HOOKS[kind]).get_hookimpls():
        origin = origins[implementation.plugin_name]
        for cls in _call(implementation.function, kind, origin, failures):
            _check_class(cls, kind, origin.name)
            if cls.name in classes:
                raise PluginError(
                    f"two {kind}s are named {cls.name!r}: one of {owners[cls.name]} and one of "
                    f"{origin.name}; uninstall one of them"
                )
            classes[cls.name] = cls
            owners[cls.name] = origin.name
            rows.append(PluginRow(kind, cls.name, cls.summary, *origin))
    return classes


def _call(
    function: Callable[[], Iterable[type[Any]]],
    kind: PluginKind,
    origin: Distribution,
    failures: list[PluginRow],
) -> list[type[Any]]:
    try:
        return list(function())
    except Exception as error:
        if origin.name == _DISTRIBUTION:
            raise
        _report_failure(origin, _HOOKS[kind], error, failures)
        return []


def _check_class(cls: Any, kind: PluginKind, owner: str) -> None:
    """Raise unless a class follows the protocol of its kind, naming every fault."""
    faults = []
    if not isclass(cls):
        raise PluginError(f"{owner} registers {cls!r} as a {kind}: expected a class")
    if not dataclasses.is_dataclass(cls) or not cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        faults.append("it is not a frozen dataclass")
    faults += [
        f"it has no class attribute {attribute} (a string)"
        for attribute in ("name", "summary")
        if not isinstance(getattr(cls, attribute, None), str)
    ]
    faults += [
        f"it has no method {method}"
        for method in _METHODS[kind]
        if not callable(getattr(cls, method, None))
    ]
    if faults:
        raise PluginError(
            f"{cls.__name__} of {owner} is not a {kind}: {'; '.join(faults)} "
            "(see finemo_zarr.protocols)"
        )


@lru_cache(maxsize=1)
def default_registry() -> Registry:
    """Return the registry of this process: built-ins and what is installed, loaded once."""
    return build_registry()


def readers() -> dict[str, type[Reader]]:
    """Reader classes by name."""
    return dict(default_registry().classes["reader"])


def motif_readers() -> dict[str, type[MotifReader]]:
    """Motif reader classes by name."""
    return dict(default_registry().classes["motif reader"])


def solvers() -> dict[str, type[Solver]]:
    """Solver classes by name."""
    return dict(default_registry().classes["solver"])


def commands() -> dict[str, type[Command]]:
    """Command classes of plugins by name."""
    return dict(default_registry().classes["command"])


def get_reader(name: str) -> type[Reader]:
    """Return the reader of a name.

    Raises
    ------
    PluginError
        If there is none; the message lists those that are installed.
    """
    return _get("reader", readers(), name)


def get_solver(name: str) -> type[Solver]:
    """Return the solver of a name.

    Raises
    ------
    PluginError
        If there is none; the message lists those that are installed.
    """
    return _get("solver", solvers(), name)


def _get(kind: PluginKind, classes: Mapping[str, T], name: str) -> T:
    if name in classes:
        return classes[name]
    close = difflib.get_close_matches(name, classes, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    installed = ", ".join(classes) or "none"
    raise PluginError(f"no {kind} is named {name!r}; installed: {installed}.{hint}")


def plugin_status() -> tuple[PluginRow, ...]:
    """One row for each reader, motif reader, solver and command, and for what failed."""
    return default_registry().rows


def read_motifs(path: Path | str) -> "xr.Dataset":
    """Read a motif file with the motif reader that knows its format.

    Parameters
    ----------
    path : path
        A TF-MoDISco HDF5 file, a MEME, HOMER or ChIPMunk file, or what another installed motif
        reader reads.

    Returns
    -------
    xarray.Dataset
        A motifs dataset, not oriented.

    Raises
    ------
    ReadError
        If the file does not exist, or no reader or more than one takes it for its own.
    """
    path = Path(path)
    if not path.exists():
        raise ReadError(f"{path}: no such file; expected motifs")
    installed = motif_readers()
    willing = [name for name, cls in installed.items() if _can_read(cls, path)]
    if not willing:
        formats = "; ".join(f"{name} ({cls.summary})" for name, cls in installed.items())
        raise ReadError(f"{path}: not a motif file of a known format; known are {formats}")
    if len(willing) > 1:
        raise ReadError(
            f"{path}: the motif readers {', '.join(willing)} all take it for theirs; "
            "uninstall the plugin that is wrong, or read the file in Python with the right one"
        )
    return installed[willing[0]]().read(path)


def _can_read(cls: type[MotifReader], path: Path) -> bool:
    try:
        return cls().can_read(path)
    except Exception as error:
        raise PluginError(
            f"the motif reader {cls.name} failed on {path} ({type(error).__name__}: {error}), where"
            " it should have said that the file is not its own; update or uninstall it"
        ) from error
