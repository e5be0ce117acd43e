"""Start the server, in the background or here, and wait until it runs or has stopped."""

from __future__ import annotations

import fcntl
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final, NoReturn

from burble import paths
from burble.faces.client import Connection, NotRunning, data_dir
from burble.faces.options import FAILED, RUNNING_ALREADY, Ended, Options

__all__ = ["is_held", "live", "start", "wait_started", "wait_stopped"]

# As long as ejabberdctl waits, and how often we look meanwhile, seconds.
_PATIENCE: Final = 60.0
_STEP: Final = 0.1


def start(options: Options) -> int:
    """Start the server in the background; return when it runs.

    Raises:
        Ended: it runs already, or can't start; the text is what it said.
    """
    _refuse_second(options)
    owner = _owner(data_dir(options))
    with (
        tempfile.TemporaryDirectory(prefix="burble-start-") as directory,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified,
    ):
        path = Path(directory) / "notify"
        notified.bind(str(path))
        if owner:
            os.chown(directory, owner["user"], -1)
            os.chown(path, owner["user"], -1)
        try:
            process = subprocess.Popen(
                [*_serve(options), "--detached"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, "NOTIFY_SOCKET": str(path)},
                start_new_session=True,
                **owner,
            )
        except OSError as error:
            raise Ended(FAILED, f"{sys.executable} can't be run{_as(owner)}: {error.strerror}") from None
        said = _until_ready(process, notified)
    if said is None:
        return 0
    raise Ended(FAILED, said)


def live(options: Options) -> NoReturn:
    """Become the server, in the foreground.

    Raises:
        Ended: it runs already.
    """
    _refuse_second(options)
    command = _serve(options)
    owner = _owner(data_dir(options))
    if owner:
        os.setgroups(owner["extra_groups"])
        os.setgid(owner["group"])
        os.setuid(owner["user"])
    try:
        os.execv(command[0], command)
    except OSError as error:
        raise Ended(FAILED, f"{command[0]} can't be run{_as(owner)}: {error.strerror}") from None


def wait_started(options: Options) -> int:
    """Wait until the server runs; returns the exit status."""
    directory = data_dir(options)
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            with Connection(directory):
                return 0
        except NotRunning:
            time.sleep(_STEP)
    raise Ended(FAILED, f"the server does not run after {_PATIENCE:.0f} s; its log may tell why")


def wait_stopped(options: Options) -> int:
    """Wait until the server has stopped; returns the exit status."""
    directory = data_dir(options)
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if not is_held(directory):
            return 0
        time.sleep(_STEP)
    raise Ended(FAILED, f"the server still runs after {_PATIENCE:.0f} s")


def is_held(directory: Path) -> bool:
    """Whether a server holds its data directory: it does to the end, longer than it listens."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Ended(FAILED, f"{directory} can't be opened: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _refuse_second(options: Options) -> None:
    try:
        with Connection(data_dir(options)):
            raise Ended(RUNNING_ALREADY, "the server is running already")
    except NotRunning:
        return


def _serve(options: Options) -> list[str]:
    command = [sys.executable, "-m", "burble", "serve"]
    if config := options.config or paths.find_settings_file():
        command += ["--config", str(config)]
    if options.data_dir is not None:
        command += ["--data-dir", str(options.data_dir)]
    return command


def _owner(directory: Path) -> dict[str, Any]:
    """Whom to run as: for root, the user that the data directory belongs to."""
    if os.geteuid() != 0 or not directory.exists() or (user := directory.stat().st_uid) == 0:
        return {}
    import pwd

    try:
        known = pwd.getpwuid(user)
    except KeyError:
        group = directory.stat().st_gid
        return {"user": user, "group": group, "extra_groups": [group]}
    groups = os.getgrouplist(known.pw_name, known.pw_gid)
    return {"user": user, "group": known.pw_gid, "extra_groups": groups}


def _as(owner: dict[str, Any]) -> str:
    return f" as the user {owner['user']}, to whom the data directory belongs" if owner else ""


def _until_ready(process: subprocess.Popen[bytes], notified: socket.socket) -> str | None:
    """Wait until the server tells that it runs; returns None then, else what it said before it ended."""
    assert process.stderr is not None
    said = b""
    end = time.monotonic() + _PATIENCE
    with selectors.DefaultSelector() as selector, process.stderr as errors:
        selector.register(notified, selectors.EVENT_READ)
        selector.register(errors, selectors.EVENT_READ)
        while (left := end - time.monotonic()) > 0:
            ready = [key.fileobj for key, _ in selector.select(left)]
            if notified in ready and b"READY=1" in notified.recv(4096):
                process.returncode = 0  # it goes on without us: nothing is to be waited for
                return None
            if errors in ready:
                more = os.read(errors.fileno(), 65536)
                said += more
                if not more and process.wait() is not None:
                    return said.decode(errors="replace").strip() or "the server ended at once"
    process.returncode = 0
    return f"the server still starts after {_PATIENCE:.0f} s; its log may tell why"
