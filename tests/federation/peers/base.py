"""A server with a domain: a process, a directory, two ports."""

from __future__ import annotations

import asyncio
import os
import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Literal

from bench.ports import free_port

from burble.tls import CertificateFiles
from tests.client import Closed, ScriptedClient, header

Proof = Literal["dialback", "certificate"]
"""How servers prove their domains: by Server Dialback (XEP-0220), their certificates being signed by
themselves, or by certificates alone (XEP-0178), without dialback."""

_START_LIMIT = 40.0
_STOP_LIMIT = 15.0


class PeerFailed(Exception):
    """It did not start, or not stop; with the end of its log."""


class Peer(ABC):
    """One server.

    Args:
        domain: the domain of its accounts; its rooms are at ``conference.`` below that.
        home: its directory, which exists.
        proof: how domains are proved between it and the others.
        files: its certificate.
        authority: the certificate of the authority it is to trust.
        nameserver: the port on loopback of the name server it is to ask.

    Attributes:
        port: where clients connect.
        s2s_port: where servers connect.
        direct_tls: servers connect with TLS from the first byte (XEP-0368).
        blocked: domains it is to have nothing to do with.
    """

    def __init__(
        self, domain: str, home: Path, proof: Proof, files: CertificateFiles, authority: Path, nameserver: int
    ) -> None:
        self.domain = domain
        self.home = home
        self.proof = proof
        self.files = files
        self.authority = authority
        self.nameserver = nameserver
        self.port = free_port()
        self.s2s_port = free_port()
        self.direct_tls = False
        self.blocked: list[str] = []
        self._process: asyncio.subprocess.Process | None = None

    @staticmethod
    @abstractmethod
    def missing() -> str:
        """What has to be installed first; empty where it can be started."""

    @property
    def rooms(self) -> str:
        """The domain of its rooms."""
        return f"conference.{self.domain}"

    @property
    def log(self) -> str:
        """What it has said so far."""
        return "".join(file.read_text(errors="replace") for file in sorted(self.home.glob("*.log")))

    def records(self) -> dict[str, list[str]]:
        """What the DNS says of it (RFC 6120 §3.2.1)."""
        # ejabberd asks the name server for SRV records, but the C library for addresses: so it has to be a
        # name that every machine knows.
        service = [f"SRV 0 0 {self.s2s_port} localhost."]
        name = "_xmpps-server" if self.direct_tls else "_xmpp-server"
        return {f"{name}._tcp.{domain}": service for domain in (self.domain, self.rooms)}

    @abstractmethod
    def configure(self) -> None:
        """Write the configuration into `home`."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command that runs it in the foreground."""

    def environment(self) -> dict[str, str]:
        """What is to be added to the environment."""
        return {}

    async def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            PeerFailed: it does not.
        """
        self.configure()
        with (self.home / "output.log").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.command(),
                cwd=self.home,
                env={**os.environ, **self.environment()},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            async with asyncio.timeout(_START_LIMIT):
                await self._answers()
        except (TimeoutError, ChildProcessError, Closed):
            await self.stop()
            raise PeerFailed(f"{self.domain} does not start:\n{self.log[-4000:]}") from None
        except BaseException:  # whoever interrupts the tests wants no server to stay
            await self.stop(signal.SIGKILL)
            raise

    async def _answers(self) -> None:
        await self._listens(self.s2s_port)
        await self._listens(self.port)
        # ejabberd listens long before it answers.
        client = await ScriptedClient(self.port, self.domain).connect()
        client.write(header(self.domain))
        await client.next(_START_LIMIT)
        await client.close()

    async def _listens(self, port: int) -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                assert self._process is not None
                if self._process.returncode is not None:
                    raise ChildProcessError from None
                # Another program tells nobody when it is ready; all there is to do is to try.
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it; what it has stored stays."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(how)
        try:
            await asyncio.wait_for(process.wait(), _STOP_LIMIT)
        except TimeoutError:
            process.kill()
            await process.wait()
