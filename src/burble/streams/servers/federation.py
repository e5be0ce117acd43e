"""What the streams between servers ask of the S2S manager."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from burble.errors import StanzaError
from burble.stanza import Stanza
from burble.streams.parser import ParserLimits
from burble.streams.servers.flow import Flow

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from burble.streams.servers.base import ServerStream

__all__ = ["Federation", "Policy"]


class Policy(Protocol):
    """What is demanded of the streams to and from a domain."""

    @property
    def tls(self) -> bool:
        """Streams must be encrypted."""

    @property
    def certificate(self) -> bool:
        """Only a certificate proves the domain."""

    @property
    def dialback(self) -> bool:
        """Dialback may prove it."""


class Federation(Protocol):
    """What the streams between servers ask of the S2S manager."""

    @property
    def limits(self) -> ParserLimits:
        """What another server may send that has proved a domain."""

    @property
    def limits_before(self) -> ParserLimits:
        """What it may send before."""

    @property
    def answer_timeout(self) -> float:
        """How long a peer may take to confirm what it was sent, seconds."""

    def serves(self, domain: str) -> bool:
        """Whether a domain is served here and may be spoken to."""

    def policy(self, domain: str) -> Policy | None:
        """What is demanded of another domain; None where nobody here has anything to do with it."""

    def prove(self, chain: Sequence[Certificate], domain: str) -> str:
        """Why certificates do not prove a domain; "" where they do."""

    def key(self, receiving: str, originating: str, stream_id: str) -> str:
        """The dialback key of one of our domains."""

    def verify(self, stream: ServerStream, local: str, remote: str, id: str, key: str) -> Awaitable[bool]:
        """Ask the authoritative server whether a key is its own. Raises `StanzaError`."""

    def authenticated(self, stream: ServerStream, local: str, remote: str) -> None:
        """A peer has proved its domain, to `local` or to `ANY`. Raises `StreamError` for too many streams."""

    def receive(self, stanza: Stanza) -> Awaitable[None] | None:
        """Take a stanza whose domains are proved."""

    def when_committed(self, act: Callable[[], None]) -> None:
        """Do something once all that was stored until now is committed."""

    def suspended(self, stream: ServerStream, id: str) -> Flow | None:
        """Take the flow of that id, which the same peer may go on with; None where there is none (§5)."""

    def taken(self, stream: ServerStream, id: str) -> int | None:
        """How many stanzas of the same peer were taken on a flow that is over; None where nobody knows."""

    def new_flow_id(self, stream: ServerStream) -> str:
        """An id under which a stream's flow can be resumed; "" where it can't."""

    def begun(self, stream: ServerStream) -> None:
        """What the peer wanted to negotiate is: stanzas can be sent to it as well, where it allows that."""

    def ping(self, stream: ServerStream, answered: Callable[[], None]) -> None:
        """Ask the peer for a sign of life that tells that it has taken all it was sent."""

    def delivered(self, stanzas: Iterable[Stanza]) -> None:
        """Another server has confirmed that it has taken stanzas."""

    def bounce(self, stanza: Stanza, error: StanzaError) -> None:
        """Tell the sender of a stanza that it can't be delivered."""

    def writable(self, stream: ServerStream) -> None:
        """A stream takes more stanzas again."""

    def lost(self, stream: ServerStream) -> None:
        """A stream is over."""
