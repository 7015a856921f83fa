"""Everything that `finemo_zarr` raises or warns about on purpose."""


class FinemoError(Exception):
    """Root of the package's errors: the command line prints one line for each and exits with 1."""


class SchemaError(FinemoError, ValueError):
    """A dataset does not follow the specification in :mod:`finemo_zarr.variables`."""


class ReadError(FinemoError, ValueError):
    """An input file is missing, damaged, of another format, or disagrees with another input."""


class PluginError(FinemoError):
    """A plugin is unknown, registered twice, or does not follow its protocol."""


class MissingDependencyError(FinemoError, ImportError):
    """An optional package is needed for what was asked."""


class RunError(FinemoError):
    """A run cannot start, or cannot finish."""


class FinemoWarning(UserWarning):
    """Root of the package's warnings: the command line prints one line for each and goes on."""


class InputWarning(FinemoWarning):
    """Input that can be used, but not as it stands."""


class PluginWarning(FinemoWarning):
    """A plugin that could not be loaded; the others are."""


class UnreachableMotifWarning(FinemoWarning):
    """A motif whose similarity can never reach its lambda."""


class ConvergenceWarning(FinemoWarning):
    """A region whose solution misses the tolerance."""
