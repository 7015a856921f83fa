"""Reports: a template, run with parameters, becomes one page that needs nothing else."""

from finemo_zarr.report.files import tables, write_files
from finemo_zarr.report.html import Html, data_table, definitions, figures, tiles
from finemo_zarr.report.render import make_report, run_template, template_parameters, to_page
from finemo_zarr.report.runs import (
    RunsData,
    gather_runs,
    hits_by_motif,
    runs_summary,
    statuses,
)
from finemo_zarr.report.sections import (
    co_occurrence_table,
    confusion_table,
    example_browser,
    motif_table,
    provenance,
    quality_table,
    summary,
)
from finemo_zarr.report.source import ReportData, gather
from finemo_zarr.report.templates import find_template, templates

__all__ = [
    "Html",
    "ReportData",
    "RunsData",
    "co_occurrence_table",
    "confusion_table",
    "data_table",
    "definitions",
    "example_browser",
    "figures",
    "find_template",
    "gather",
    "gather_runs",
    "hits_by_motif",
    "make_report",
    "motif_table",
    "provenance",
    "quality_table",
    "run_template",
    "runs_summary",
    "statuses",
    "summary",
    "tables",
    "template_parameters",
    "templates",
    "tiles",
    "to_page",
    "write_files",
]
