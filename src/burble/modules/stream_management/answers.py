"""Tells a client which of its stanzas are taken care of (XEP-0198 §4)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from burble.routing.outstanding import Outstanding

if TYPE_CHECKING:
    from burble.modules.stream_management.managed import ManagedSession
    from burble.storage.batch import Batcher

__all__ = ["Answers"]


class Answers:
    """Acknowledges a client's stanzas: those that are committed, or confirmed by other servers.

    Args:
        managed: the session's.
        batch: knows what is committed.

    Attributes:
        outstanding: messages that other servers have not confirmed.
    """

    __slots__ = ("_again", "_answering", "_batch", "_managed", "_owes", "outstanding")

    def __init__(self, managed: ManagedSession, batch: Batcher) -> None:
        self._managed = managed
        self._batch = batch
        self._answering = False
        self._again: tuple[int, int] | None = None
        self._owes = False  # an answer that tells of more, once other servers have confirmed it
        self.outstanding = Outstanding(lambda: managed.handled, self._confirmed)

    def asked(self) -> None:
        """Tell the client how many of its stanzas have been handled, once all they caused is committed.

        What is asked while an answer waits for its commit is answered together.
        """
        handled, first = self._managed.handled, self.outstanding.first
        if first is not None:
            self._owes = True
            handled = min(handled, first - 1)
        ticket = self._batch.unsettled
        if self._answering:
            self._again = (ticket, handled)
        elif ticket:
            self._answering = True
            self._batch.when_committed(ticket, partial(self._committed, handled))
        else:
            self._managed.acknowledge(handled)

    def _committed(self, handled: int, error: Exception | None) -> None:
        # Whose row could not be committed has told the sender so by now.
        self._managed.acknowledge(handled)
        again, self._again = self._again, None
        if again is None:
            self._answering = False
        else:
            ticket, handled = again
            self._batch.when_committed(ticket, partial(self._committed, handled))

    def _confirmed(self) -> None:
        """Other servers have confirmed all: tell what was left out."""
        if self._owes:
            self._owes = False
            self.asked()
