"""Looks at what is below the server: versions, the clock, how many files it may open."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from OpenSSL import SSL

from burble import __version__
from burble.commands.checks.finding import Finding, error, ok, warning
from burble.commands.checks.subject import Subject

__all__ = ["check_clock", "check_files", "check_versions", "judge_clock"]

# adjtimex(2): what it returns of a clock that nothing keeps, and the size of its structure on all machines.
_TIME_ERROR: Final = 5
_TIMEX_SIZE: Final = 256

# A connection takes one, and each database connection and log file too.
_FEW_FILES: Final = 4096
_MUCH: Final = 0.8

# Coarse file systems and a clock that is set forward a little, seconds.
_SKEW: Final = 60.0


def check_versions(subject: Subject) -> Iterator[Finding]:
    """Tell what the server is made of."""
    openssl = SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode().split()[1]
    try:
        loop = f"uvloop {version('uvloop')}"
    except PackageNotFoundError:
        loop = "without uvloop"
    parts = [
        f"Burble {__version__}",
        f"Python {platform.python_version()}",
        f"OpenSSL {openssl}",
        f"SQLite {sqlite3.sqlite_version}",
        loop,
    ]
    yield ok("versions", ", ".join(parts))


def check_files(subject: Subject) -> Iterator[Finding]:
    """Look at how many files, and so connections, the process may open; only the server's own is of use."""
    if not subject.runs:
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        opened = len(os.listdir("/proc/self/fd"))
    except OSError:
        opened = 0  # not told by this system
    advice = "raise it: LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536 before the start"
    if limit == resource.RLIM_INFINITY:
        yield ok("open files", f"{opened}, without a limit")
    elif opened > limit * _MUCH:
        text = f"{opened} of {limit} are open: soon nobody can connect any more"
        yield error("open files", text, advice)
    elif limit < _FEW_FILES:
        text = f"at most {limit}, and each connection takes one ({opened} now)"
        yield warning("open files", text, advice)
    else:
        yield ok("open files", f"{opened} of {limit}")


def check_clock(subject: Subject) -> Iterator[Finding]:
    """Look at whether something keeps the clock right, and whether it was set back."""
    newest = max((_changed(path) for path in subject.settings.data_dir.glob("*")), default=0.0)
    ahead = newest - time.time()
    yield judge_clock(_kept(), ahead)


def judge_clock(kept: bool | None, ahead: float) -> Finding:
    """Say what is to be said of a clock.

    Args:
        kept: whether the kernel says that something keeps it right; None where it does not tell.
        ahead: how much newer the newest file of the server is than now, seconds.
    """
    if ahead > _SKEW:
        text = f"it was set back: there are files from {ahead / 60:.0f} minutes in the future"
        return error("clock", text, "set it right; archives and certificates go by it")
    if kept is None:
        return ok("clock", f"it is {_now()}; this system does not tell whether something keeps it right")
    if not kept:
        text = f"it is {_now()}, and nothing keeps it right"
        return warning("clock", text, "run an NTP service: systemd-timesyncd, chrony or ntpd")
    return ok("clock", f"it is {_now()}, kept right by a time service")


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _kept() -> bool | None:
    """Whether the kernel's clock is kept by a time service (adjtimex(2)); None where that can't be told."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_SIZE))
    except (AttributeError, OSError):
        return None
    return None if state < 0 else state != _TIME_ERROR
