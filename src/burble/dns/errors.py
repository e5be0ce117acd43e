"""What can go wrong with the DNS, in words for the sender of a stanza and for the log."""

from __future__ import annotations

from typing import ClassVar

__all__ = ["DnsError", "DnsFailure", "DomainUnreachable"]


class DnsError(Exception):
    """The DNS does not tell where a domain is; the text says why.

    Attributes:
        condition: the stanza error for what was to go there (RFC 6120 §8.3.3).
        temporary: another answer may come later.
    """

    condition: ClassVar[str]
    temporary: ClassVar[bool]


class DomainUnreachable(DnsError):
    """There is no such domain, or it says that it does not offer XMPP (RFC 6120 §8.3.3.15)."""

    condition = "remote-server-not-found"
    temporary = False


class DnsFailure(DnsError):
    """No name server gave a usable answer in time (RFC 6120 §8.3.3.16)."""

    condition = "remote-server-timeout"
    temporary = True
