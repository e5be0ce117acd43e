"""What a test is about, so that a table can be made of what came out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

#: What other servers do differently from what a service asks for: service, server that it is asked of, why.
DEVIATIONS = {
    ("unsubscription: end of presence", "prosody"): (
        "Prosody does not send who unsubscribes the end of the contact's presence (RFC 6121 §3.3.3)"
    ),
}

Test = TypeVar("Test", bound=Callable[..., object])


def service(name: str) -> Callable[[Test], Test]:
    """Name the row of the table that a test belongs to."""
    return pytest.mark.service(name)
