"""A server as a process of its own: `burble serve`, from its settings file to its exit status."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from burble import log, modules
from burble.config import ConfigError, Settings, load
from burble.datadir import DataDirectoryError
from burble.faces.control import ControlError
from burble.listeners import ListenError
from burble.module import CommandFailed
from burble.modules import UnknownModule
from burble.server import Server
from burble.storage import StorageError
from burble.tls import TlsError

__all__ = ["read_settings", "serve"]

_log = logging.getLogger("burble.process")

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


def serve(file: Path | None, data_dir: Path | None = None) -> int:
    """Serve until somebody stops the server.

    Args:
        file: the settings file; None for the defaults.
        data_dir: the data directory in place of that in the file.

    Returns:
        The exit status: 0 after a clean stop, 1 where the server could not start.
    """
    try:
        settings = read_settings(file, data_dir)
        _configure_log(settings)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(Process(settings, file, data_dir).run())
    except _REFUSALS as error:
        print(f"burble can't start:\n{error}", file=sys.stderr)
        return 1
    return 0


class Process:
    """The server of this process, and the signals to it.

    Args:
        settings: to start with.
        file: where they are from, to be read anew on reload.
        data_dir: the data directory in place of that in the file.
    """

    def __init__(self, settings: Settings, file: Path | None, data_dir: Path | None) -> None:
        self._file = file
        self._data_dir = data_dir
        self.server = Server(settings, self.reload)

    async def run(self) -> None:
        """Start, and return when the server has stopped."""
        await self.server.start()
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
        settings = read_settings(self._file, self._data_dir)
        _configure_log(settings)
        try:
            return await self.server.reload(settings)
        except BaseException:
            _configure_log(before)
            raise

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


def _configure_log(settings: Settings) -> None:
    log.configure(settings.log.level, as_json=settings.log.format == "json", file=settings.log.file)


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
