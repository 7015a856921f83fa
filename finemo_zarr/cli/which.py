"""``which``: the way to the hits that suits, by a few questions."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import click

from finemo_zarr.cli.options import build, field_options
from finemo_zarr.protocols import option

_EPILOG = """\b
Examples:
  finemo-zarr which
  finemo-zarr which --motifs known --regions scores --goal bases
"""


@dataclass(frozen=True)
class Choice:
    """One answer to a question.

    Parameters
    ----------
    value : str
        As a flag takes it.
    text : str
        What it means.
    leads_to : str
        Name of the next question, or of the way.
    """

    value: str
    text: str
    leads_to: str


@dataclass(frozen=True)
class Question:
    """A question of the chart; its name is that of its flag."""

    text: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Way:
    """An end of the chart.

    Parameters
    ----------
    title : str
        What to use.
    price : str
        What to know before it is used.
    commands : tuple of str
        What to run, in order.
    needs : (str, str) or None
        Name of the solver or command of a plugin that it needs, and the plugin.
    """

    title: str
    price: str
    commands: tuple[str, ...]
    needs: tuple[str, str] | None = None


FIRST = "motifs"
QUESTIONS: Mapping[str, Question] = {
    "motifs": Question(
        "Which motifs are there?",
        (
            Choice("none", "none yet: nothing is known, new ones are wanted", "discover"),
            Choice("known", "those of TF-MoDISco, or of a database such as JASPAR", "regions"),
        ),
    ),
    "regions": Question(
        "What is there to look for them in?",
        (
            Choice("scores", "regions with contribution scores", "goal"),
            Choice("model", "regions and a model, but no scores yet", "goal"),
            Choice(
                "none",
                "a model only, or the answer must not depend on which regions are taken",
                "marginalize",
            ),
        ),
    ),
    "goal": Question(
        "What matters most?",
        (
            Choice("bases", "every base explained once, competing motifs resolved", "solve"),
            Choice("span", "the exact span that the model looks at", "seqlets"),
            Choice("matches", "good matches of the sequence, the span less", "scan"),
        ),
    ),
}

_EXTRACT = (
    "finemo-zarr extract-regions-bw -p peaks.narrowPeak -f genome.fa -b scores.bw -o regions.zarr"
)
_ATTRIBUTE = (
    "finemo-zarr attribute -p peaks.narrowPeak -f genome.fa --model my_model:load -o regions.zarr"
)
_DATABASE = (  # whole motifs, and scores that all regions are compared with
    "finemo-zarr call-hits -r regions.zarr -m db.meme -t 0 --null-store regions.zarr -o hits"
)
_REPORT = "finemo-zarr report -H hits -o report"
WAYS: Mapping[str, Way] = {
    "discover": Way(
        "TF-MoDISco, then the solver of the core",
        "TF-MoDISco is another program, and slow: hours for tens of thousands of regions.",
        (
            "modisco motifs -s bases.npz -a scores.npz -n 1000000 -o modisco.h5",
            "finemo-zarr extract-regions-modisco-fmt -s bases.npz -a scores.npz -o regions.zarr",
            "finemo-zarr call-hits -r regions.zarr -m modisco.h5 -o hits",
            "finemo-zarr report -H hits -m modisco.h5 -o report",
        ),
    ),
    "marginalize": Way(
        "marginalisation",
        "It needs no regions, but it is artificial: the background decides. Best are real inactive"
        " loci of matching GC content, then random sequences by the genome's frequencies; about 100"
        " are enough. Uniform ones are usually too rich in GC.",
        ("finemo-zarr marginalize -m db.meme --model my_model:load --width 2114 -o effects",),
        ("marginalize", "finemo-zarr-tangermeme"),
    ),
    "solve": Way(
        "the core's solver: coordinate-descent, or one for a GPU",
        "A motif is found where the scores look like it, so motifs of the same model do best;"
        " --fdr says how many hits are false.",
        ("finemo-zarr call-hits -r regions.zarr -m modisco.h5 -o hits", _REPORT),
    ),
    "seqlets": Way(
        "seqlets and TOMTOM: the solver seqlet-tomtom",
        "With many motifs faster than a scan. Each seqlet gets one label, so that a redundant"
        " database splits the counts of one factor over motifs that look alike: use a merged one,"
        " or keep several matches (--n-matches).",
        (
            f"{_DATABASE} --solver seqlet-tomtom",
            _REPORT,
        ),
        ("seqlet-tomtom", "finemo-zarr-tangermeme"),
    ),
    "scan": Way(
        "FIMO and a threshold on the scores: the solver fimo-attribution",
        "Slower and sturdier than seqlets; the same bases may be counted for several motifs. A"
        " motif of 6 bp cannot reach the p-value that is asked for by default, 1e-4.",
        (
            f"{_DATABASE} --solver fimo-attribution",
            _REPORT,
        ),
        ("fimo-attribution", "finemo-zarr-tangermeme"),
    ),
}


def _flag(name: str, help: str) -> str | None:
    values = "|".join(choice.value for choice in QUESTIONS[name].choices)
    made: str | None = option(f"--{name}", default=None, metavar=values, help=help)
    return made


@dataclass(frozen=True)
class Which:
    """One field for each question."""

    motifs: str | None = _flag("motifs", "Which motifs there are.")
    regions: str | None = _flag("regions", "What there is to look for them in.")
    goal: str | None = _flag("goal", "What matters most.")

    def __post_init__(self) -> None:
        for name, question in QUESTIONS.items():
            values = [choice.value for choice in question.choices]
            given = getattr(self, name)
            if given is not None and given not in values:
                raise ValueError(f"--{name} is {given}, expected {', '.join(values)}")


def make_command() -> click.Command:
    """Make the command."""
    return click.Command(
        "which",
        params=[*field_options(Which)],
        callback=_run,
        help="Ask a few questions, and say which way to the hits suits, what it costs, and what to"
        " run. A question whose answer is given by its flag is not asked.",
        short_help="Say which solver or command suits.",
        epilog=_EPILOG,
    )


def _run(**values: str | None) -> None:
    options = build(Which, values)
    answers: dict[str, str] = {}
    at = FIRST
    while at in QUESTIONS:
        given: str | None = getattr(options, at)
        chosen = _ask(QUESTIONS[at]) if given is None else _choice(QUESTIONS[at], given)
        answers[at], at = chosen.value, chosen.leads_to
    for name in QUESTIONS:
        if name not in answers and getattr(options, name) is not None:
            path = " ".join(f"--{asked} {value}" for asked, value in answers.items())
            raise click.UsageError(f"--{name} plays no part after {path}: leave it out")
    click.echo(describe(at, answers))


def _choice(question: Question, value: str) -> Choice:
    return next(choice for choice in question.choices if choice.value == value)


def _ask(question: Question) -> Choice:
    values = "|".join(choice.value for choice in question.choices)
    click.echo(question.text)
    for number, choice in enumerate(question.choices, 1):
        click.echo(f"  {number}  {choice.text}")
    try:
        number = click.prompt("Number", type=click.IntRange(1, len(question.choices)))
    except click.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        click.echo()
        name = next(name for name, each in QUESTIONS.items() if each is question)
        raise click.UsageError(f"no answer; give it by a flag: --{name} {values}") from None
    click.echo()
    return question.choices[number - 1]


def describe(way: str, answers: Mapping[str, str]) -> str:
    """What to say of a way.

    Parameters
    ----------
    way : str
        Its name in ``WAYS``.
    answers : mapping of str to str
        Values by question.
    """
    chosen = WAYS[way]
    commands = list(chosen.commands)
    needs = [chosen.needs] if chosen.needs else []
    if "goal" in answers:
        has_scores = answers["regions"] == "scores"
        commands.insert(0, _EXTRACT if has_scores else _ATTRIBUTE)
        needs += [] if has_scores else [("attribute", "finemo-zarr-tangermeme")]
    missing = dict.fromkeys(plugin for name, plugin in needs if name not in _installed())
    return "\n".join(
        [
            f"Use {chosen.title}.",
            click.wrap_text(chosen.price, 78),
            "",
            "Next:",
            *(f"  pip install ./plugins/{plugin}" for plugin in missing),
            *(f"  {command}" for command in commands),
        ]
    )


def _installed() -> set[str]:
    from finemo_zarr.registry import commands, solvers

    return {*solvers(), *commands()}
