"""The page in Chromium: it sorts, filters, opens, draws, and says nothing on the console."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from in_chromium import NEEDS_CHROMIUM, OUTSIDE, OVERLAPS, chromium, opened_page

pytestmark = NEEDS_CHROMIUM
SCREENSHOTS = os.environ.get("SCREENSHOTS")
"""Folder for screenshots, to be looked at."""


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as browser:
        yield browser


@pytest.fixture(params=[(1280, 900), (390, 800)], ids=["wide", "phone"])
def page(browser, reported: Path, request) -> Iterator[object]:
    """The report, open; fails if anything is fetched or said on the console."""
    width, height = request.param
    with opened_page(browser, reported / "report.html", width, height) as page:
        yield page
        if SCREENSHOTS:
            name = f"{request.node.originalname}_{width}.png"
            page.screenshot(path=Path(SCREENSHOTS) / name, full_page=True)


def names(page) -> list[str]:
    return page.eval_on_selector_all(
        "#motifs-table tbody tr.row",
        "rows => rows.filter(r => !r.hidden).map(r => r.querySelector('td.name').dataset.value)",
    )


def test_page__draws_a_logo_in_every_row(page) -> None:
    counts = page.eval_on_selector_all(
        "#motifs-table svg.logo", "all => all.map(svg => svg.querySelectorAll('path').length)"
    )
    assert len(counts) == 16
    assert min(counts) > 20


def test_page__is_not_wider_than_the_screen(page) -> None:
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OUTSIDE, width) == 0


def test_page__sorts_by_numbers_and_by_names(page) -> None:
    at_first = names(page)
    head = page.locator("#motifs-table th[data-key=num_hits]")
    values = "rows => rows.map(r => Number(r.children[3].dataset.value))"
    head.click()
    falling = page.eval_on_selector_all("#motifs-table tbody tr.row", values)
    assert falling == sorted(falling, reverse=True)
    head.click()
    rising = page.eval_on_selector_all("#motifs-table tbody tr.row", values)
    assert rising == sorted(rising)
    assert head.get_attribute("aria-sort") == "ascending"
    page.locator("#motifs-table th[data-key=name]").click()
    assert names(page) == sorted(at_first, key=str.lower)


def test_page__finds_a_motif(page) -> None:
    field = page.locator("input[data-for=motifs-table]")
    field.fill("gata")
    assert names(page) == ["GATA1"]
    assert page.locator("[data-count-for=motifs-table]").inner_text() == "1 of 8 shown"
    field.fill("")
    assert len(names(page)) == 8


def test_page__opens_a_motif_and_turns_its_logos(page) -> None:
    row = page.locator("#motifs-table tr.row", has_text="CTCF")
    row.locator("td.name").click()
    details = page.locator("tr.details")
    logos = details.locator("svg.logo")
    assert logos.count() >= 4
    assert details.locator(".histograms svg").count() == 3
    first = logos.first.inner_html()
    button = details.locator("button")
    button.click()
    assert logos.first.inner_html() != first
    button.click()
    assert logos.first.inner_html() == first
    row.locator("td.name").click()
    assert page.locator("tr.details").count() == 0


def test_page__opens_an_example_and_moves_in_it(page) -> None:
    view = page.locator("#examples .view")
    select = page.locator("#examples select")
    options = select.locator("option").count()
    assert options >= 12
    select.select_option(str(options - 1))
    said = page.locator("#examples .said").inner_text()
    assert "% of the squared scores explained" in said
    before = view.inner_html()
    assert before.count("<path") > 20
    for name in ("closer", "wider", "left", "right"):
        page.locator(f"#examples .{name}").click()
    box = view.locator(".overview").bounding_box()
    page.mouse.click(box["x"] + 0.1 * box["width"], box["y"] + 5)
    assert view.inner_html() != before


def test_page__labels_of_hits_do_not_overlap(page) -> None:
    select = page.locator("#examples select")
    for index in range(select.locator("option").count()):
        select.select_option(str(index))
        assert page.eval_on_selector_all("#examples .view", OVERLAPS) == []


def test_page__labels_of_figures_do_not_overlap(page) -> None:
    assert page.eval_on_selector_all(".figures figure svg", OVERLAPS) == []
