"""What a test is about, so that a table can be made of what came out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., object])


def service(name: str) -> Callable[[Test], Test]:
    """Name the row of the table that a test belongs to."""
    return pytest.mark.service(name)
