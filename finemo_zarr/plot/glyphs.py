"""The letters of logos, as outlines in a box of 100 by 100, y downwards."""

from collections.abc import Mapping

GLYPHS: Mapping[str, str] = {
    "A": "M 0 100 L 39 0 L 61 0 L 100 100 L 78 100 L 69 75 L 31 75 L 22 100 Z"
    " M 37 58 L 63 58 L 50 21 Z",
    "C": "M 98 33 C 90 12 73 0 52 0 C 20 0 0 22 0 50 C 0 78 20 100 52 100 C 73 100 91 88 98 66"
    " L 77 60 C 73 74 65 82 52 82 C 33 82 21 70 21 50 C 21 30 33 18 52 18 C 65 18 74 26 77 39 Z",
    "G": "M 98 33 C 90 12 73 0 52 0 C 20 0 0 22 0 50 C 0 78 20 100 52 100 C 70 100 88 93 99 80"
    " L 99 46 L 53 46 L 53 63 L 79 63 L 79 72 C 72 79 62 82 53 82 C 33 82 21 70 21 50"
    " C 21 30 33 18 52 18 C 65 18 74 25 78 39 Z",
    "T": "M 0 0 L 100 0 L 100 18 L 61 18 L 61 100 L 39 100 L 39 18 L 0 18 Z",
}
COLOURS: Mapping[str, str] = {"A": "#1a9850", "C": "#2166ac", "G": "#e08214", "T": "#c51b29"}
CORE_SHADE = "#f1ead8"
