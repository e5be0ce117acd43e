"""Waits for a line of the log."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import Self


class Heard(logging.Handler):
    """Hears, from when it is entered, lines of ``burble.tls`` that contain a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self._event = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._text in record.getMessage():
            self._event.set()

    def __enter__(self) -> Self:
        logging.getLogger("burble.tls").addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.getLogger("burble.tls").removeHandler(self)

    async def wait(self, seconds: float = 5) -> bool:
        """Whether such a line comes within so many seconds."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        return True
