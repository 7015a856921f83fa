"""Whether the benchmarks run in real sizes (``FINEMO_BENCH=full``), or small, as tests."""

import os

FULL = os.environ.get("FINEMO_BENCH") == "full"
