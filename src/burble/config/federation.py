"""Streams to other servers: the table `[federation]`."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from burble.config.fields import Domain, EachOnce, FilePath, ListenAddress, Table, expected, prepare_domain

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def _pattern(text: str) -> str:
    below = "*." if text.startswith("*.") else ""
    try:
        return below + prepare_domain(text.removeprefix("*."))
    except ValueError:
        raise expected('a domain such as "example.org", or "*.example.org" for all below it') from None


def _fingerprint(text: str) -> str:
    plain = text.replace(":", "").lower()
    if not _FINGERPRINT.fullmatch(plain):
        raise expected("the SHA-256 fingerprint of a certificate, 64 hexadecimal digits")
    return plain


DomainPattern = Annotated[
    str, AfterValidator(_pattern), WithJsonSchema({"type": "string", "format": "domain pattern"})
]
"""A prepared domain, or `*.` and one for all that is below it."""

Fingerprint = Annotated[
    str, AfterValidator(_fingerprint), WithJsonSchema({"type": "string", "format": "fingerprint"})
]
"""The SHA-256 hash of a certificate in lower-case hexadecimal digits."""

_Seconds = Annotated[float, Field(gt=0)]
_Count = Annotated[int, Field(ge=1)]
_Certificate = Literal["optional", "required"]
_Tls = Literal["optional", "required"]


class FederationDomain(Table):
    """What differs for one other domain, in `[federation.domains."NAME"]`."""

    address: ListenAddress | None = Field(
        default=None, description="Where its server is, instead of asking the DNS: `host:port`."
    )
    direct_tls: bool = Field(
        default=False, description="That address expects TLS from the first byte (XEP-0368), not STARTTLS."
    )
    tls: _Tls | None = Field(default=None, description="As in `[federation]`.")
    certificate: _Certificate | None = Field(default=None, description="As in `[federation]`.")
    dialback: bool | None = Field(default=None, description="As in `[federation]`.")
    fingerprints: list[Fingerprint] = Field(
        default=[],
        description="SHA-256 fingerprints of certificates that prove this domain, whoever has issued them: "
        "this is how a self-signed one is trusted.",
    )


class Federation(Table):
    """Streams to and from other servers."""

    enabled: bool = Field(
        default=True, description="`false`: nothing goes to other servers, and none can connect."
    )
    allow: Annotated[list[DomainPattern], EachOnce] = Field(
        default=[],
        description="Where not empty, the only domains to have anything to do with. `*.example.org` stands "
        "for all that is below it.",
    )
    deny: Annotated[list[DomainPattern], EachOnce] = Field(
        default=[], description="Domains to have nothing to do with."
    )
    tls: _Tls = Field(default="required", description="`optional` allows streams that are not encrypted.")
    certificate: _Certificate = Field(
        default="optional",
        description="`required`: a domain must be proved by a certificate; dialback alone is not enough.",
    )
    dialback: bool = Field(
        default=True,
        description="Whether Server Dialback (XEP-0220) may prove a domain that no certificate proves.",
    )
    trust: list[FilePath] = Field(
        default=[], description="Files of certificate authorities to trust, PEM, besides those of the system."
    )
    nameservers: list[ListenAddress] = Field(
        default=[], description="DNS servers to ask, `address:port`; by default those of the system."
    )
    domains: dict[Domain, FederationDomain] = Field(default={})
    connect_timeout: _Seconds = Field(
        default=30.0, description="Time to find, connect to and authenticate with another server, seconds."
    )
    accept_timeout: _Seconds = Field(
        default=60.0, description="Time another server has to prove its domain, seconds."
    )
    idle_timeout: _Seconds = Field(
        default=900.0, description="A stream on which nothing goes for so long is closed, seconds."
    )
    answer_timeout: _Seconds = Field(
        default=30.0,
        description="Time another server has to confirm what it was sent, before the stream counts as "
        "broken, seconds.",
    )
    resume_timeout: Annotated[float, Field(ge=0)] = Field(
        default=300.0,
        description="How long another server can resume a broken stream (XEP-0198), seconds; 0 never.",
    )
    queue_stanzas: _Count = Field(
        default=1_000,
        description="Stanzas that may wait for a pair of domains while there is no stream; more are refused.",
    )
    queue_bytes: _Count = Field(default=4_194_304, description="The same, bytes.")
    queue_timeout: _Seconds = Field(
        default=60.0,
        description="How long a stanza waits for a server that could be reached before, seconds; one that "
        "was never reached has a single attempt.",
    )
    retry_after: _Seconds = Field(
        default=10.0,
        description="How long a domain that could not be reached is not tried again, seconds; doubled with "
        "each attempt.",
    )
    retry_after_at_most: _Seconds = Field(default=600.0, description="The longest such pause, seconds.")
    streams: _Count = Field(
        default=10_000, description="Pairs of domains there may be streams or queues for at the same time."
    )
    attempts: _Count = Field(
        default=100, description="Domains that may be searched for and connected to at the same time."
    )
    connections_per_address: Annotated[int, Field(ge=0)] = Field(
        default=100, description="Connections one IP address may have open to us; 0 is no limit."
    )
    connections_per_domain: _Count = Field(
        default=10, description="Streams another domain may have open to one of ours."
    )
    rate: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Bytes a second to read from one connection; 0 is as fast as they come."
    )
    burst: Annotated[int, Field(ge=1)] = Field(
        default=262_144, description="Bytes that may come at once above `rate`."
    )
    stanza_bytes: Annotated[int, Field(ge=10_000)] = Field(
        default=524_288, description="Largest stanza that another server may send, bytes."
    )

    @model_validator(mode="after")
    def _provable(self) -> Self:
        if not self.dialback and self.tls == "optional":
            raise ValueError("without dialback a domain is proved by its certificate: tls must be required")
        return self
