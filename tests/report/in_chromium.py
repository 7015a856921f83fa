"""Pages opened in Chromium, for the tests that look at them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no Chromium: install it (Debian: apt install chromium), or set CHROMIUM",
)
OVERLAPS = """all => all.map(drawn => {
  const texts = [...drawn.querySelectorAll('text')].filter(text => text.textContent.trim());
  const boxes = texts.map(text => text.getBoundingClientRect());
  const apart = (a, b) => a.right - 1 <= b.left || a.bottom - 1 <= b.top;
  const found = [];
  boxes.forEach((a, i) => boxes.forEach((b, j) => {
    if (i < j && !apart(a, b) && !apart(b, a))
      found.push([texts[i].textContent, texts[j].textContent]);
  }));
  return found;
}).flat()"""
"""Texts of the same picture that lie on one another."""
OUTSIDE = """width => [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') &&
  !e.closest('svg') && e.getBoundingClientRect().right > width + 1).length"""
"""How many elements are cut off, but for those that scroll by themselves."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root, as in containers, Chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened_page(browser: Any, path: Path, width: int = 1280, height: int = 900) -> Iterator[Any]:
    """A page, drawn; fails if anything is fetched or said on the console."""
    page = browser.new_page(viewport={"width": width, "height": height}, offline=True)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda sent: said.append(sent.url) if "http" in sent.url else None)
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready]")
    yield page
    page.close()
    assert said == [], path
