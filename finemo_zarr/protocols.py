"""What a reader, a motif reader and a solver are.

All three are frozen dataclasses. Their fields, declared with :func:`option`, are their options: one
declaration gives the default, the type, the help text, the command-line flags and the provenance.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from finemo_zarr.errors import PluginError

if TYPE_CHECKING:
    import xarray as xr

_METADATA_KEY = "finemo_zarr"


@dataclass(frozen=True)
class OptionInfo:
    """What the command line needs to know of a field besides its name, type and default.

    Parameters
    ----------
    flags : tuple of str
        Short and long spelling, for example ``("-p", "--peaks")``.
    help : str
        One sentence.
    metavar : str or None
        Placeholder in the help.
    per_track : bool
        Whether it names the score files of a reader, which each track has its own of.
    """

    flags: tuple[str, ...]
    help: str
    metavar: str | None = None
    per_track: bool = False


def option(
    *flags: str,
    help: str,
    default: Any = dataclasses.MISSING,
    metavar: str | None = None,
    per_track: bool = False,
) -> Any:
    """Declare a dataclass field that is an option.

    Parameters
    ----------
    *flags : str
        Short and long spelling on the command line.
    help : str
        One sentence.
    default : Any, optional
        Without one the option is required.
    metavar : str, optional
        Placeholder in the help.
    per_track : bool
        Whether it names the score files of a reader: ``--track NAME=FILE`` gives them, too, once
        for each track.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Doubler:
    ...     factor: int = option("-k", "--factor", help="By how much.", default=2)
    >>> Doubler().factor
    2
    """
    info = OptionInfo(flags, help, metavar, per_track)
    return dataclasses.field(default=default, metadata={_METADATA_KEY: info})


def option_fields(plugin: Any) -> dict[str, tuple["dataclasses.Field[Any]", OptionInfo]]:
    """The fields of a reader or solver (class or instance) that are options, by name."""
    return {
        field.name: (field, field.metadata[_METADATA_KEY])
        for field in dataclasses.fields(plugin)
        if _METADATA_KEY in field.metadata
    }


def track_field(reader: Any) -> str | None:
    """The field of a reader that names its score files, if it says which.

    Raises
    ------
    PluginError
        If it says so of several.
    """
    found = [name for name, (_, info) in option_fields(reader).items() if info.per_track]
    if len(found) > 1:
        raise PluginError(
            f"the reader {reader.name} marks {', '.join(found)} as per_track; mark the one field "
            "that names its score files"
        )
    return found[0] if found else None


def option_values(plugin: Any) -> dict[str, Any]:
    """The options of an instance as values that JSON can hold, for provenance."""
    return {name: _plain(getattr(plugin, name)) for name in option_fields(plugin)}


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


@dataclass(frozen=True)
class Job:
    """Size of a job, for a solver that is asked whether it would pay.

    A solver that needs a device may have a static method ``pays(job) -> (bool, str)``: whether it
    can run here and would finish sooner than coordinate descent, and why, in a few words.
    ``call-hits --solver auto`` asks.

    Parameters
    ----------
    n_regions, width, n_motifs : int
        Regions, their width in bp, oriented motifs.
    """

    n_regions: int
    width: int
    n_motifs: int


class HitsAndQC(NamedTuple):
    """What a solver returns for a block: a hits and a qc dataset."""

    hits: "xr.Dataset"
    qc: "xr.Dataset"


@runtime_checkable
class Reader(Protocol):
    """Reads score files into a regions dataset."""

    name: ClassVar[str]
    """The command is ``extract-regions-<name>``."""
    summary: ClassVar[str]
    """One line for the list of commands."""

    def read(self) -> "xr.Dataset":
        """Return a regions dataset, lazy along `region` (dask)."""
        ...


@runtime_checkable
class MotifReader(Protocol):
    """Reads motif files into a motifs dataset."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def can_read(self, path: Path) -> bool:
        """Whether the file looks like one of this format: cheap, never raises."""
        ...

    def read(self, path: Path) -> "xr.Dataset":
        """Return the motifs of a file."""
        ...


@runtime_checkable
class Solver(Protocol):
    """Finds the hits in one block of regions.

    Two attributes are optional. ``ragged = True`` says that it looks at ``region_width`` itself, so
    that it is given regions of different widths. ``whole_regions``, a text, says why its hits
    depend on all of a region, and what to do; ``call-hits --tile`` is refused with it.
    """

    name: ClassVar[str]
    summary: ClassVar[str]

    def solve(self, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
        """Return hits and qc of one block, in memory.

        Parameters
        ----------
        regions : xarray.Dataset
            A regions dataset, in memory, without a track dimension.
        motifs : xarray.Dataset
            Oriented motifs, from :func:`finemo_zarr.motifs.prepare_motifs`; the attributes
            ``mode``, ``placement`` and ``sqrt_transform`` say which problem is meant.

        Returns
        -------
        HitsAndQC
            ``hit_region`` counts from the first region of the block. Hits are ordered by region,
            ``hit_start``, ``hit_motif``.
        """
        ...


@runtime_checkable
class Command(Protocol):
    """Something else that a plugin can do on the command line.

    Its fields are its options, as those of a reader are. A class attribute ``examples``, lines of
    text, is shown at the end of its help. A class attribute ``resumes = True`` says that it goes
    on where it was when it was ended and is started again; without it, the command line tells whom
    it interrupts that the command starts from the beginning.
    """

    name: ClassVar[str]
    """The command is ``finemo-zarr <name>``."""
    summary: ClassVar[str]
    """One line for the list of commands, and the beginning of its help."""

    def run(self) -> str | None:
        """Do it, and return what to print.

        Raises
        ------
        FinemoError
            If it cannot be done; the command line prints one line and exits with 1.
        """
        ...
