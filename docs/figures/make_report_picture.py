"""Draw report.png, a screenshot of the report of ``make demo``.

    python docs/figures/make_report_picture.py demo/report/report.html

Needs Chromium.
"""

import argparse
import io
import os
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
COLOURS = 64


def main() -> None:
    """Open the page, open a motif, and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path, help="report.html of the demo")
    page_path = parser.parse_args().page.resolve()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.goto(page_path.as_uri())
        page.wait_for_selector("body[data-ready]")
        page.click("#motifs-table tr.row >> nth=2")
        picture = page.screenshot()
        browser.close()
    small = Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS)
    small.save(HERE / "report.png", optimize=True)


if __name__ == "__main__":
    main()
