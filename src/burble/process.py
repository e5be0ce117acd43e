"""A server as a process of its own: `burble serve`, from its settings file to its exit status."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from burble import log, modules
from burble.config import ConfigError, Settings, load
from burble.config.added import read_added, with_added
from burble.datadir import DataDirectoryError
from burble.faces.control import ControlError
from burble.hosting import plan
from burble.listeners import ListenError
from burble.module import CommandFailed
from burble.modules import UnknownModule
from burble.server import Server
from burble.storage import StorageError
from burble.tls import TlsError

__all__ = ["read_settings", "serve"]

_log = logging.getLogger("burble.process")

# How long a caller has to read that the process will be halted, seconds.
_LAST_WORDS = 0.2

# What may be wrong with settings or surroundings; the message says all there is to say.
_REFUSALS = (
    ConfigError,
    ControlError,
    DataDirectoryError,
    ListenError,
    OSError,
    StorageError,
    TlsError,
    UnknownModule,
)


def read_settings(file: Path | None, data_dir: Path | None = None) -> Settings:
    """Read and check the settings, with those of all modules there are.

    Args:
        file: the settings file; None for the defaults.
        data_dir: the data directory in place of that in the file.

    Raises:
        ConfigError: they can't be used.
    """
    settings = load(file, module_settings=modules.settings_models())
    return settings if data_dir is None else settings.model_copy(update={"data_dir": data_dir.absolute()})


def serve(file: Path | None, data_dir: Path | None = None, *, detached: bool = False) -> int:
    """Serve until somebody stops the server.

    Args:
        file: the settings file; None for the defaults.
        data_dir: the data directory in place of that in the file.
        detached: it runs without a terminal and belongs to nobody: where the settings name no log file, the
            log is ``burble.log`` in the data directory, and once the server runs, so is the standard error.

    Returns:
        The exit status: 0 after a clean stop, 1 where the server could not start.
    """
    try:
        process = Process(file, data_dir, detached)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(process.run())
    except _REFUSALS as error:
        print(f"burble can't start:\n{error}", file=sys.stderr)
        return 1
    if process.again:
        _replace_process()
    return 0


class Process:
    """The server of this process, and the signals to it (`burble.commands.base.Program`).

    Args:
        file: the settings file, to be read anew on reload; None for the defaults.
        data_dir: the data directory in place of that in the file.
        detached: as `serve` takes it.

    Attributes:
        again: whether the process is to begin anew when the server has stopped.

    Raises:
        ConfigError: the settings can't be used.
        OSError: the log can't be opened.
    """

    def __init__(self, file: Path | None, data_dir: Path | None, detached: bool = False) -> None:
        self._file = file
        self._data_dir = data_dir
        self._detached = detached
        self.again = False
        settings = self._read_settings()
        self._configure_log(settings)
        self.server = Server(settings, self)

    async def run(self) -> None:
        """Start, and return when the server has stopped."""
        await self.server.start()
        self._tell_that_it_runs()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop, number.name)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        await self.server.wait_stopped()
        try:
            await self.server.stop()
        except Exception:
            _log.exception("the server did not stop cleanly")

    async def reload(self) -> list[str]:
        """Read the settings anew, and open the log anew; see `Server.reload`.

        Raises:
            ConfigError, ListenError, OSError, TlsError, UnknownModule: nothing was changed.
        """
        before = self.server.settings
        settings = self._read_settings()
        self._configure_log(settings)
        try:
            return await self.server.reload(settings)
        except BaseException:
            self._configure_log(before)
            raise

    def begin_anew(self) -> None:
        """When the server has stopped, let this process begin anew.

        Raises:
            ConfigError, UnknownModule: the settings can't be used.
        """
        settings = self._read_settings()
        plan(with_added(settings, read_added(settings.data_dir)))
        self.again = True

    def halt_soon(self) -> None:
        """End the process when those who asked for it have an answer."""
        _log.warning("halted by a command")
        asyncio.get_running_loop().call_later(_LAST_WORDS, os._exit, 1)

    def _read_settings(self) -> Settings:
        settings = read_settings(self._file, self._data_dir)
        if not self._detached or settings.log.file is not None:
            return settings
        file = settings.log.model_copy(update={"file": settings.data_dir / "burble.log"})
        return settings.model_copy(update={"log": file})

    def _configure_log(self, settings: Settings) -> None:
        if self._detached:
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        log.configure(settings.log.level, as_json=settings.log.format == "json", file=settings.log.file)

    def _tell_that_it_runs(self) -> None:
        """Tell whoever started the process, as sd_notify(3) does, and let go of its terminal."""
        address = os.environ.get("NOTIFY_SOCKET", "")
        if address:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
                try:
                    notified.sendto(b"READY=1", address.replace("@", "\0", 1))
                except OSError as error:
                    _log.warning("nobody could be told that the server runs: %s", error)
        if self._detached:
            # The socket is there for the start only, and so is whoever reads our standard error.
            os.environ.pop("NOTIFY_SOCKET", None)
            assert self.server.settings.log.file is not None
            with self.server.settings.log.file.open("ab") as file:
                os.dup2(file.fileno(), sys.stdout.fileno())
                os.dup2(file.fileno(), sys.stderr.fileno())

    def _asked_to_stop(self, signal_name: str) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _leave)
        _log.info("stopping on %s", signal_name)
        self.server.stop_soon()

    def _hung_up(self) -> None:
        self._reloading = asyncio.get_running_loop().create_task(self._reload_and_tell())

    async def _reload_and_tell(self) -> None:
        try:
            notes = await self.server.reload_settings()
        except CommandFailed as error:
            _log.error("the settings stay as they were: %s", error)
        else:
            for note in notes:
                _log.warning("%s", note)


def _leave() -> NoReturn:
    """A second signal: somebody is in a hurry. What was acknowledged is committed; the rest is lost."""
    _log.warning("leaving without a clean stop")
    os._exit(1)


def _replace_process() -> NoReturn:
    """Begin anew in the same process, with the same arguments: whoever watches over it sees no end."""
    _log.info("starting anew")
    sys.stdout.flush()
    program = sys.executable or sys.orig_argv[0]
    os.execv(program, [program, *sys.orig_argv[1:]])


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
