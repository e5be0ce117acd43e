"""The address of the Unix socket for commands, however long the path to it is.

Only the standard library is imported here, because `burblectl` is a program that has to start at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["MAX_LINE", "PathTooLong", "reachable"]

MAX_LINE: Final = 1_048_576
"""Longest request, bytes."""

# Linux takes 107 bytes and a zero, macOS 103.
_LONGEST: Final = 103
_DESCRIPTORS: Final = Path("/proc/self/fd")


class PathTooLong(OSError):
    """The path is longer than the system lets a socket's be."""


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Give the path of a socket in a form that is short enough, for as long as the context lasts.

    A long one is reached through the directory's file descriptor where the system has /proc.

    Raises:
        PathTooLong: there is no way.
        OSError: the directory can't be opened.
    """
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    if not _DESCRIPTORS.is_dir():
        raise PathTooLong(f"{path} is too long for a socket: choose a data_dir of fewer than 90 characters")
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(_DESCRIPTORS / str(descriptor) / path.name)
    finally:
        os.close(descriptor)
