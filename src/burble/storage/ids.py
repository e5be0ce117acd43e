"""Numbers that name rows for ever: unique in a database, in the order in which they were given."""

import time
from random import getrandbits
from typing import Final

# Bits below the microsecond: chance, so that nobody can tell an id from the time.
_CHANCE: Final = 10


class TimeIds:
    """Gives numbers that hold the time: microseconds since 1970, and chance. They fit 63 bits until 2255.

    They always grow, also where the clock is set back, provided that `skip` was told of the newest that is
    stored.
    """

    def __init__(self) -> None:
        #: The newest number given.
        self.last = 0

    def next(self) -> int:
        """A number greater than all before."""
        id = (time.time_ns() // 1000 << _CHANCE) + getrandbits(_CHANCE)
        if id <= self.last:
            id = self.last + 1
        self.last = id
        return id

    def skip(self, id: int) -> None:
        """Give only numbers greater than this one."""
        self.last = max(self.last, id)


def time_of(id: int) -> int:
    """When a number was given, microseconds since 1970."""
    return id >> _CHANCE


def first_id(at: int) -> int:
    """The least number that can be given at a time, microseconds since 1970."""
    return at << _CHANCE
