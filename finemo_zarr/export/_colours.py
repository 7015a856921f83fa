"""One colour for each motif."""

from collections.abc import Iterable
from hashlib import blake2b

# Blue, vermilion, green, purple and orange that are safe for the colour-blind, and what lies
# furthest from them and from one another, for normal sight, protanopia and deuteranopia alike.
PALETTE = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#781e00",
    "#5a2d69",
    "#0000ff",
    "#ff96ff",
    "#a5d2a5",
    "#a578ff",
    "#874b5a",
    "#3c0fb4",
    "#b42d00",
    "#c31e96",
    "#96b487",
    "#965ae1",
    "#69c3c3",
    "#c387e1",
    "#3c4bc3",
)


def motif_colours(names: Iterable[str]) -> dict[str, str]:
    """Colours of motifs as ``R,G,B``, by name.

    A name asks for the same colour wherever it occurs; it takes the next one that is free where
    another name has it. Colours repeat where there are more motifs than :data:`PALETTE` has.
    """
    colours: dict[str, str] = {}
    free: list[int] = []
    for name in sorted(set(names)):
        free = free or list(range(len(PALETTE)))
        wanted = int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) % len(PALETTE)
        taken = min(free, key=lambda index: (index - wanted) % len(PALETTE))
        free.remove(taken)
        colours[name] = _triple(PALETTE[taken])
    return colours


def _triple(colour: str) -> str:
    return ",".join(str(byte) for byte in bytes.fromhex(colour[1:]))
