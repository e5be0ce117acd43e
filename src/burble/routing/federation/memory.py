"""What is remembered of other domains: which could be reached from which of ours, and which not."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

from burble.streams.servers.outgoing import StreamRefused

__all__ = ["Reachability"]

_T = TypeVar("_T")
_Pair = tuple[str, str]

# Pairs of domains that are remembered; who addresses more of them makes us forget, not grow.
_MOST: Final = 10_000


class Reachability:
    """Remembers what came of the last attempt of each of our domains to reach another one.

    Of each, since the other side may refuse only one of ours. A pair is our domain and the other one.
    """

    def __init__(self) -> None:
        self._reached = _Newest[None]()
        # When a pair may be tried again, how long the pause was, and why.
        self._failures = _Newest[tuple[float, float, StreamRefused]]()

    def was_reached(self, pair: _Pair) -> bool:
        """Whether the last attempt was a success, ours or the other side's."""
        return pair in self._reached

    def failure(self, pair: _Pair, now: float) -> StreamRefused | None:
        """Why a domain is left in peace for now; None where it is not."""
        found = self._failures.get(pair)
        return found[2] if found is not None and now < found[0] else None

    def failures(self, now: float) -> dict[str, tuple[float, StreamRefused]]:
        """The domains that are left in peace, each with for how long still, seconds, and why."""
        return {
            domain: (until - now, refused)
            for (_, domain), (until, _, refused) in self._failures.items()
            if now < until
        }

    def succeeded(self, pair: _Pair) -> None:
        """A domain has been reached."""
        self._failures.pop(pair, None)
        self._reached.keep(pair, None)

    def failed(
        self, pair: _Pair, refused: StreamRefused, now: float, shortest: float, longest: float
    ) -> float:
        """A domain could not be reached; returns for how long it is left in peace, seconds: ever longer."""
        found = self._failures.get(pair)
        pause = min(found[1] * 2 if found is not None else shortest, longest)
        # Not the exception itself, which keeps all that it came by.
        reason = StreamRefused(refused.condition, refused.text, permanent=refused.permanent)
        self._failures.keep(pair, (now + pause, pause, reason))
        self._reached.pop(pair, None)
        return pause

    def forgive(self, domain: str | None = None) -> None:
        """Try a domain again, or all of them: the settings are others, or somebody knows better."""
        for pair in [pair for pair in self._failures if domain is None or pair[1] == domain]:
            del self._failures[pair]


class _Newest(OrderedDict[_Pair, _T], Generic[_T]):
    """What is known of the domains that were told of last."""

    def keep(self, pair: _Pair, what: _T) -> None:
        self[pair] = what
        self.move_to_end(pair)
        if len(self) > _MOST:
            self.popitem(last=False)
