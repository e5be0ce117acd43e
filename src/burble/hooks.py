"""Typed events: what happens in the server, told to whoever asked to hear of it.

An event is an instance of a subclass of `Event`. A handler is a plain function or a coroutine function;
plain ones run inline, and nothing is scheduled unless a handler returns an awaitable.
"""

from __future__ import annotations

import logging
from bisect import insort
from collections.abc import Awaitable, Callable, Container, Sequence
from typing import Any, NamedTuple, TypeVar

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
        #: The handlers of each kind that has any, in order.
        self.calls: dict[type[Event], tuple[_Entry, ...]] = {}
        #: What they want to hear of: lets the hot path leave out making an event that nobody hears.
        self.audiences: dict[type[Event], Audience] = {}

    def on(
        self,
        kind: type[E],
        handler: Handler[E],
        priority: int = 0,
        users: Container[str] | None = None,
        stanzas: Callable[[Any], bool] | None = None,
    ) -> Callable[[], None]:
        """Call a handler for each event of a kind.

        Args:
            kind: the class of the events; not its subclasses.
            handler: may raise `StanzaError` where the event is about a stanza, to refuse it.
            priority: higher ones are called earlier; equal ones in the order they came.
            users: of events told for each stanza (`StanzaSent`, `StanzaReceived`), the accounts about which
                it wants to hear, by localpart: a set that may change.
            stanzas: of these events, tells whether it wants to hear of a stanza, whoever it is about. Where
                neither is given it hears of all.

        Returns:
            A function that takes the handler off again.
        """
        if stanzas is not None and users is None:
            users = ()
        entry = _Entry(-priority, handler, users, stanzas)
        entries = self._handlers.setdefault(kind, [])
        insort(entries, entry, key=lambda each: each.order)
        self._note(kind, entries)

        def off() -> None:
            entries.remove(entry)
            self._note(kind, entries)

        return off

    def _note(self, kind: type[Event], entries: list[_Entry]) -> None:
        if entries:
            self.calls[kind] = tuple(entries)
            self.audiences[kind] = Audience(entries)
        else:
            del self.calls[kind], self.audiences[kind]

    def wanted(self, kind: type[Event]) -> bool:
        """Whether anybody would hear of events of a kind."""
        return kind in self.calls

    def emit(self, event: Event, user: str = "", stanza: Any = None) -> Awaitable[None] | None:
        """Call the handlers of an event, in order.

        Args:
            event: what happened.
            user: the account it is about, and
            stanza: the stanza, for handlers that want to hear of some only.

        Returns:
            None when all is done, or what to await for it.

        Raises:
            StanzaError, StreamError: a handler refused. Any other error of a handler is logged,
                and the next is called.
        """
        done = 0
        calls = self.calls.get(type(event), ())
        for _, call, users, stanzas in calls:
            done += 1
            if users is not None and user not in users and (stanzas is None or not stanzas(stanza)):
                continue
            try:
                waiting = call(event)
            except (StanzaError, StreamError):
                raise
            except Exception:
                _log.exception("%s failed for %s", _name(call), type(event).__name__)
                continue
            if waiting is not None:
                rest = [each.handler for each in calls[done:] if each.wants(user, stanza)]
                return _finish(event, waiting, call, rest)
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


class _Entry(NamedTuple):
    """A handler, and what it wants to hear of: all where `users` is None."""

    order: int
    handler: Handler[Any]
    users: Container[str] | None
    stanzas: Callable[[Any], bool] | None

    def wants(self, user: str, stanza: Any) -> bool:
        if self.users is None or user in self.users:
            return True
        return self.stanzas is not None and self.stanzas(stanza)


class Audience:
    """What the handlers of a kind of event want to hear of, taken together."""

    __slots__ = ("_all", "_stanzas", "_users")

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self._all = any(each.users is None for each in entries)
        self._users = [each.users for each in entries if each.users is not None and each.users != ()]
        self._stanzas = [each.stanzas for each in entries if each.stanzas is not None]

    def wants(self, user: str, stanza: Any) -> bool:
        """Whether any of them wants to hear of a stanza that is about an account, as their sets are now."""
        if self._all:
            return True
        for users in self._users:
            if user in users:
                return True
        return any(wants(stanza) for wants in self._stanzas) if self._stanzas else False


def _name(call: Handler[Any]) -> str:
    return getattr(call, "__qualname__", repr(call))
