"""The options of stream management."""

from __future__ import annotations

from pydantic import Field

from burble.module import ModuleSettings


class ManagementSettings(ModuleSettings):
    """How long a session waits for its client, and how much is kept for it."""

    resume_timeout: int = Field(
        default=600,
        ge=0,
        le=2_592_000,
        description="How long a session whose connection is lost waits for its client, seconds: it stays "
        "available to its contacts, and what is sent to it is kept. A client may ask for less. 0 lets no "
        "client resume.",
    )
    location: str | None = Field(
        default=None,
        description="Where clients should reconnect to: `HOST:PORT`, with an IPv6 address in brackets. By "
        "default they look for the server as they did before.",
    )
    ask_every: int = Field(
        default=10, ge=1, description="Stanzas after which the client is asked to acknowledge them."
    )
    ask_after: float = Field(
        default=2.0,
        gt=0,
        le=3600,
        description="How long after a stanza the client is asked where there were fewer, seconds.",
    )
    ack_timeout: float = Field(
        default=90.0,
        ge=0,
        description="How long a client may take to answer before its connection counts as lost, seconds; 0 "
        "is for ever.",
    )
    queue_stanzas: int = Field(
        default=5_000,
        ge=10,
        description="Stanzas that are kept for a client; a session with more is ended and they are routed "
        "again: to another client of the account, or to be kept for later.",
    )
    queue_bytes: int = Field(default=4_194_304, ge=10_000, description="Bytes of them; as `queue_stanzas`.")
    store: bool = Field(
        default=True,
        description="Store each message that the account's archive does not have until the client has "
        "acknowledged it, so that it survives a crash of the server.",
    )
