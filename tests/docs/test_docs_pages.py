"""Every command and every line of Python on a page runs, in the order of the page.

Blocks of the language ``bash`` are run unless marked ``norun`` (they need what is not here) or
``fails`` (the last command must exit with 1, and the ``text`` block that follows is what it says,
"…" standing for anything). Blocks of Python share one namespace. Blocks marked ``file=`` belong to
test_docs_plugins.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_blocks import PAGES, ROOT, Block, blocks, page_name

from finemo_zarr.cli import main

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
# Pages that begin with a store that another page would have made.
_NEEDS_REGIONS = {
    "collapse-join-compare.md",
    "compare-callers.md",
    "composites.md",
    "export.md",
    "false-discoveries.md",
    "filter-and-merge.md",
    "known-motifs-from-a-database.md",
    "read-the-results.md",
    "report.md",
    "syntax-reports.md",
}


@pytest.fixture(params=PAGES, ids=page_name)
def page(request: pytest.FixtureRequest) -> Path:
    return request.param


def _commands(block: Block) -> list[str]:
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _run(command: str) -> int:
    """Exit code of a command; ours run in this process, which is faster."""
    words = shlex.split(command)
    if words[0] != "finemo-zarr":
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-ec", command], check=False, env=os.environ | {"PATH": path}
        ).returncode
    with pytest.raises(SystemExit) as stopped:
        main(words[1:])
    return int(stopped.value.code or 0)


def _run_block(block: Block, capfd: pytest.CaptureFixture[str]) -> str:
    *first, last = _commands(block)
    capfd.readouterr()
    codes = [_run(command) for command in (*first, last)]
    said = capfd.readouterr().err
    assert codes == [0] * len(first) + [int("fails" in block.info)], said
    return said


def _pattern(text: str) -> str:
    return r"\s+".join(re.escape(word).replace("…", ".*") for word in text.split())


def test_page__runs(page, workplace, capfd):
    if page.name in _NEEDS_REGIONS:
        assert _run("finemo-zarr extract-regions-modisco-fmt -s ohe.npz -a shap.npz "
                    "-p peaks.narrowPeak -o regions.zarr") == 0  # fmt: skip
    names: dict[str, object] = {"__name__": "page"}
    said = ""
    for block in blocks(page):
        if block.language == "bash" and "norun" not in block.info:
            said = _run_block(block, capfd)
            if "fails" not in block.info:
                said = ""
        elif block.language == "python" and not block.info:
            exec(compile(block.text, f"{page.name}:{block.line}", "exec"), names)
        elif block.language == "text" and said:
            assert re.search(_pattern(block.text), said), f"{page.name}:{block.line}: {said}"
            said = ""


def test_page__is_not_empty(page) -> None:
    assert len(page.read_text().split()) > 100


def test_page__marks_its_blocks_as_the_tests_know_them(page):
    known = {"bash": {"norun", "fails"}, "python": {"norun"}, "toml": set(), "text": set()}
    for block in blocks(page):
        assert block.language in known, f"{page.name}:{block.line}"
        rest = {word for word in block.info if not word.startswith("file=")}
        assert rest <= known[block.language], f"{page.name}:{block.line}"


def test_page__names_commands_that_exist(page):
    if not (unrun := [b for b in blocks(page) if b.language == "bash" and "norun" in b.info]):
        return
    outside = {"make", "pip", "chrombpnet", "modisco", "finemo-zarr", "git", "python", "pre-commit"}
    commands = [command for block in unrun for command in _commands(block)]
    assert {command.split()[0] for command in commands} <= outside


def test_page__links_to_what_is_there(page):
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page_name(page)}: {link}"
        if anchor:
            headings = _HEADING.findall(target.read_text(encoding="utf-8"))
            slugs = {re.sub(r"[^\w\- ]", "", text).lower().replace(" ", "-") for text in headings}
            assert anchor in slugs, f"{page_name(page)}: {link}"


def test_pages__are_all_reached_from_the_readme():
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in _LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in link
    }
    pages = set((ROOT / "docs").rglob("*.md")) | {ROOT / "CHANGELOG.md"}
    assert pages <= linked
