"""The code blocks of the documentation."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
    if page.parent.name != "reference"
)
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block: its language, what follows the language, its text and its first line."""

    language: str
    info: tuple[str, ...]
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The code blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        language, *info = match[1].split() or [""]
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(language, tuple(info), match[2], line))
    return found


def files(page: Path) -> dict[str, str]:
    """The blocks that are marked as files, by file name."""
    named = {}
    for block in blocks(page):
        for word in block.info:
            if word.startswith("file="):
                named[word.removeprefix("file=")] = block.text
    return named


def page_name(page: Path) -> str:
    """The path of a page within the repository."""
    return page.relative_to(ROOT).as_posix()
