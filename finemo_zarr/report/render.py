"""A template and its parameters into a page: papermill runs it, nbconvert turns it into HTML."""

import os
import sys
from ast import literal_eval
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from pathlib import Path
from shutil import get_terminal_size
from typing import Any, Literal

from finemo_zarr import errors
from finemo_zarr.errors import RunError
from finemo_zarr.report.given import as_declared
from finemo_zarr.report.templates import asset, find_template, templates
from finemo_zarr.store import Location, staged

_KERNEL = "python3"
NOTEBOOK, PAGE = "report.ipynb", "report.html"


def make_report(
    out: Path | str, template: str, parameters: Mapping[str, Any], *, overwrite: bool = False
) -> Path:
    """Run a template into a folder, which appears whole or not at all.

    Parameters
    ----------
    out : path
        The folder.
    template : str
        See :func:`run_template`.
    parameters : mapping
        Values of parameters, besides ``out_dir``, which is the folder if the template has it.
    overwrite : bool
        Replace a folder that holds a report.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ReadError
        If there is no such template.
    RunError
        If the output exists, a parameter is unknown or of a wrong type, or a cell fails.
    """
    out = Path(out)
    with staged(out, overwrite=overwrite, replaceable=_is_report) as folder:
        inside = Path(str(folder))
        inside.mkdir(parents=True)
        given = dict(parameters)
        if "out_dir" in template_parameters(template):
            given["out_dir"] = str(inside.resolve())
        run_template(template, given, inside)
    return out / PAGE


def _is_report(path: Location) -> bool:
    return (path / PAGE).is_file() and (path / NOTEBOOK).is_file()


def run_template(template: str, parameters: Mapping[str, Any], folder: Path) -> Path:
    """Run a template, and write the notebook that ran and the page into a folder.

    Parameters
    ----------
    template : str
        Name of a template, or path of a notebook. Its parameters stand in a cell with the tag
        ``parameters``.
    parameters : mapping
        Values of parameters; a parameter that the template does not have is an error.
    folder : Path
        Where ``report.ipynb`` and ``report.html`` are written.

    Returns
    -------
    Path
        The page, a single file that needs no other.

    Raises
    ------
    ReadError
        If there is no such template.
    RunError
        If a parameter is unknown or not of the type that the template declares, or a cell fails;
        with the cell's own message.
    """
    path = find_template(template)
    parameters = _checked(path, parameters)
    notebook = folder / NOTEBOOK
    with _own_kernel():
        _execute(path, notebook, parameters)
    page = folder / PAGE
    page.write_text(to_page(notebook), encoding="utf-8")
    return page


def template_parameters(template: str) -> Mapping[str, str]:
    """Parameters of a template, with their help.

    Raises
    ------
    ReadError
        If there is no such template.
    """
    found = _inspect(find_template(template))
    return {name: str(entry.get("help") or "") for name, entry in found.items()}


def _inspect(path: Path) -> Mapping[str, Mapping[str, Any]]:
    import papermill

    with _quiet():
        found: Mapping[str, Mapping[str, Any]] = papermill.inspect_notebook(str(path))
    return found


def _checked(path: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, each of the type that the template declares."""
    known = _inspect(path)
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise RunError(
            f"{path.name} has no parameter {', '.join(unknown)}; it has"
            f" {', '.join(known) or 'none'}"
        )
    return {
        name: as_declared(name, value, _kind(known[name]), str(known[name]["default"]))
        for name, value in parameters.items()
    }


def _kind(entry: Mapping[str, Any]) -> str:
    """The type of a parameter: its annotation, or else that of its default."""
    kind = str(entry["inferred_type_name"])
    if kind != "None":
        return kind
    try:
        return type(literal_eval(str(entry["default"]))).__name__
    except (ValueError, SyntaxError):
        return kind


def _execute(path: Path, notebook: Path, parameters: Mapping[str, Any]) -> None:
    import papermill
    from papermill.exceptions import PapermillExecutionError

    try:
        with _quiet():
            papermill.execute_notebook(
                str(path),
                str(notebook),
                parameters=dict(parameters),
                kernel_name=_KERNEL,
                language="python",
                progress_bar=_progress_bar(),
                log_output=False,
                # A kernel that is told to stop logs an error; what fails in a cell is no log.
                extra_arguments=["--log-level=CRITICAL"],
            )
    except PapermillExecutionError as error:
        ours = getattr(errors, str(error.ename), None)
        if path in templates().values() and ours is not None:  # the cell is no matter of the user's
            raise RunError(str(error.evalue)) from error
        number = error.cell_index + 1 - bool(parameters)  # papermill adds a cell for them
        raise RunError(f"{path.name}, cell {number}: {error.ename}: {error.evalue}") from error


def _progress_bar() -> dict[str, Any] | Literal[False]:
    """Settings of a bar of the cells that are done; it is drawn on a terminal only."""
    if not sys.stderr.isatty():
        return False
    # On a terminal that does not say how large it is, nothing would be drawn.
    size = get_terminal_size()
    return {"desc": "report", "ncols": size.columns, "nrows": size.lines, "leave": False}


@contextmanager
def _quiet() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _own_kernel() -> Iterator[None]:
    """Let the kernel be this Python, whatever kernels the user has installed elsewhere."""
    wanted = {"JUPYTER_PREFER_ENV_PATH": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def to_page(notebook: Path) -> str:
    """Turn a notebook that ran into a page of its own; the code is left out.

    Parameters
    ----------
    notebook : Path
        The notebook.

    Returns
    -------
    str
        HTML that refers to no other file.
    """
    import nbformat
    from nbconvert import exporters

    untyped: Any = exporters.HTMLExporter
    exporter = untyped(
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    with _quiet():
        node = nbformat.reads(notebook.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
        body, _ = exporter.from_notebook_node(node)
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(_title(node))}</title>",
            f"<style>{asset('page.css')}</style></head><body>",
            '<nav aria-label="Sections"></nav>',
            f"<main>{body}</main>",
            f"<script>{asset('page.js')}</script>",
            "</body></html>",
            "",
        ]
    )


def _title(node: Any) -> str:
    for cell in node.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("# "):
                    return str(line[2:].strip())
    return "finemo-zarr report"
