"""Messages that another server has not confirmed: their sender is not told yet that all is well."""

from __future__ import annotations

from collections.abc import Callable

from burble.stanza import Stanza

__all__ = ["Outstanding"]


class Outstanding:
    """The messages of one session that are on their way to other servers.

    Args:
        number: which of the session's stanzas is being handled.
        emptied: called when nothing is outstanding any more.
    """

    __slots__ = ("_emptied", "_number", "_numbers")

    def __init__(self, number: Callable[[], int], emptied: Callable[[], None]) -> None:
        self._number = number
        self._emptied = emptied
        self._numbers: dict[int, int] = {}

    def add(self, stanza: Stanza) -> None:
        """A message goes to another server; whoever has it keeps that very object until it is confirmed."""
        self._numbers[id(stanza)] = self._number()

    def remove(self, stanza: Stanza) -> None:
        """It is confirmed, or its sender is told that it can't be delivered."""
        if self._numbers.pop(id(stanza), None) is not None and not self._numbers:
            self._emptied()

    @property
    def first(self) -> int | None:
        """The number of the oldest one; None where there is none."""
        return next(iter(self._numbers.values()), None)
