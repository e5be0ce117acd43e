"""What is remembered of other domains: which could be reached, and which not."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

from burble.streams.servers.outgoing import StreamRefused

__all__ = ["Reachability"]

_T = TypeVar("_T")

# Domains that are remembered; who addresses more of them makes us forget, not grow.
_MOST: Final = 10_000


class Reachability:
    """Remembers what came of the last attempt to reach each domain."""

    def __init__(self) -> None:
        self._reached = _Newest[None]()
        # When a domain may be tried again, how long the pause was, and why.
        self._failures = _Newest[tuple[float, float, StreamRefused]]()

    def was_reached(self, domain: str) -> bool:
        """Whether the last attempt was a success, ours or the other side's."""
        return domain in self._reached

    def failure(self, domain: str, now: float) -> StreamRefused | None:
        """Why a domain is left in peace for now; None where it is not."""
        found = self._failures.get(domain)
        return found[2] if found is not None and now < found[0] else None

    def failures(self, now: float) -> dict[str, tuple[float, StreamRefused]]:
        """The domains that are left in peace, each with for how long still, seconds, and why."""
        return {
            domain: (until - now, refused)
            for domain, (until, _, refused) in self._failures.items()
            if now < until
        }

    def succeeded(self, domain: str) -> None:
        """A domain has been reached."""
        self._failures.pop(domain, None)
        self._reached.keep(domain, None)

    def failed(
        self, domain: str, refused: StreamRefused, now: float, shortest: float, longest: float
    ) -> float:
        """A domain could not be reached; returns for how long it is left in peace, seconds: ever longer."""
        found = self._failures.get(domain)
        pause = min(found[1] * 2 if found is not None else shortest, longest)
        self._failures.keep(domain, (now + pause, pause, refused))
        self._reached.pop(domain, None)
        return pause

    def forgive(self, domain: str | None = None) -> None:
        """Try a domain again, or all of them: the settings are others, or somebody knows better."""
        if domain is None:
            self._failures.clear()
        else:
            self._failures.pop(domain, None)


class _Newest(OrderedDict[str, _T], Generic[_T]):
    """What is known of the domains that were told of last."""

    def keep(self, domain: str, what: _T) -> None:
        self[domain] = what
        self.move_to_end(domain)
        if len(self) > _MOST:
            self.popitem(last=False)
