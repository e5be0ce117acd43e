"""What was sent on a stream between servers and is not confirmed, and what was taken (XEP-0198 §4)."""

from __future__ import annotations

from collections import deque

from burble.errors import StreamError
from burble.namespaces import STANZA_ERRORS, STREAM_MANAGEMENT
from burble.stanza import Iq, Stanza
from burble.xml import Element

__all__ = ["WRAP", "Flow", "count_of", "failed"]

#: Counters on the wire are of 32 bits (§4).
WRAP = 0xFFFFFFFF


class Flow:
    """The counters of one stream; where the stream is resumed, the next one goes on with them.

    Attributes:
        size: how many bytes wait to be confirmed.
        id: names it where it can be resumed (§5).
        managed: both sides count; else what was sent is confirmed by the answers to pings.
        handled: how many stanzas of the peer have been taken.
        confirmed: how many stanzas of ours the peer has taken.
        waiting: those it has not confirmed, oldest first.
    """

    __slots__ = ("confirmed", "handled", "id", "managed", "size", "waiting")

    def __init__(self) -> None:
        self.id = ""
        self.managed = False
        self.handled = 0
        self.confirmed = 0
        self.size = 0
        self.waiting: deque[Stanza] = deque()

    @property
    def sent(self) -> int:
        """How many stanzas were sent."""
        return self.confirmed + len(self.waiting)

    def keep(self, stanza: Stanza) -> None:
        """A stanza is sent: keep it until it is confirmed.

        Where that takes a ping, answers are not kept: nobody would be told that one is lost, and the answer
        to a ping would be asked for by another one.
        """
        if not self.managed and isinstance(stanza, Iq) and stanza.attrs.get("type") in ("result", "error"):
            return
        self.waiting.append(stanza)
        self.size += len(stanza.to_bytes())

    def confirm(self, h: int) -> list[Stanza]:
        """The peer has taken that many stanzas; fewer than it has said before is heard again and no news.

        Returns:
            Those that are confirmed now.

        Raises:
            StreamError: undefined-condition, where it has not been sent as many (§6).
        """
        count = (h - self.confirmed) & WRAP
        waiting = self.waiting
        if count > len(waiting):
            if count > WRAP // 2:
                return []
            sent = self.sent & WRAP
            raise StreamError(
                "undefined-condition",
                f"you acknowledged {h} stanzas, but were sent {sent}",
                ("handled-count-too-high", STREAM_MANAGEMENT, {"h": str(h), "send-count": str(sent)}),
            )
        self.confirmed += count
        taken = [waiting.popleft() for _ in range(count)]
        self.size -= sum(len(stanza.to_bytes()) for stanza in taken)
        return taken

    def give_up(self) -> list[Stanza]:
        """Return what is not confirmed; from now on it is not waited for."""
        lost = list(self.waiting)
        self.confirmed += len(lost)
        self.waiting.clear()
        self.size = 0
        return lost

    def start_counting(self) -> None:
        """Count from now on, both ways (§3): what was sent before is taken for confirmed."""
        self.managed = True
        self.handled = self.confirmed = self.size = 0
        self.waiting.clear()


def count_of(element: Element, attribute: str = "h") -> int | None:
    """The counter in an attribute; None where there is none."""
    text = element.get(attribute) or ""
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > WRAP:
        return None
    return int(text)


def failed(condition: str, h: int | None = None) -> Element:
    """The ``<failed/>`` of XEP-0198 §3 and §5; it may say how many stanzas were taken before."""
    attrs = None if h is None else {"h": str(h & WRAP)}
    return Element("failed", STREAM_MANAGEMENT, attrs, Element(condition, STANZA_ERRORS))
