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
from burble.modules import UnknownModule
from burble.server import Server
from burble.storage import StorageError
from burble.tls import TlsError

__all__ = ["read_settings", "serve"]

_log = logging.getLogger("burble.process")

#: What may be wrong with settings or surroundings; the message says all there is to say.
_REFUSALS = (ConfigError, OSError, StorageError, TlsError, UnknownModule)


def read_settings(file: Path | None, data_dir: Path | None = None) -> Settings:
    """Read and check the settings, with those of all modules there are.

    Args:
        file: the settings file; None for the defaults.
        data_dir: the data directory in place of that in the file.

    Raises:
        ConfigError: they can't be used.
    """
    settings = load(file, module_settings=modules.settings_models())
    return settings if data_dir is None else settings.model_copy(update={"data_dir": data_dir})


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
            runner.run(_serve(settings, file, data_dir))
    except _REFUSALS as error:
        print(f"burble cannot start\n{error}", file=sys.stderr)
        return 1
    return 0


async def _serve(settings: Settings, file: Path | None, data_dir: Path | None) -> None:
    server = Server(settings)
    loop = asyncio.get_running_loop()

    def stop(name: str) -> None:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _leave)
        _log.info("%s: stopping", name)
        stopping.append(loop.create_task(server.stop()))

    stopping: list[asyncio.Task[None]] = []
    await server.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
    await server.wait_stopped()


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
