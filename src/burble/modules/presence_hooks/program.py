"""Tell a program: it is run once for each notice, without a shell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence

from burble.modules.presence_hooks.notices import Notice, NotTold

__all__ = ["Program"]


class Program:
    """A program that takes what happened as its arguments: `mod_sspresence` called its script so.

    They are the notice's name, the account's JID and, for ``setPresence``, the status. The environment has
    more: ``BURBLE_EVENT``, ``BURBLE_HOST``, ``BURBLE_JID``, ``BURBLE_SHOW`` and ``BURBLE_STATUS``.

    Args:
        command: the program, and arguments that come first.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command

    def __str__(self) -> str:
        return self._command[0]

    async def tell(self, notice: Notice) -> None:
        """Run it and wait until it has ended; it is killed where the waiting is cancelled.

        Raises:
            NotTold: it can't be started, or ended with a status other than 0.
        """
        arguments = [each for each in (notice.name, notice.jid, notice.social_status) if each]
        environment = {
            **os.environ,
            "BURBLE_EVENT": notice.name,
            "BURBLE_HOST": notice.host,
            "BURBLE_JID": notice.jid,
            "BURBLE_SHOW": notice.show,
            "BURBLE_STATUS": notice.status,
        }
        try:
            # In a session of its own, so that Ctrl-C is for the server alone, and what it starts is killed
            # with it. What it writes to the standard error goes where the server's own goes.
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *arguments,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise NotTold(f"can't be started: {(error.strerror or str(error)).lower()}") from error
        try:
            status = await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if status:
            raise NotTold(f"ended with status {status}" if status > 0 else f"was ended by signal {-status}")

    async def close(self) -> None:
        """There is nothing to let go of."""
