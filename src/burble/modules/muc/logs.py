"""Logs of rooms on disk: a day a file, in a directory for each room, as HTML or plain text.

What is written is put together at once and written by a thread, so that a slow disk holds up nobody.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from burble.modules.muc.room import Occupant, Room, Spoken
from burble.namespaces import CLIENT, MUC_USER
from burble.stanza import Presence, Stanza
from burble.xml import Element

__all__ = ["Line", "RoomLogs", "Watch", "directory_name"]

_log = logging.getLogger("burble.muc")

#: Seconds between something being said and its being written.
_DELAY: Final = 0.5
#: A file's name may have 255 bytes.
_LONGEST: Final = 150

_DEEDS: Final = {
    "301": "was banned",
    "307": "was kicked",
    "321": "is no member any more",
    "322": "left, because the room is for members only now",
    "332": "left, because the service stopped",
    "333": "was lost",
}

_PAGE: Final = """\
<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ font-family: sans-serif; max-width: 60em; margin: 1em auto }}
time {{ color: #777 }} .deed {{ color: #777; font-style: italic }} p {{ margin: .2em 0 }}</style></head>
<body><h1>{title}</h1>
"""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened in a room.

    Attributes:
        nick: who did it; empty for the room.
        text: what was said, or what was done.
        said: whether it was said.
    """

    nick: str
    text: str
    said: bool = False

    def as_text(self, at: datetime) -> str:
        """The line in a text file; what has several lines is indented, so that nobody can forge one."""
        text = "\n    ".join(self.text.splitlines())
        if self.said and text.startswith("/me "):
            shown = f"* {self.nick} {text[4:]}"
        elif self.said:
            shown = f"<{self.nick}> {text}"
        else:
            shown = f"*** {self.nick} {text}" if self.nick else f"*** {text}"
        return f"[{at:%H:%M:%S}] {shown}\n"

    def as_html(self, at: datetime) -> str:
        """The line on a page."""
        nick = html.escape(self.nick)
        text = "<br>".join(html.escape(self.text).splitlines())
        time = f"<time>{at:%H:%M:%S}</time>"
        if self.said and self.text.startswith("/me "):
            return f"<p>{time} * <b>{nick}</b> {text[4:]}</p>\n"
        if self.said:
            return f"<p>{time} <b>{nick}:</b> {text}</p>\n"
        return f'<p class="deed">{time} {nick} {text}</p>\n'


class Watch:
    """Finds out what a job changes in a room, for its log.

    Args:
        room: the room, before the job.
    """

    __slots__ = ("_before", "_config")

    def __init__(self, room: Room) -> None:
        self._before = dict(room.occupants)
        self._config = room.config

    def lines(self, room: Room, out: list[Stanza]) -> list[Line]:
        """What happened: to be asked before what is unsaved is stored.

        Args:
            room: the room, after the job.
            out: what is to be sent.
        """
        found = list(self._occupants(room, out))
        for part, what in room.unsaved:
            if isinstance(what, Spoken):
                text = what.message.body
                if text is not None and what.message.from_ is not None:
                    found.append(Line(what.message.from_.resource, text, said=True))
            elif part == "subject" and room.subject is not None and room.subject.from_ is not None:
                subject = room.subject.child_text("subject", CLIENT, "")
                found.append(Line(room.subject.from_.resource, f"has set the subject to: {subject}"))
        if room.config is not self._config:
            found.append(Line("", "The room was configured"))
        if room.destroyed:
            found.append(Line("", "The room was destroyed"))
        return found

    def _occupants(self, room: Room, out: list[Stanza]) -> Iterator[Line]:
        before, after = self._before, room.occupants
        if before.keys() == after.keys():
            return
        old_nicks = {id(occupant): nick for nick, occupant in before.items()}
        renamed: set[str] = set()
        for nick, occupant in after.items():
            if nick in before:
                continue
            old = old_nicks.get(id(occupant))
            if old is None:
                yield Line(nick, "entered")
            else:
                renamed.add(old)
                yield Line(old, f"is now known as {nick}")
        for nick, occupant in before.items():
            if nick not in after and nick not in renamed:
                yield Line(nick, _deed(occupant, out))


def _deed(occupant: Occupant, out: list[Stanza]) -> str:
    """What became of somebody who is gone, by what the others are told."""
    for stanza in out:
        if not (isinstance(stanza, Presence) and stanza.type == "unavailable"):
            continue
        x = stanza.child("x", MUC_USER) if stanza.from_ == occupant.address else None
        if x is None:
            continue
        deed = next((_DEEDS[code] for code in _codes(x) if code in _DEEDS), "left")
        reason = _reason(x) or stanza.status
        return f"{deed}: {reason}" if reason else deed
    return "left"


def _codes(x: Element) -> Iterator[str]:
    for status in x.elements("status", MUC_USER):
        yield status.get("code") or ""


def _reason(x: Element) -> str:
    item = x.child("item", MUC_USER)
    return "" if item is None else item.child_text("reason", MUC_USER, "") or ""


class RoomLogs:
    """The logs of a service's rooms.

    Args:
        directory: where they are; made where it is not there.
        format: what is written.
    """

    def __init__(self, directory: Path, format: Literal["html", "text"]) -> None:
        self._directory = directory
        self._html = format == "html"
        self._waiting: dict[Path, tuple[str, list[str]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    def write(self, room: Room, lines: list[Line], now: float) -> None:
        """Have lines written soon.

        Args:
            room: the room.
            lines: what happened.
            now: when, seconds since the epoch.
        """
        if not lines:
            return
        at = datetime.fromtimestamp(now, UTC)
        day = f"{at:%Y-%m-%d}.{'html' if self._html else 'txt'}"
        path = self._directory / directory_name(room.jid.local) / day
        title = room.config.name or str(room.jid)
        _, texts = self._waiting.setdefault(path, (title, []))
        texts += [line.as_html(at) if self._html else line.as_text(at) for line in lines]
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Write what waits."""
        self._hurry.set()
        if self._task is not None:
            await self._task

    async def _work(self) -> None:
        """Write until nothing waits; one thread at a time, because a page is begun once."""
        while self._waiting:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), _DELAY)
            waiting, self._waiting = self._waiting, {}
            await asyncio.to_thread(self._write_all, waiting)
        self._task = None

    def _write_all(self, waiting: dict[Path, tuple[str, list[str]]]) -> None:
        for path, (title, texts) in waiting.items():
            try:
                self._append(path, title, "".join(texts))
            except OSError as error:
                _log.error("the log %s can't be written: %s", path, error)

    def _append(self, path: Path, title: str, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        begins = self._html and not path.exists()
        if begins:
            days = sorted(page.name for page in path.parent.glob("????-??-??.html"))
            text = _top(title, path.name, days[-1] if days else "") + text
            if days:
                # A page needs no end, so a link to the next can follow when there is one.
                with (path.parent / days[-1]).open("a", encoding="utf-8") as page:
                    page.write(f"<nav>{_link(path.name)} &rarr;</nav>\n")
            _write_index(path.parent, title, [*days, path.name])
        with path.open("a", encoding="utf-8") as page:
            page.write(text)


def directory_name(local: str) -> str:
    """The name of the directory of a room, which can't lead elsewhere whatever the room is called."""
    name = quote(local, safe="").replace(".", "%2E")
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}~{hashlib.sha256(local.encode()).hexdigest()[:16]}"
    return name


def _top(title: str, page: str, last: str) -> str:
    back = f"&larr; {_link(last)} | " if last else ""
    head = _PAGE.format(title=html.escape(f"{title}, {Path(page).stem}"))
    return f'{head}<nav>{back}<a href="index.html">all days</a> | times in UTC</nav>\n'


def _link(page: str) -> str:
    return f'<a href="{page}">{Path(page).stem}</a>'


def _write_index(directory: Path, title: str, days: list[str]) -> None:
    entries = "".join(f"<li>{_link(day)}</li>\n" for day in reversed(days))
    text = f"{_PAGE.format(title=html.escape(title))}<ul>\n{entries}</ul>\n"
    (directory / "index.html").write_text(text, encoding="utf-8")
