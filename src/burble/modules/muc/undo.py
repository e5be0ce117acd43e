"""Put a room back as it was, where what a rule changed could not be stored."""

from __future__ import annotations

from collections import deque
from typing import Any

from burble.modules.muc.room import Occupant, Room, Spoken

_OCCUPANT = ("nick", "address", "account", "role", "id")


class Before:
    """What a room is like now.

    It costs a copy of each collection the room has, so it is taken only where something may be stored.

    Args:
        room: the room.
    """

    __slots__ = ("_occupants", "_room", "_said", "_state")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._state: dict[str, Any] = {name: _copied(value) for name, value in vars(room).items()}
        self._occupants: list[tuple[Occupant, tuple[Any, ...], dict[Any, Any]]] = [
            (occupant, tuple(getattr(occupant, name) for name in _OCCUPANT), dict(occupant.sessions))
            for occupant in room.occupants.values()
        ]
        self._said: list[tuple[Spoken, Any]] = [(spoken, spoken.message) for spoken in room.history]

    def restore(self) -> None:
        """Make the room as it was; what it noted as unsaved is forgotten."""
        vars(self._room).update(self._state)
        self._room.unsaved = []
        for occupant, values, sessions in self._occupants:
            for name, value in zip(_OCCUPANT, values, strict=True):
                setattr(occupant, name, value)
            occupant.sessions = sessions
            occupant.shown.clear()
        for spoken, message in self._said:
            spoken.message = message


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, dict | list | set | deque) else value
