"""The one place where numba enters: kernels compiled on first use and kept on disk.

Imported only by the files that hold kernels, so that small scenarios and ``microcohort --help``
never pay for it. The slow reference implementations that the kernels are tested against are plain
Python and live in the tests.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel on its first call.

    No fast-math: the order of floating-point operations, and so every byte, is as written.
    """
    return cast("Callable[P, R]", numba.njit(cache=True, nogil=True)(function))
