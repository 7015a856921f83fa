"""The page of a tiSFM in Chromium: nothing overlaps or sticks out, and its table works."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from in_chromium import NEEDS_CHROMIUM, OVERLAPS, chromium, opened_page
from simulated_tisfm import write_evaluation, write_path

from finemo_zarr.report import make_report

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]


@pytest.fixture(scope="module")
def opened(called: Path, tmp_path_factory) -> Iterator[object]:
    """The page, open; fails if anything is fetched or said on the console."""
    folder = tmp_path_factory.mktemp("tisfm")
    write_path(folder / "path")
    write_evaluation(folder / "evaluation", folder / "path")
    for name in ("hits_model", "hits_scores"):
        shutil.copytree(called / "hits", folder / name)
    parameters = {name: str(folder / name) for name in ("evaluation", "hits")}
    parameters["hits"] = [str(folder / name) for name in ("hits_model", "hits_scores")]
    parameters["model"] = str(folder / "path")
    path = make_report(folder / "out", "tisfm", parameters)
    with chromium() as browser, opened_page(browser, path) as page:
        yield page


@pytest.mark.parametrize("width", [1280, 390])
def test_page__is_not_wider_than_the_screen(opened, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    outside = opened.evaluate(
        "width => [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') &&"
        " !e.closest('svg') && !e.closest('pre') &&"
        " e.getBoundingClientRect().right > width + 1).length",
        width,
    )
    assert outside == 0
    assert opened.eval_on_selector_all(".figures figure svg", OVERLAPS) == []


def test_page__draws_a_logo_in_every_row_and_finds_a_motif(opened) -> None:
    drawn = opened.eval_on_selector_all(
        "#top-table svg.logo", "all => all.map(svg => svg.querySelectorAll('path').length)"
    )
    assert len(drawn) == 6
    assert min(drawn) > 4
    rows = "rows => rows.filter(row => !row.hidden).map(row => row.cells[2].textContent)"
    opened.locator("input[data-for=top-table]").fill("spi1")
    assert opened.eval_on_selector_all("#top-table tbody tr", rows) == ["SPI1", "SPI1"]
    opened.locator("input[data-for=top-table]").fill("")
    opened.locator("#top-table th[data-key=importance]").click()
    values = "rows => rows.map(row => Number(row.cells[4].dataset.value))"
    sorted_values = opened.eval_on_selector_all("#top-table tbody tr", values)
    assert sorted_values == sorted(sorted_values, reverse=True)
