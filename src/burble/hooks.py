"""Typed events: what happens in the server, told to whoever asked to hear of it.

An event is an instance of a subclass of `Event`. A handler is a plain function or a coroutine function;
plain ones run inline, and nothing is scheduled unless a handler returns an awaitable.
"""

from __future__ import annotations

import logging
from bisect import insort
from collections.abc import Awaitable, Callable, Container, Sequence
from typing import Any, TypeVar

from burble.errors import StanzaError, StreamError

_log = logging.getLogger("burble.hooks")

E = TypeVar("E", bound="Event")
Handler = Callable[[E], Awaitable[None] | None]


class Event:
    """Something that happened, or is about to.

    Attributes:
        stopped: a handler has dealt with it: no other is asked, and what would follow is left out.
    """

    __slots__ = ("stopped",)

    def __init__(self) -> None:
        self.stopped = False

    def stop(self) -> None:
        """Say that the event has been dealt with."""
        self.stopped = True


class Hooks:
    """Who wants to hear of which events."""

    def __init__(self) -> None:
        self._handlers: dict[type[Event], list[_Entry]] = {}
        #: The handlers of each kind that has any: lets the hot path leave out making an event nobody hears.
        self.calls: dict[type[Event], tuple[Handler[Any], ...]] = {}
        #: About whom anybody wants to hear events of a kind, for each kind that has handlers.
        self.users: dict[type[Event], Container[str]] = {}

    def on(
        self, kind: type[E], handler: Handler[E], priority: int = 0, users: Container[str] | None = None
    ) -> Callable[[], None]:
        """Call a handler for each event of a kind.

        Args:
            kind: the class of the events; not its subclasses.
            handler: may raise `StanzaError` where the event is about a stanza, to refuse it.
            priority: higher ones are called earlier; equal ones in the order they came.
            users: of events told for each stanza (`StanzaSent`, `StanzaReceived`), the accounts about which
                it must hear, by localpart: a set that may change. It may hear of others all the same, where
                another handler wants to. None is all.

        Returns:
            A function that takes the handler off again.
        """
        entry = _Entry(priority, handler, users)
        entries = self._handlers.setdefault(kind, [])
        insort(entries, entry, key=lambda e: -e.priority)
        self._note(kind, entries)

        def off() -> None:
            entries.remove(entry)
            self._note(kind, entries)

        return off

    def _note(self, kind: type[Event], entries: list[_Entry]) -> None:
        if entries:
            self.calls[kind] = tuple(e.handler for e in entries)
            users = [e.users for e in entries]
            everybody = next((each for each in users if isinstance(each, _All)), None)
            self.users[kind] = everybody or (users[0] if len(users) == 1 else _Union(users))
        else:
            del self.calls[kind], self.users[kind]

    def wanted(self, kind: type[Event]) -> bool:
        """Whether anybody would hear of events of a kind."""
        return kind in self.calls

    def emit(self, event: Event) -> Awaitable[None] | None:
        """Call the handlers of an event, in order.

        Returns:
            None when all is done, or what to await for it.

        Raises:
            StanzaError, StreamError: a handler refused. Any other error of a handler is logged,
                and the next is called.
        """
        done = 0
        calls = self.calls.get(type(event), ())
        for call in calls:
            done += 1
            try:
                waiting = call(event)
            except (StanzaError, StreamError):
                raise
            except Exception:
                _log.exception("%s failed for %s", _name(call), type(event).__name__)
                continue
            if waiting is not None:
                return _finish(event, waiting, call, calls[done:])
            if event.stopped:
                return None
        return None


async def _finish(
    event: Event, waiting: Awaitable[None], call: Handler[Any], rest: Sequence[Handler[Any]]
) -> None:
    """Wait for the first handler that is not done at once, then call and wait for the rest."""
    while True:
        try:
            await waiting
        except (StanzaError, StreamError):
            raise
        except Exception:
            _log.exception("%s failed for %s", _name(call), type(event).__name__)
        if event.stopped or not rest:
            return
        call, *rest = rest
        waiting = _called(call, event)


async def _called(call: Handler[Any], event: Event) -> None:
    waiting = call(event)
    if waiting is not None:
        await waiting


class _All:
    """Every account."""

    def __contains__(self, user: object) -> bool:
        return True


class _Union:
    """The accounts that are in any of several sets."""

    def __init__(self, parts: list[Container[str]]) -> None:
        self._parts = parts

    def __contains__(self, user: object) -> bool:
        return any(user in part for part in self._parts)


class _Entry:
    __slots__ = ("handler", "priority", "users")

    def __init__(self, priority: int, handler: Handler[Any], users: Container[str] | None) -> None:
        self.priority = priority
        self.handler = handler
        self.users: Container[str] = _All() if users is None else users


def _name(call: Handler[Any]) -> str:
    return getattr(call, "__qualname__", repr(call))
