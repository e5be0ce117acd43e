"""Reports of spam and abuse that come with a block, for those who run the server (XEP-0377)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from burble.jid import JID, JIDError
from burble.namespaces import BLOCKING, CLIENT, REPORT_ABUSE, REPORT_SPAM, REPORTING, STANZA_ID
from burble.routing.hosts import Host
from burble.stanza import Message
from burble.xml import Element

__all__ = ["Report", "Reporter", "read_reports"]

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

    def __str__(self) -> str:
        said = f"{self.jid} for {self.reason}"
        if self.text:
            said += f": {self.text}"
        if self.ids:
            said += f" (messages {', '.join(f'{id_} of {by}' for id_, by in self.ids)})"
        return said


def read_reports(block: Element) -> Iterator[Report]:
    """The reports in a ``<block/>``; one that is not as §4 says is left out, and its block counts."""
    for item in block.elements("item", BLOCKING):
        element = item.child("report", REPORTING)
        reason = _REASONS.get(element.get("reason") or "") if element is not None else None
        if element is None or reason is None:
            continue
        try:
            jid = JID.parse(item.get("jid") or "")
        except JIDError:
            continue
        text = " ".join((element.child_text("text", REPORTING) or "").split())[:_LONGEST_TEXT]
        ids = [(id_.get("id") or "", id_.get("by") or "") for id_ in element.elements("stanza-id", STANZA_ID)]
        yield Report(jid, reason, text, tuple(ids[:_MOST_IDS]), element)


class Reporter:
    """Hands reports to the administrators of a host, and logs them.

    Args:
        host: the host.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        # When each account made its reports of the last hour.
        self._recent: dict[str, list[float]] = {}

    async def report(self, user: str, reports: Iterable[Report], most: int) -> None:
        """Hand on an account's reports; after so many in an hour only the log has them."""
        now = time.monotonic()
        for each, times in list(self._recent.items()):
            if times[-1] <= now - _HOUR:
                del self._recent[each]
            else:
                times[:] = [at for at in times if at > now - _HOUR]
        reporter = JID.build(user, self._host.name)
        for report in reports:
            _log.info("%s reports %s", reporter, report)
            if len(self._recent.get(user, ())) < most:
                self._recent.setdefault(user, []).append(now)
                await self._tell(reporter, report)

    async def _tell(self, reporter: JID, report: Report) -> None:
        for admin in sorted({*self._host.settings.admins, *self._host.added_admins}):
            message = Message(JID.parse(admin), self._host.jid, {"type": "normal"})
            message.add("subject", CLIENT, text=f"{report.jid} was reported for {report.reason}")
            message.add("body", CLIENT, text=f"{reporter} reports {report}")
            message.append(report.element)
            waiting = self._host.router.route(message)
            if waiting is not None:
                await waiting
