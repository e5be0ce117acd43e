"""A user with profanity, who types into it and reads its screen, under tmux."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.clients.user import PASSWORD, PATIENCE, Received, User

# Chats show the time as seconds since 1970, so that a delayed message tells when it was sent.
_SETTINGS = """\
[ui]
splash=false
roster=false
time.chat=%s.%f
[notifications]
message=off
[connection]
reconnect=0
autoping=0
"""
_LINE = re.compile(r"^\d\d:\d\d:\d\d - (.*)$")
_CHAT_LINE = re.compile(r"^(\d+\.\d+) - (?!me: )([^:]+): (.*)$")
_CONTACT = re.compile(r"^  (\S+)(?: \(.*\))? - (\w+)(, request sent)?")
# Beside the window of a room stands a list of its occupants.
_OCCUPANTS = re.compile(r"^\d\d:\d\d:\d\d ! (\d+ occupants: .*?)(?:  |$)")
_GLANCE = 0.03


class ProfanityUser(User):
    """profanity with a home of its own, in a tmux server of its own.

    It trusts no self-signed certificate unasked; the user compares the fingerprint, as people should.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # The path of a Unix socket may have about a hundred characters, too few for a test's own directory.
        self._home = Path(tempfile.mkdtemp(prefix="burble-"))
        (self._home / "config" / "profanity").mkdir(parents=True)
        (self._home / "config" / "profanity" / "profrc").write_text(_SETTINGS)
        self._running = False
        self._names: dict[str, str] = {}
        self._markers = 0
        self._starts = 0

    # ---- life

    async def register(self) -> None:
        # The certificate must be trusted beforehand, since profanity 0.13 crashes when it asks during a
        # registration; and a fresh process must log in, since 0.13 takes the next stream for a registration.
        await self._start()
        await self._type(f"/register {self.name} localhost port {self.server.port} tls trust")
        for prompt in ("Enter password:", "Confirm password:"):
            await self._prompt(prompt)
            await self._type(PASSWORD)
        await self._says("Registration successful.")
        await self._quit()

    async def log_in(self) -> None:
        await self._start()
        tls = " tls legacy" if self.direct_tls else " tls force"
        await self._type(f"/connect {self.jid} server 127.0.0.1 port {self.port}{tls}")
        await self._prompt("Enter password:")
        await self._type(PASSWORD)
        if "Use '/tls always'" in await self._says(r"(Use '/tls always'|.* logged in successfully)"):
            await self._says(rf"  Fingerprint +: {self._fingerprint()}")
            await self._type("/tls always")
            await self._says(f"{re.escape(self.jid)}/.* logged in successfully")
        self._logged_in = time.time()
        await self._sync()

    async def log_out(self) -> None:
        await self._quit()

    async def close(self) -> None:
        if self._running:
            self._tmux("kill-server")
        shutil.rmtree(self._home)

    # ---- contacts

    async def add(self, contact: str, name: str) -> None:
        await self._type(f'/roster add {contact} "{name}"')
        self._names[contact] = name
        await self._says(f"Roster item added: {re.escape(contact)}")

    async def roster(self) -> dict[str, str]:
        return {jid: subscription for jid, (subscription, _) in (await self._contacts()).items()}

    async def befriend(self, contact: str) -> None:
        await self._type(f"/sub request {contact}")
        async for _ in self._glances(f"a request to {contact} in the roster"):
            if (await self._contacts()).get(contact, ("none", False)) != ("none", False):
                break

    async def accept(self, contact: str) -> None:
        await self._says(f"Received authorization request from {re.escape(contact)}")
        await self._type(f"/sub allow {contact}")
        await self._says(f"Accepted subscription for {re.escape(contact)}")

    async def sees(self, contact: str, *, online: bool) -> None:
        # Asked for, since profanity tells of comings and goings, but not of who was there before the login.
        async for _ in self._glances(f"{contact} {'online' if online else 'offline'}"):
            if await self._online(contact) is online:
                break

    # ---- chat

    async def send(self, contact: str, body: str) -> None:
        await self._type(f"/msg {contact} {body}")
        await self._wait(lambda: any(line.endswith(f" - me: {body}") for line in self._screen()), body)
        await self._to_console()
        await self._type("/ping")
        await self._says("Ping response from ")

    async def receive(self, sender: str) -> Received:
        name = self._names.get(sender, sender)
        await self._says(f"<< chat message: {re.escape(name)}.* \\(win \\d+\\)")
        await self._type(f"/msg {sender}")
        unread: list[tuple[float, str]] = []

        def found() -> bool:
            lines = [line for line in map(_CHAT_LINE.match, self._screen()) if line is not None]
            unread[:] = [(float(line[1]), line[3]) for line in lines][self._read.get(sender, 0) :]
            return bool(unread)

        await self._wait(found, f"a message from {sender}")
        self._read[sender] = self._read.get(sender, 0) + 1
        await self._to_console()
        when, body = unread[0]
        return Received(sender, body, when < self._logged_in)

    # ---- a room, whose window stays open

    async def enter(self, room: str, nick: str) -> None:
        """Enter a room."""
        await self._type(f"/join {room} nick {nick}")
        await self._shows(f"-> You have joined the room as {re.escape(nick)}, role: participant")

    async def say(self, body: str) -> None:
        """Say something to all in the room."""
        await self._type(body)

    async def hears(self, nick: str, body: str) -> None:
        """Wait until an occupant has said something."""
        await self._shows(re.escape(f"{nick}: {body}"))

    async def sees_occupants(self, *nicks: str) -> None:
        """Wait until these are in the room, and nobody else."""
        wanted = f"{len(nicks)} occupants: {', '.join(nicks)}"
        async for _ in self._glances(wanted):
            asked = len(self._occupants())
            await self._type("/who")
            await self._wait(partial(self._has_answered, asked), "who is there")
            if self._occupants()[-1] == wanted:
                break

    def _has_answered(self, asked: int) -> bool:
        return len(self._occupants()) > asked

    def _occupants(self) -> list[str]:
        return [found[1] for found in map(_OCCUPANTS.match, self._screen()) if found is not None]

    async def _shows(self, pattern: str) -> None:
        match = re.compile(rf"\d\d:\d\d:\d\d [-!] {pattern}").match
        await self._wait(lambda: any(map(match, self._screen())), pattern)

    # ---- the screen

    async def _contacts(self) -> dict[str, tuple[str, bool]]:
        """The roster: subscription, and whether a request was sent."""
        found = [_CONTACT.match(line) for line in await self._answer("/roster")]
        return {item[1]: (item[2], item[3] is not None) for item in found if item is not None}

    async def _online(self, contact: str) -> bool:
        name = self._names.get(contact, contact)
        return any(line.startswith(f"{name} is online") for line in await self._answer("/who online"))

    async def _answer(self, command: str) -> list[str]:
        """What the console says to a command that is answered at once."""
        begin = await self._sync()
        await self._type(command)
        end = await self._sync()
        return self._lines()[begin:end]

    async def _sync(self) -> int:
        """Wait until profanity has done all that was typed; returns how many lines there were until then."""
        self._markers += 1
        await self._type(f"done-{self._markers}")
        await self._says(f"Unknown command: done-{self._markers}$")
        return max(self._used)

    async def _says(self, pattern: str) -> str:
        """Wait for a line of the console that was not waited for before."""
        match = re.compile(pattern).match

        def found() -> bool:
            for number, line in enumerate(self._lines()):
                if number not in self._used and match(line):
                    self._used.add(number)
                    self._said = line
                    return True
            return False

        await self._wait(found, pattern)
        return self._said

    async def _prompt(self, prompt: str) -> None:
        await self._wait(lambda: any(prompt in line for line in self._screen()[-2:]), prompt)

    async def _to_console(self) -> None:
        await self._type("/win 1")
        await self._wait(lambda: self._screen()[0].startswith(" Profanity."), "the console")

    async def _wait(self, happened: Callable[[], bool], what: str) -> None:
        async for _ in self._glances(what):
            if happened():
                break

    async def _glances(self, what: str) -> AsyncIterator[None]:
        """Times to look at the screen, until it is too late."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            yield
            await asyncio.sleep(_GLANCE)
        raise TimeoutError(f"profanity does not show {what!r} but\n" + "\n".join(self._screen()))

    def _lines(self) -> list[str]:
        """What the console says."""
        return [line[1] for line in map(_LINE.match, self._screen()) if line is not None]

    def _screen(self) -> list[str]:
        return [line for line in self._tmux("capture-pane", "-p").splitlines() if line.strip()]

    async def _type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    # ---- the process

    async def _start(self) -> None:
        # A new socket each time: a tmux server that is leaving would still answer on the old one.
        self._starts += 1
        self._running = True
        self._used: set[int] = set()
        self._read: dict[str, int] = {}
        # So high that nothing scrolls away, and so wide that the roster beside does not break lines.
        size = ("-x", "200", "-y", "200")
        self._tmux("new-session", "-d", *size, "profanity; echo ended with $?; exec cat")
        await self._says("Welcome to Profanity")

    async def _quit(self) -> None:
        await self._type("/quit")
        await self._wait(lambda: "ended with 0" in self._screen(), "its end")
        self._tmux("kill-server")
        self._running = False

    def _tmux(self, *command: str) -> str:
        environment = {
            "HOME": str(self._home),
            "XDG_CONFIG_HOME": str(self._home / "config"),
            "XDG_DATA_HOME": str(self._home / "data"),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
        }
        tmux = ("tmux", "-u", "-f", os.devnull, "-S", str(self._home / f"tmux{self._starts}"))
        done = subprocess.run([*tmux, *command], env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    def _fingerprint(self) -> str:
        certificate = ssl.PEM_cert_to_DER_cert(self.server.certificate.read_text())
        return hashlib.sha1(certificate).hexdigest()
