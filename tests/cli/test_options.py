from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
import pytest

from finemo_zarr.cli.options import VariadicCommand, build, check_flags, field_options
from finemo_zarr.errors import PluginError, ReadError
from finemo_zarr.protocols import option


@dataclass(frozen=True)
class Example:
    files: tuple[Path, ...] = option("-b", "--bigwigs", help="Files.", metavar="FILE")
    peaks: Path | None = option("-p", "--peaks", help="Peaks.", default=None)
    width: int = option("-w", "--width", help="Width.", default=1000)
    weight: float | None = option("--weight", help="Weight.", default=None)
    names: tuple[str, ...] = option("-n", "--names", help="Names.", default=("all", "own"))
    mode: Literal["fast", "slow"] = option("--mode", help="Mode.", default="fast")
    check: bool = option("--check", help="Check.", default=False)
    long_name: str = option(help="No flags given.", default="x")
    hidden: int = 3


def parse(*args: str) -> Example:
    seen = []
    command = VariadicCommand(
        "x",
        params=list(field_options(Example)),
        callback=lambda **values: seen.append(build(Example, values)),
    )
    command.main(list(args), standalone_mode=False)
    return seen[0]


A, B, C = Path("a"), Path("b"), Path("c")


def test_options__defaults_are_those_of_the_fields() -> None:
    assert parse("-b", "a") == Example(files=(A,))


def test_options__every_type_is_parsed() -> None:
    args = "-b a -p b -w 5 --weight 0.5 -n x y --mode slow --check --long-name z".split()  # noqa: SIM905
    expected = Example((A,), B, 5, 0.5, ("x", "y"), "slow", check=True, long_name="z")
    assert parse(*args) == expected


@pytest.mark.parametrize(
    "args",
    ["-b a b c", "-b a -b b -b c", "-b a b --bigwigs c", "--bigwigs=a b c", "-b a --check -b b c"],
)
def test_options__several_values_after_one_flag_or_several_flags(args: str) -> None:
    assert parse(*args.split()).files == (A, B, C)


def test_options__values_end_at_the_next_flag() -> None:
    with pytest.raises(click.UsageError, match="unexpected extra argument"):
        parse("-b", "a", "-w", "5", "b")


def test_options__a_missing_value_is_a_usage_error() -> None:
    for args in (["-b"], ["-b", "-w", "5"]):
        with pytest.raises(click.UsageError):
            parse(*args)
    with pytest.raises(click.UsageError, match="Missing"):
        parse("-w", "5")


def test_options__a_wrong_value_is_a_usage_error() -> None:
    for args in (("-w", "x"), ("--mode", "medium"), ("--weight", "heavy")):
        with pytest.raises(click.UsageError):
            parse("-b", "a", *args)


def test_options__help_names_default_and_placeholder() -> None:
    command = VariadicCommand("x", params=list(field_options(Example)))
    text = command.get_help(click.Context(command))
    assert "--bigwigs FILE..." in text
    assert "Width. [default: 1000]" in text
    assert "Names. [default: all own]" in text
    assert "[fast|slow]" in text
    assert "None" not in text


def test_options__fields_that_are_no_options_are_left_out() -> None:
    assert "hidden" not in [made.name for made in field_options(Example)]
    assert "width" not in [made.name for made in field_options(Example, skip=["width"])]


def test_options__refuses_a_type_it_does_not_know() -> None:
    @dataclass(frozen=True)
    class Odd:
        table: dict[str, int] = option("-t", help="A table.", default=None)

    with pytest.raises(PluginError, match="the field table of Odd has the type"):
        field_options(Odd)


def test_build__a_value_error_is_a_usage_error() -> None:
    @dataclass(frozen=True)
    class Picky:
        width: int = option("-w", help="Width.", default=2)

        def __post_init__(self) -> None:
            if self.width == 3:
                raise ReadError("its own")
            if self.width % 2:
                raise ValueError("odd width")

    with pytest.raises(click.UsageError, match="odd width"):
        build(Picky, {"width": 5})
    with pytest.raises(ReadError, match="its own"):
        build(Picky, {"width": 3})


def test_check_flags__refuses_a_flag_twice() -> None:
    taken = click.Option(["-w", "--other"])
    with pytest.raises(PluginError, match="reader x: the flag -w of its option other is taken"):
        check_flags([*field_options(Example), taken], "reader x")
