"""The commands of the how-to page run as they stand there, in its order."""

import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

from finemo_zarr import open_hits, open_regions
from finemo_zarr.cli import main

pytest.importorskip("tangermeme", reason="tangermeme is not installed (the extra [torch])")
ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs/how-to/from-a-model.md"
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="no documentation beside this plugin")


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """The bundled example, with the first of its peaks."""
    shutil.copytree(ROOT / "examples/data", tmp_path / "examples/data")
    peaks = tmp_path / "examples/data/peaks.narrowPeak"
    peaks.write_text("".join(peaks.read_text().splitlines(keepends=True)[:16]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runnable():
    """Commands on the files of the page and of the bundled example."""
    for language, _, text in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        for line in text.replace("\\\n", " ").splitlines() if language == "bash" else ():
            words = shlex.split(line)
            if words[0] == "finemo-zarr" and words[1] != "report" and "examples/data" in line:
                yield words[1:]


@pytest.mark.filterwarnings("default")
def test_page__works_as_it_stands(workplace):
    for language, info, text in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language == "python":
            (workplace / info.strip().removeprefix("file=")).write_text(text)
    commands = list(runnable())
    assert [words[0] for words in commands] == ["attribute", "call-hits", "marginalize", "syntax"]
    for words in commands:
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code == 0, words
    assert "region_attribution_delta" in open_regions("regions.zarr")
    assert open_hits("hits").hits.sizes["hit"] > 50
    effects = pd.read_csv("effects/marginal_effects.tsv", sep="\t")
    assert (effects["beyond_control_mean"].head(3) > 0).all()
    assert len(pd.read_csv("syntax/syntax.tsv", sep="\t")) == 4 * 7


def test_page__names_every_column_and_option_it_should():
    text = PAGE.read_text(encoding="utf-8")
    for word in ("--pairs", "--scale", "--shuffle", "--match", "--method ism", "--trust-pickle"):
        assert word in text
    for column in ("fold_mean", "interaction_mean", "beyond_control_mean", "attribution_mean"):
        assert column in text
