"""Reports of spam and abuse, for those who run the server (XEP-0377): with a block, or from other servers."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from burble.jid import JID, JIDError
from burble.namespaces import (
    BLOCKING,
    CLIENT,
    JID_ELEMENT,
    REPORT_ABUSE,
    REPORT_SPAM,
    REPORTING,
    STANZA_ID,
)
from burble.routing.hosts import Host
from burble.stanza import Message
from burble.xml import Element

__all__ = ["Report", "Reporter", "forwarded_report", "read_reports"]

_log = logging.getLogger("burble.reports")

_REASONS: Final = {REPORT_SPAM: "spam", REPORT_ABUSE: "abuse"}
_LONGEST_TEXT: Final = 3000
_MOST_IDS: Final = 100
_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Report:
    """Why somebody was blocked.

    Attributes:
        jid: who was.
        reason: ``spam`` or ``abuse``.
        text: what the user says about it, or "".
        ids: of the messages that it is about, and whose ids they are (XEP-0359).
        element: the report itself.
    """

    jid: JID
    reason: str
    text: str
    ids: tuple[tuple[str, str], ...]
    element: Element

    @property
    def may_be_forwarded(self) -> bool:
        """Whether the user agrees that the server of whoever was blocked hears of it (§4.2)."""
        return self.element.child("report-origin", REPORTING) is not None

    @property
    def summary(self) -> str:
        """It in words, without what only the user's own server understands."""
        said = f"{self.jid} for {self.reason}"
        return f"{said}: {self.text}" if self.text else said

    def __str__(self) -> str:
        said = self.summary
        if self.ids:
            said += f" (messages {', '.join(f'{id_} of {by}' for id_, by in self.ids)})"
        return said


def read_reports(block: Element) -> Iterator[Report]:
    """The reports in a ``<block/>``; one that is not as §4 says is left out, and its block counts."""
    for item in block.elements("item", BLOCKING):
        element = item.child("report", REPORTING)
        report = None if element is None else _read(element, item.get("jid"))
        if report is not None:
            yield report


def forwarded_report(message: Message) -> Report | None:
    """The report that another server forwards in a message: in it stands who was reported."""
    element = message.child("report", REPORTING)
    return None if element is None else _read(element, element.child_text("jid", JID_ELEMENT))


def _read(element: Element, address: str | None) -> Report | None:
    reason = _REASONS.get(element.get("reason") or "")
    if reason is None:
        return None
    try:
        jid = JID.parse(address or "")
    except JIDError:
        return None
    text = " ".join((element.child_text("text", REPORTING) or "").split())[:_LONGEST_TEXT]
    ids = [(id_.get("id") or "", id_.get("by") or "") for id_ in element.elements("stanza-id", STANZA_ID)]
    return Report(jid, reason, text, tuple(ids[:_MOST_IDS]), element)


class Reporter:
    """Hands reports to the administrators of a host, and logs them.

    Args:
        host: the host.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        # When each account and each other server made its reports of the last hour.
        self._recent: dict[JID, list[float]] = {}

    async def report(self, reporter: JID, reports: Iterable[Report], most: int) -> list[Report]:
        """Hand on the reports of an account or another server.

        Args:
            reporter: its bare JID, or the server's domain.
            reports: the reports.
            most: how many may be handed on in an hour; of the others only the log hears.

        Returns:
            Those that were handed on.
        """
        now = time.monotonic()
        for each, times in list(self._recent.items()):
            if times[-1] <= now - _HOUR:
                del self._recent[each]
            else:
                times[:] = [at for at in times if at > now - _HOUR]
        told = []
        for report in reports:
            _log.info("%s reports %s", reporter, report)
            if len(self._recent.get(reporter, ())) < most:
                self._recent.setdefault(reporter, []).append(now)
                await self._tell(reporter, report)
                told.append(report)
        return told

    async def _tell(self, reporter: JID, report: Report) -> None:
        for admin in sorted({*self._host.settings.admins, *self._host.added_admins}):
            message = Message(JID.parse(admin), self._host.jid, {"type": "normal"})
            message.add("subject", CLIENT, text=f"{report.jid} was reported for {report.reason}")
            message.add("body", CLIENT, text=f"{reporter} reports {report}")
            message.append(report.element)
            waiting = self._host.router.route(message)
            if waiting is not None:
                await waiting
