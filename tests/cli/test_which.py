import shlex

import click
import pytest
from click.testing import CliRunner

from finemo_zarr.cli import which
from finemo_zarr.cli.app import LazyGroup


def ask(*words: str, answers: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(which.make_command(), list(words), input=answers)
    return result.exit_code, result.output


def ends(at: str = which.FIRST, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """All ways through the chart, as flags, with where they end."""
    if at in which.WAYS:
        return [(path, at)]
    found = []
    for choice in which.QUESTIONS[at].choices:
        found += ends(choice.leads_to, (*path, f"--{at}", choice.value))
    return found


def test_which__every_end_is_reached_and_every_question_leads_on() -> None:
    reached = {end for _, end in ends()}
    assert reached == set(which.WAYS)
    assert len(ends()) == 8


@pytest.mark.parametrize(("flags", "end"), ends())
def test_which__flags_and_answers_say_the_same(flags, end) -> None:
    code, said = ask(*flags)
    assert code == 0
    assert said.startswith(f"Use {which.WAYS[end].title}.")
    numbers = []
    for name, value in zip(flags[::2], flags[1::2], strict=True):
        values = [choice.value for choice in which.QUESTIONS[name[2:]].choices]
        numbers.append(f"{values.index(value) + 1}\n")
    code, asked = ask(answers="".join(numbers))
    assert code == 0
    assert asked.endswith(said)
    assert asked.startswith("Which motifs are there?\n  1  none yet")


def test_which__asks_again_and_ends_when_nothing_comes() -> None:
    code, said = ask("--motifs", "known", "--goal", "span", answers="7\n1\n")
    assert code == 0
    assert "7 is not in the range" in said
    assert "--solver seqlet-tomtom" in said
    code, said = ask(answers="2\n")
    assert code == 2
    assert "give it by a flag: --regions scores|model|none" in said


def test_which__without_scores_the_model_comes_first() -> None:
    _, said = ask("--motifs", "known", "--regions", "model", "--goal", "bases")
    lines = said.partition("Next:\n")[2].splitlines()
    assert lines[-3].startswith("  finemo-zarr attribute")
    assert lines[-2].startswith("  finemo-zarr call-hits")


@pytest.mark.parametrize("goal", ["span", "matches"])
def test_which__a_database_is_not_trimmed_and_has_a_null_store(goal) -> None:
    _, said = ask("--motifs", "known", "--regions", "scores", "--goal", goal)
    assert "-m db.meme -t 0 " in said
    assert "--null-store regions.zarr" in said


def test_which__says_what_to_install(monkeypatch) -> None:
    flags = ("--motifs", "known", "--regions", "none")
    monkeypatch.setattr(which, "_installed", set)
    assert "pip install ./plugins/finemo-zarr-tangermeme\n" in ask(*flags)[1]
    monkeypatch.setattr(which, "_installed", lambda: {"marginalize"})
    assert "pip install" not in ask(*flags)[1]


def test_which__refuses_flags_that_mean_nothing() -> None:
    code, said = ask("--motifs", "many")
    assert code == 2
    assert "--motifs is many, expected none, known" in said
    code, said = ask("--motifs", "none", "--goal", "span")
    assert code == 2
    assert "--goal plays no part after --motifs none" in said


def own_commands() -> list[list[str]]:
    lines = {line for way in which.WAYS.values() for line in way.commands}
    lines |= {which._EXTRACT, which._ATTRIBUTE}
    return [shlex.split(line)[1:] for line in sorted(lines) if line.startswith("finemo-zarr ")]


@pytest.mark.parametrize("words", own_commands(), ids=" ".join)
def test_which__prints_commands_that_parse(words) -> None:
    group = LazyGroup()
    context = click.Context(group)
    command = group.get_command(context, words[0])
    if command is None:
        pytest.skip(f"the plugin with {words[0]} is not installed")
    command.make_context(words[0], words[1:], parent=context, resilient_parsing=False)
