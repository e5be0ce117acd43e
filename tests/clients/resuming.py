"""Clients that can lose their connection and resume their session: what a test of them says."""

from __future__ import annotations

import abc
import asyncio
import json
import os
import ssl

import slixmpp

from tests.clients.node_user import DIRECTORY
from tests.clients.server import BurbleProcess
from tests.clients.user import PASSWORD, PATIENCE, Happenings


class Resuming(abc.ABC):
    """A client whose session outlives its connection."""

    def __init__(self, name: str, server: BurbleProcess) -> None:
        self.name = name
        self.jid = f"{name}@localhost"
        self.server = server
        self._happened = Happenings()

    @abc.abstractmethod
    async def start(self) -> None:
        """Log in and become available, with stream management."""

    @abc.abstractmethod
    async def send(self, to: str, *bodies: str) -> None:
        """Send messages, without waiting for anything."""

    @abc.abstractmethod
    async def cut(self) -> None:
        """Lose the connection without a word."""

    @abc.abstractmethod
    async def come_back(self) -> None:
        """Connect again; the library resumes the session by itself."""

    @abc.abstractmethod
    async def stop(self) -> None:
        """Leave."""

    async def receive(self, number: int) -> list[str]:
        """The bodies of the next messages."""
        return [(await self._take("message"))["body"] for _ in range(number)]

    async def _take(self, kind: str) -> dict[str, str]:
        return await self._happened.take(lambda h: h["kind"] == kind, kind)


class ResumingSlixmpp(Resuming):
    """slixmpp with its plugin xep_0198."""

    async def start(self) -> None:
        context = ssl.create_default_context(cafile=str(self.server.certificate))
        client = self._client = slixmpp.ClientXMPP(self.jid, PASSWORD, ssl_context=context)
        client.enable_direct_tls = False
        client.register_plugin("xep_0198")
        happened = self._happened
        client.add_event_handler("message", lambda m: happened.add(kind="message", body=m["body"]))
        client.add_event_handler("sm_enabled", lambda _: happened.add(kind="managed"))
        client.add_event_handler("session_start", lambda _: happened.add(kind="online"))
        client.add_event_handler("session_resumed", lambda _: happened.add(kind="resumed"))
        client.add_event_handler("disconnected", lambda _: happened.add(kind="cut"))
        client.connect("127.0.0.1", self.server.port)
        await self._take("managed")
        await self._take("online")
        client.send_presence()
        await client.get_roster(timeout=PATIENCE)

    async def send(self, to: str, *bodies: str) -> None:
        for body in bodies:
            self._client.send_message(mto=to, mbody=body, mtype="chat")

    async def cut(self) -> None:
        assert self._client.transport is not None
        self._client.transport.abort()
        await self._take("cut")

    async def come_back(self) -> None:
        self._client.connect("127.0.0.1", self.server.port)
        await self._take("resumed")

    async def stop(self) -> None:
        await self._client.disconnect()


class ResumingNode(Resuming):
    """@xmpp/client, by `node/resuming.mjs`."""

    async def start(self) -> None:
        process = self._process = await asyncio.create_subprocess_exec(
            *("node", str(DIRECTORY / "resuming.mjs")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"NODE_EXTRA_CA_CERTS": str(self.server.certificate)},
        )
        self._reading = asyncio.create_task(self._read(process))
        service = f"xmpp://localhost:{self.server.port}"
        await self._write(service=service, domain="localhost", username=self.name, password=PASSWORD)
        assert (await self._take("online"))["managed"]

    async def send(self, to: str, *bodies: str) -> None:
        for body in bodies:
            await self._write(do="message", to=to, body=body)

    async def cut(self) -> None:
        await self._write(do="cut")
        await self._take("cut")

    async def come_back(self) -> None:
        await self._write(do="back")
        await self._take("resumed")

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            await self._process.wait()
        await self._reading

    async def _write(self, **command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._happened.add(**json.loads(line))
        self._happened.end()
