"""A user with the npm package @xmpp/client."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from tests.clients.user import PASSWORD, PATIENCE, Happenings, Received, User, bare

DIRECTORY = Path(__file__).parent / "node"


class NodeUser(User):
    """A Node process that runs `node/client.mjs`; besides Node's own authorities it trusts the server."""

    _process: asyncio.subprocess.Process | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._happened = Happenings()

    async def register(self) -> None:
        # The library has no stream for a registration alone: this one logs in, and waits unavailable.
        await self._start(register=True)

    async def log_in(self) -> None:
        if self._process is None:
            await self._start()
        await self.roster()
        await self._do("presence")
        await self._take("presence", self._full, "the own presence")

    async def _start(self, *, register: bool = False) -> None:
        happened = self._happened = Happenings()
        process = self._process = await asyncio.create_subprocess_exec(
            *("node", str(DIRECTORY / "client.mjs")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"NODE_EXTRA_CA_CERTS": str(self.server.certificate)},
        )
        self._reading = asyncio.create_task(self._read(process, happened))
        protocol = "xmpps" if self.direct_tls else "xmpp"
        await self._write(
            service=f"{protocol}://localhost:{self.port}",
            domain="localhost",
            username=self.name,
            password=PASSWORD,
            resource="node",
            register=register,
        )
        online = await happened.take(lambda h: h["kind"] in ("online", "error"), "the login")
        assert online["kind"] == "online", online
        assert online["secure"]
        self._full = online["jid"]

    async def log_out(self) -> None:
        await self._end(wanted=0)

    async def close(self) -> None:
        if self._process is not None:
            await self._end()

    async def _end(self, wanted: int | None = None) -> None:
        """Close the process's input, which makes it leave."""
        process, self._process = self._process, None
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE):
                status = await process.wait()
        except TimeoutError:
            process.kill()
            raise
        finally:
            await self._reading
        assert wanted is None or status == wanted, f"node ended with {status}"

    async def add(self, contact: str, name: str) -> None:
        await self._do("add", contact=contact, name=name)
        await self._take_item(contact)

    async def roster(self) -> dict[str, str]:
        await self._do("roster")
        answer = await self._happened.take(lambda h: h["kind"] == "roster", "the roster")
        return {item["contact"]: item["subscription"] for item in answer["items"]}

    async def befriend(self, contact: str) -> None:
        await self._do("presence", to=contact, type="subscribe")
        await self._take_item(contact)

    async def accept(self, contact: str) -> None:
        await self._presence(contact, "subscribe")
        await self._do("presence", to=contact, type="subscribed")

    async def sees(self, contact: str, *, online: bool) -> None:
        await self._presence(contact, "" if online else "unavailable")

    async def send(self, contact: str, body: str) -> None:
        await self._do("message", to=contact, body=body)
        await self.roster()

    async def receive(self, sender: str) -> Received:
        message = await self._happened.take(
            lambda h: h["kind"] == "message" and bare(h["from"]) == sender, f"a message from {sender}"
        )
        return Received(sender, message["body"], bool(message["stamp"]))

    async def _take(self, kind: str, sender: str, what: str) -> dict[str, Any]:
        return await self._happened.take(lambda h: h["kind"] == kind and h["from"] == sender, what)

    async def _take_item(self, contact: str) -> None:
        await self._happened.take(
            lambda h: h["kind"] == "item" and h["contact"] == contact, f"a roster push of {contact}"
        )

    async def _presence(self, contact: str, type_: str) -> None:
        await self._happened.take(
            lambda h: h["kind"] == "presence" and bare(h["from"]) == contact and h["type"] == type_,
            f"presence {type_!r} from {contact}",
        )

    async def _do(self, what: str, **arguments: Any) -> None:
        await self._write(do=what, **arguments)

    async def _write(self, **line: Any) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        await self._process.stdin.drain()

    @staticmethod
    async def _read(process: asyncio.subprocess.Process, happened: Happenings) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            happened.add(**json.loads(line))
        happened.end()
