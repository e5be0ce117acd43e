"""The table `[auth]`: who knows the accounts, and how clients log in."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from burble.config.fields import EachOnce, HttpURL, Table

Mechanism = Literal[
    "SCRAM-SHA-512-PLUS",
    "SCRAM-SHA-512",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-1",
    "PLAIN",
    "ANONYMOUS",
]

Change = Literal["register", "set_password", "remove"]


class Outside(Table):
    """What holds for accounts that are kept outside, however these are asked for."""

    timeout: float = Field(
        default=10.0,
        gt=0,
        le=300,
        description="Time an answer may take, seconds. Without one the login fails for now "
        "(`temporary-auth-failure`), and the client may try again.",
    )
    cache: float = Field(
        default=0.0,
        ge=0,
        le=86_400,
        description="For how long it is remembered which accounts there are and which password was right, "
        "seconds; 0 asks each time. Until then a password that was changed outside still works.",
    )
    changes: Annotated[list[Change], EachOnce] = Field(
        default=["register", "set_password", "remove"],
        description="What may be changed from here. The rest is refused without asking; without `register` "
        "clients are not offered to register.",
    )


class AuthScript(Outside):
    """A program that knows the accounts, for `method = "script"`: ejabberd's external authentication.

    It is started when it is needed first, and anew when it ends, does not answer in time, or answers
    something else than the protocol allows.
    """

    command: list[str] = Field(
        default=[], description='The program with its arguments, such as `["/etc/burble/auth.py"]`.'
    )
    processes: int = Field(
        default=2, ge=1, le=256, description="How many of it may run; each answers one question at a time."
    )


class AuthHttp(Outside):
    """An HTTP service that knows the accounts, for `method = "http"`."""

    url: HttpURL | None = Field(
        default=None,
        description="Where it is; the name of what is asked is put behind it, after a slash.",
    )
    verb: Literal["POST", "GET"] = Field(
        default="POST",
        description="`POST` sends JSON objects. `GET` asks with the fields in the URL, where servers write "
        "passwords into their logs, and posts changes as forms: for services made so.",
    )
    authorization: str | None = Field(
        default=None,
        description="The header `Authorization` to send, such as `Bearer 6f1ed002`; by default none.",
    )
    connections: int = Field(default=10, ge=1, le=1_000, description="Most connections to it at a time.")


class Auth(Table):
    """Who knows the accounts, how clients log in, and what happens to their resources."""

    method: Literal["internal", "script", "http"] = Field(
        default="internal",
        description="Who knows the accounts: `internal` is Burble's own database, `script` a program "
        "(`[auth.script]`), `http` a web service (`[auth.http]`). Those outside can only be shown "
        "passwords, so of the mechanisms nothing but PLAIN remains for their accounts.",
    )
    mechanisms: Annotated[list[Mechanism], EachOnce] = Field(
        default=[
            "SCRAM-SHA-512-PLUS",
            "SCRAM-SHA-512",
            "SCRAM-SHA-256-PLUS",
            "SCRAM-SHA-256",
            "SCRAM-SHA-1-PLUS",
            "SCRAM-SHA-1",
            "PLAIN",
        ],
        min_length=1,
        description="SASL mechanisms to offer. Those that end in -PLUS bind the login to the TLS connection "
        "and are offered only inside TLS; ANONYMOUS gives a client a temporary account without a password.",
    )
    scram_iterations: int = Field(
        default=10_000,
        ge=4096,
        le=10_000_000,
        description="Rounds of hashing for a new password (RFC 5802). Stored passwords keep the rounds they "
        "were made with.",
    )
    allow_plain_without_tls: bool = Field(
        default=False,
        description="Offer PLAIN on streams without TLS too, where anybody on the way can read passwords. "
        "For tests on loopback.",
    )
    resource_conflict: Literal["replace", "refuse", "rename"] = Field(
        default="replace",
        description="What happens when a client asks for a resource in use (RFC 6120 §7.7.2.2): `replace` "
        "ends the older session, `refuse` answers `conflict`, `rename` gives the newer one another resource.",
    )
    script: AuthScript = Field(default=AuthScript())
    http: AuthHttp = Field(default=AuthHttp())

    def lacking(self) -> Iterator[tuple[str, str]]:
        """Yield each key that the method needs but that does not suit it, with a sentence about it.

        Asked of what holds for a host, since the method and its options may stand in different tables.
        """
        if self.method == "script" and not any(self.script.command[:1]):
            yield "script.command", 'method = "script" needs the program to ask'
        if self.method == "http" and self.http.url is None:
            yield "http.url", 'method = "http" needs the URL of the service to ask'
        if self.method != "internal" and not {"PLAIN", "ANONYMOUS"} & set(self.mechanisms):
            yield "mechanisms", f'method = "{self.method}" needs PLAIN: it can only be shown passwords'
