"""Looks at what the server keeps: its data directory, the disk below it, its database."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import select

from burble.commands.checks.finding import Finding, error, ok, warning
from burble.commands.checks.subject import Subject
from burble.storage import Database, StorageError
from burble.storage.peek import peek
from burble.storage.schema import accounts

__all__ = ["check_data_directory", "check_database", "check_disk", "judge_disk"]

_PROBE: Final = select(accounts.c.user).limit(1)
_SLOW: Final = 0.25
_MIB: Final = 1 << 20
_FULL: Final = 100 * _MIB
_NEARLY_FULL: Final = 1024 * _MIB


def check_data_directory(subject: Subject) -> Iterator[Finding]:
    """Look at whom the data directory belongs to, and who can read it."""
    path = subject.settings.data_dir
    name = "data directory"
    try:
        status = path.stat()
    except FileNotFoundError:
        yield ok(name, f"{path} is not there yet: the first start makes it")
        return
    except OSError as problem:
        yield error(name, f"{path}: {problem.strerror}", "let the server's user into it")
        return
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        text = f"this user can't write to {path}, which belongs to user {status.st_uid}"
        yield error(name, text, f"run the server, and burblectl, as that user, or chown -R it {path}")
    elif status.st_mode & 0o077:
        text = f"others on this machine can look into {path} (mode {stat.S_IMODE(status.st_mode):03o})"
        yield warning(name, text, f"chmod 700 {path}")
    else:
        yield ok(name, f"{path}, for its owner alone")
    for secret in _secrets(path):
        if secret.stat().st_mode & 0o077:
            yield warning(name, f"others on this machine can read {secret}", f"chmod 600 {secret}")


def _secrets(directory: Path) -> Iterator[Path]:
    for name in ("secret", "hosts.toml", "self-signed.key"):
        if (path := directory / name).is_file():
            yield path


def check_disk(subject: Subject) -> Iterator[Finding]:
    """Look at how much room there is for what will be stored."""
    path = subject.settings.data_dir
    while not path.exists():
        path = path.parent
    usage = shutil.disk_usage(path)
    files = os.statvfs(path)
    yield judge_disk(path, usage.free, usage.total, files.f_favail, files.f_files)


def judge_disk(path: Path, free: int, total: int, names: int, all_names: int) -> Finding:
    """Say what is to be said of a disk.

    Args:
        path: what lies on it.
        free: room, bytes, of `total`.
        total: how much it holds.
        names: how many files could still be made, of `all_names`; file systems without a limit say 0 of 0.
        all_names: how many files it could have.
    """
    room = f"{free / _MIB:,.0f} MiB free of {total / _MIB:,.0f}"
    advice = f"make room on the disk of {path}, before messages can't be stored"
    if free < _FULL or (all_names and not names):
        what = room if free < _FULL else "no more files can be made"
        return error("disk", f"{what}: it is full", advice)
    if free < _NEARLY_FULL:
        return warning("disk", f"{room}: it will soon be full", advice)
    return ok("disk", room)


async def check_database(subject: Subject) -> AsyncIterator[Finding]:
    """Look at whether the database answers, and whether its tables are those of this version."""
    if subject.database is not None:
        yield await _probe(subject.database)
        return
    try:
        state = await peek(subject.settings.database_url)
    except StorageError as problem:
        yield error("database", str(problem), "see [database] in the settings; the server can't start")
        return
    if state is None:
        yield ok("database", "it is empty: the first start makes its tables")
    elif state.current:
        yield ok("database", f"it can be opened, and has the tables of this version ({state.revision})")
    elif state.known:
        text = (
            f"it has the tables of an older version ({state.revision}): the next start brings them up to date"
        )
        yield ok("database", text)
    else:
        text = f"a newer version of Burble has changed it ({state.revision}): this one can't start"
        yield error("database", text, "install that version again, or restore a backup made before")


async def _probe(database: Database) -> Finding:
    begun = time.perf_counter()
    try:
        await database.fetch_one(_PROBE)
    except StorageError as problem:
        return error("database", str(problem), "see that the database server runs and can be reached")
    took = time.perf_counter() - begun
    if took > _SLOW:
        text = f"a simple question took {took * 1000:.0f} ms"
        return warning("database", text, "see what keeps the disk or the database server busy")
    return ok("database", f"it answers, in {took * 1000:.1f} ms")
