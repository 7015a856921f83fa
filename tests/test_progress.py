import io
import sys

import pytest

from finemo_zarr.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress__writes_nothing_but_on_a_terminal(monkeypatch, capsys) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress("count", 2) as advance:
        advance()
        advance(1, "count more")
    assert stream.getvalue() == ""
    assert capsys.readouterr().out == ""


def test_progress__goes_on_from_what_is_done_and_changes_its_words(monkeypatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress("count", 4, 1) as advance:
        assert "25%" in stream.getvalue()
        advance(2, "count more")
    assert "count more" in stream.getvalue()
    assert "75%" in stream.getvalue()


def test_progress__leaves_an_error_as_it_is(monkeypatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(ValueError, match="wrong"), progress("count", 2):
        raise ValueError("wrong")
    assert stream.getvalue().endswith("\x1b[2K")  # the bar is taken away
