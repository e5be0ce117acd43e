"""Answers of others, remembered for a while."""

import time
from collections import OrderedDict
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MAX_REMEMBERED: Final = 10_000
"""Accounts of which something is remembered."""


class Remembered(Generic[T]):
    """What was learned of accounts, each for the same time.

    Args:
        seconds: for how long; 0 remembers nothing.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # The oldest first.
        self._values: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def get(self, user: str) -> T | None:
        """What was learned of an account, or None where that is too long ago."""
        if user not in self._values:
            return None
        until, value = self._values[user]
        return value if time.monotonic() < until else None

    def put(self, user: str, value: T) -> None:
        """Remember something of an account, from now on."""
        if not self._seconds:
            return
        self._values[user] = time.monotonic() + self._seconds, value
        self._values.move_to_end(user)
        if len(self._values) > MAX_REMEMBERED:
            self._values.popitem(last=False)

    def forget(self, user: str) -> None:
        """Ask anew the next time."""
        self._values.pop(user, None)

    def clear(self) -> None:
        """Ask anew whoever it is about."""
        self._values.clear()
