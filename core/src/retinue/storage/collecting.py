"""Holding the garbage collector back while a batch is built: its rows all live until they are written."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def collecting_later() -> Iterator[None]:
    """Do not look for garbage inside: a fifth of a batch's time would go into walking rows that are in use.

    Reference counting goes on, so only cycles wait. Keep the block short, and call nobody else's code in it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
