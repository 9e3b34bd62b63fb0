"""The one place where numba enters: kernels compiled on first use and kept on disk.

Imported only by the files that hold kernels, so that small scenarios and ``microcohort --help``
never pay for it. The slow reference implementations that the kernels are tested against are plain
Python and live in the tests.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")

settings: Any = numba.core.config
ROOM = Path(__file__).parent
KERNELS = ("compiled.py", "outcomes/tables.py", "outcomes/paths.py", "outcomes/events.py",
           "truth/integrals.py")  # fmt: skip


def kernel_digest() -> str:
    """Hash of the sources of all kernels.

    numba's own cache looks at the file of the function it compiles and not at the files of the
    functions that one calls: after an upgrade it would run stale kernels without a word.
    """
    digest = blake2b(numba.__version__.encode(), digest_size=8)
    for name in KERNELS:
        digest.update((ROOM / name).read_bytes())
    return digest.hexdigest()


def cache_folder() -> Path:
    """Where compiled kernels are kept: beside the code if that can be written, else at home."""
    beside = ROOM / "__pycache__"
    writable = os.access(beside if beside.exists() else ROOM, os.W_OK)
    place = beside if writable else Path.home() / ".cache" / "microcohort"
    return place / f"kernels-{kernel_digest()}"


@contextmanager
def _own_cache() -> Iterator[None]:
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(cache_folder())
    try:
        yield
    finally:
        settings.CACHE_DIR = before


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel on its first call.

    No fast-math: the order of floating-point operations, and so every byte, is as written.
    """
    with _own_cache():
        return cast("Callable[P, R]", numba.njit(cache=True, nogil=True)(function))
