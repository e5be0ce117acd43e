"""The command that looks whether all is well with a server."""

from __future__ import annotations

from burble.commands.base import Administered, served
from burble.commands.checks import Finding, Subject, examine
from burble.config.fields import prepare_domain
from burble.module import CommandFailed, command


class Doctor:
    """The command that looks whether all is well.

    Args:
        server: with which.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["server"], safe=True)
    async def doctor(self, only: str = "") -> list[Finding]:
        """Look whether all is well: clock, disk, database, ports, certificates, DNS; say what to do.

        From a shell the exit status is 1 where there is an error, and it works while the server is down.

        Args:
            only: a domain served here, whose names and certificate alone are looked at; all by default.

        Returns:
            What was found: its level (``ok``, ``warning`` or ``error``), what was looked at, what was found,
            and what to do.

        Example:
            doctor
            doctor localhost
        """
        hosts = list(self._server.hosts)
        if only:
            try:
                hosts = [served(self._server, prepare_domain(only)).name]
            except ValueError:
                raise CommandFailed(f"{only} is no domain") from None
        return await examine(Subject.running(self._server), hosts)
