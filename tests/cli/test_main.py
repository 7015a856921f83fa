import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import click
import pytest

from finemo_zarr import __version__
from finemo_zarr.cli import app as app_module
from finemo_zarr.cli.options import VariadicCommand
from finemo_zarr.errors import ConvergenceWarning, RunError


def use(monkeypatch, callback, *, resumes: bool = False) -> None:
    """Make a command of a function."""
    command = VariadicCommand("do", callback=callback, resumes=resumes)
    monkeypatch.setattr(app_module.LazyGroup, "get_command", lambda self, ctx, name: command)


def test_main__success_is_zero(run, monkeypatch) -> None:
    use(monkeypatch, lambda: click.echo("done"))
    result = run("do")
    assert (result.code, result.out, result.err) == (0, "done\n", "")


def test_main__error_is_one_line_and_code_one(run, monkeypatch) -> None:
    def fail() -> None:
        raise RunError("x.zarr: exists\nalready")

    use(monkeypatch, fail)
    result = run("do")
    assert (result.code, result.err) == (1, "Error: x.zarr: exists already\n")


def test_main__warnings_are_one_line_each_and_all_shown(run, monkeypatch) -> None:
    def warn() -> None:
        for _ in range(2):
            warnings.warn("3 regions\nmissed", ConvergenceWarning, stacklevel=1)

    use(monkeypatch, warn)
    result = run("do")
    assert (result.code, result.err) == (0, "Warning: 3 regions missed\n" * 2)


def test_main__other_exceptions_keep_their_traceback(monkeypatch) -> None:
    from finemo_zarr.cli import main

    def fail() -> None:
        raise ZeroDivisionError

    use(monkeypatch, fail)
    with pytest.raises(ZeroDivisionError):
        main(["do"])


@pytest.mark.parametrize(
    ("resumes", "said"),
    [
        (True, "Start the same command again: what was finished is kept, and it goes on from"),
        (False, "Nothing unfinished was left; the same command starts from the beginning."),
    ],
)
def test_main__ctrl_c_is_one_line_and_130(run, monkeypatch, resumes: bool, said: str) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    use(monkeypatch, interrupt, resumes=resumes)
    result = run("do")
    assert result.code == 130
    assert result.err.strip().startswith(f"Interrupted. {said}")


def test_commands__say_whether_they_resume() -> None:
    group = app_module.app
    names = ["call-hits", "compare-callers", "extract-regions-bw", "report", "filter-hits", "info"]
    found = [name for name in names if getattr(group.get_command(None, name), "resumes", False)]
    assert found == names[:3]


def test_main__sigterm_unwinds(run, monkeypatch) -> None:
    unwound = []

    def wait() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            unwound.append(True)

    use(monkeypatch, wait)
    before = signal.getsignal(signal.SIGTERM)
    assert run("do").code == 143
    assert unwound
    assert signal.getsignal(signal.SIGTERM) is before


def test_main__usage_error_is_two(run) -> None:
    result = run("call-hits", "--nonsense")
    assert result.code == 2
    assert "No such option" in result.err


def test_main__unknown_command_is_two(run) -> None:
    assert run("call-hit").code == 2


def test_main__version(run) -> None:
    assert run("--version").out == f"finemo-zarr {__version__}\n"


def test_main__help_loads_nothing_heavy() -> None:
    heavy = ("xarray", "zarr", "dask", "numba", "polars", "h5py", "pandas", "rich", "pyBigWig")
    script = (
        "import sys\nfrom finemo_zarr.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n"
        f"    print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]\n"
    assert "extract-regions-bw" in done.stdout


def test_main__runs_as_a_module() -> None:
    command = [sys.executable, "-m", "finemo_zarr", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("finemo-zarr ")


SLOW = """
import sys, time
from finemo_zarr import store
from finemo_zarr.cli import main
write = store.write_file
def slow(path, data):
    write(path, data)
    if path.suffix == ".npz":
        print("wrote", flush=True)
        time.sleep(1)
store.write_file = slow
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143), (signal.SIGINT, 130)],
)
def test_main__a_kill_in_the_middle_leaves_what_can_be_resumed(
    tmp_path: Path, regions_store, files, number, code
) -> None:
    out = tmp_path / "out" / "hits"
    args = ["call-hits", "-r", regions_store, "-m", files.motifs, "-o", out, "--jobs", "1"]
    command = [sys.executable, "-c", SLOW, *map(str, args)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "wrote\n"
    assert running.stdout.readline() == "wrote\n"
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == code, err
    assert not out.exists()
    assert [path.name for path in out.parent.iterdir()] == [".hits.partial"]
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stdout.count("wrote") < 4
    assert [path.name for path in out.parent.iterdir()] == ["hits"]
    assert (out / "hits.tsv").exists()
