from dataclasses import replace

from finemo_zarr import registry
from finemo_zarr.registry import PluginRow


def test_plugins__lists_what_is_installed(run) -> None:
    result = run("plugins")
    assert result.code == 0
    lines = result.out.splitlines()
    assert {"reader", "motif reader", "solver"} <= {line.split("  ")[0] for line in lines}
    (own,) = (line for line in lines if "coordinate-descent" in line)
    assert own.startswith("solver")
    assert "finemo-zarr 0." in own


def test_plugins__says_what_failed_and_why(run, monkeypatch) -> None:
    made = registry.default_registry()
    failed = PluginRow("plugin", "gpu.hooks", "", "gpu-dist", "1.2", "ImportError: no cuda")
    broken = replace(made, rows=(*made.rows, failed))
    monkeypatch.setattr(registry, "default_registry", lambda: broken)
    expected = "not loaded: gpu.hooks of gpu-dist 1.2: ImportError: no cuda"
    assert run("plugins").out.splitlines()[-1] == expected


def test_plugins__help_has_examples(run) -> None:
    assert "Examples:" in run("plugins", "--help").out
