"""Where the arrays live: NumPy on the CPU, or CuPy on a CUDA device."""

import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from finemo_zarr.errors import FinemoWarning, MissingDependencyError, RunError, SchemaError

_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
_INSTALL = "pip install 'finemo-zarr-cupy[cuda12]' for CUDA 12, or [cuda13] for CUDA 13"
_CPU_BYTES = 2**29  # what a block may take on the CPU, where one batch is as fast as another
_OWN = threading.local()


class NoDeviceWarning(FinemoWarning):
    """There is no CUDA device, and the work is done by NumPy."""


@dataclass(frozen=True)
class Backend:
    """An array module and, if it is CuPy, the number of its device."""

    xp: Any
    device: int | None = None

    @contextmanager
    def active(self) -> Iterator[None]:
        """Work on the device, in a stream of this thread's own, so that blocks overlap."""
        if self.device is None:
            yield
            return
        with self.xp.cuda.Device(self.device), self._stream():
            yield

    def _stream(self) -> Any:
        streams: dict[int | None, Any] = _OWN.__dict__.setdefault("streams", {})
        if self.device not in streams:
            streams[self.device] = self.xp.cuda.Stream(non_blocking=True)
        return streams[self.device]

    def to_host(self, array: Any) -> Any:
        """Return an array of this backend as a NumPy array."""
        return np.asarray(array) if self.device is None else array.get()

    def free_bytes(self) -> int:
        """Memory that can be had now."""
        if self.device is None:
            return _CPU_BYTES
        unused: int = self.xp.get_default_memory_pool().free_bytes()
        return unused + int(self.xp.cuda.runtime.memGetInfo()[0])

    def release(self) -> None:
        """Give cached memory back, after there was not enough."""
        if self.device is not None:
            self.xp.get_default_memory_pool().free_all_blocks()


def check_device(device: str) -> None:
    """Raise unless a device is spelt ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises
    ------
    SchemaError
        If not.
    """
    if not _DEVICE.fullmatch(device):
        raise SchemaError(f"the device is {device!r}, expected auto, cpu, cuda or cuda:N")


@cache
def find_backend(device: str) -> Backend:
    """Return the backend of a device; what there is does not change while a process runs.

    Parameters
    ----------
    device : str
        ``auto`` for the first CUDA device, or else the CPU; ``cpu``; ``cuda``; ``cuda:N``.

    Raises
    ------
    MissingDependencyError
        If a CUDA device is asked for, and CuPy is not installed.
    RunError
        If there is no such device, or CuPy is set to multiply in reduced precision.

    Warns
    -----
    NoDeviceWarning
        If ``auto`` finds none.
    """
    check_device(device)
    if device == "cpu":
        return Backend(np)
    number = int(device.partition(":")[2] or 0)
    try:
        return _cuda(number)
    except (MissingDependencyError, RunError) as error:
        if device != "auto":
            raise
        warnings.warn(
            f"{error}. Solving with NumPy on the CPU, where --solver coordinate-descent is much "
            "faster and gives the same hits",
            NoDeviceWarning,
            stacklevel=2,
        )
        return Backend(np)


def _cuda(number: int) -> Backend:
    try:
        import cupy
    except ImportError as error:
        raise MissingDependencyError(
            f"a CUDA device needs CuPy, which cannot be imported ({error}): {_INSTALL}"
        ) from error
    if os.environ.get("CUPY_TF32", "0") != "0":
        raise RunError(
            "CUPY_TF32 is set: products would be too coarse for the exact solver; unset it"
        )
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise RunError(f"CuPy finds no CUDA device ({error})") from error
    if number >= count:
        raise RunError(f"there is no device cuda:{number}; CuPy finds {count}, counted from 0")
    return Backend(cupy, number)
