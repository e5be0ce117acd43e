"""Errors that XMPP has words for: raised anywhere, answered in one place.

A handler raises `StanzaError` and the sender gets a stanza of type ``error`` (RFC 6120 §8.3);
a stream raises `StreamError` and the peer gets a ``<stream:error/>`` before the stream closes (§4.9).
"""

from __future__ import annotations

from typing import Final, Literal

ErrorType = Literal["auth", "cancel", "continue", "modify", "wait"]

#: Each stanza error condition of RFC 6120 §8.3.3 with the type it usually has and its XEP-0086 code.
STANZA_CONDITIONS: Final[dict[str, tuple[ErrorType, int]]] = {
    "bad-request": ("modify", 400),
    "conflict": ("cancel", 409),
    "feature-not-implemented": ("cancel", 501),
    "forbidden": ("auth", 403),
    "gone": ("cancel", 302),
    "internal-server-error": ("cancel", 500),
    "item-not-found": ("cancel", 404),
    "jid-malformed": ("modify", 400),
    "not-acceptable": ("modify", 406),
    "not-allowed": ("cancel", 405),
    "not-authorized": ("auth", 401),
    "policy-violation": ("modify", 405),
    "recipient-unavailable": ("wait", 404),
    "redirect": ("modify", 302),
    "registration-required": ("auth", 407),
    "remote-server-not-found": ("cancel", 404),
    "remote-server-timeout": ("wait", 504),
    "resource-constraint": ("wait", 500),
    "service-unavailable": ("cancel", 503),
    "subscription-required": ("auth", 407),
    "undefined-condition": ("cancel", 500),
    "unexpected-request": ("wait", 400),
}

#: The stream error conditions of RFC 6120 §4.9.3.
STREAM_CONDITIONS: Final = frozenset(
    {
        "bad-format",
        "bad-namespace-prefix",
        "conflict",
        "connection-timeout",
        "host-gone",
        "host-unknown",
        "improper-addressing",
        "internal-server-error",
        "invalid-from",
        "invalid-namespace",
        "invalid-xml",
        "not-authorized",
        "not-well-formed",
        "policy-violation",
        "remote-connection-failed",
        "reset",
        "resource-constraint",
        "restricted-xml",
        "see-other-host",
        "system-shutdown",
        "undefined-condition",
        "unsupported-encoding",
        "unsupported-feature",
        "unsupported-stanza-type",
        "unsupported-version",
    }
)


class StanzaError(Exception):
    """A stanza can't be handled; its sender gets the condition (RFC 6120 §8.3).

    Args:
        condition: one of `STANZA_CONDITIONS`.
        text: what a person should read; English.
        type: the error type, where it is not the condition's usual one.
        extra: name and namespace of an application-specific condition (§8.3.4).
    """

    def __init__(
        self,
        condition: str,
        text: str | None = None,
        type: ErrorType | None = None,
        extra: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(condition, text)
        self.condition = condition
        self.text = text
        self.type: ErrorType = type or STANZA_CONDITIONS[condition][0]
        self.extra = extra

    @property
    def code(self) -> int:
        """The number that XEP-0086 gives the condition."""
        return STANZA_CONDITIONS[self.condition][1]

    def __str__(self) -> str:
        return f"{self.condition}: {self.text}" if self.text else self.condition


class StreamError(Exception):
    """A stream can't go on; the peer gets the condition and the stream is closed (RFC 6120 §4.9).

    Args:
        condition: one of `STREAM_CONDITIONS`.
        text: what a person should read; English.
        extra: name, namespace and attributes of an application-specific condition (§4.9.4).
    """

    def __init__(
        self,
        condition: str,
        text: str | None = None,
        extra: tuple[str, str, dict[str, str]] | None = None,
    ) -> None:
        super().__init__(condition, text)
        self.condition = condition
        self.text = text
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.condition}: {self.text}" if self.text else self.condition
