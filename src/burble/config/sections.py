"""The tables of the settings file, one class each. Their descriptions become docs/settings.md."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from burble.config.fields import Address, DatabaseURL, EachOnce, FilePath, ListenAddress, Table

_Bytes = Annotated[int, Field(ge=1)]
_StanzaBytes = Annotated[int, Field(ge=10_000)]
_Count = Annotated[int, Field(ge=1)]
_OptionalLimit = Annotated[int, Field(ge=0)]


class Listen(Table):
    """The addresses the server listens on.

    By default only programs on the same machine can connect. To serve a network, name the
    addresses: `c2s = ["0.0.0.0:5222", "[::]:5222"]` is every address of the machine.
    """

    c2s: list[ListenAddress] = Field(
        default=[Address("127.0.0.1", 5222), Address("::1", 5222)],
        description="Addresses for clients that start TLS inside the stream (STARTTLS, RFC 6120 §5). "
        "Port 0 lets the system choose; an empty list turns the listener off.",
    )
    c2s_tls: list[ListenAddress] = Field(
        default=[Address("127.0.0.1", 5223), Address("::1", 5223)],
        description="Addresses for clients that start with TLS (direct TLS, XEP-0368).",
    )
    s2s: list[ListenAddress] = Field(
        default=[Address("127.0.0.1", 5269), Address("::1", 5269)],
        description="Addresses for other servers that start TLS inside the stream.",
    )
    s2s_tls: list[ListenAddress] = Field(
        default=[],
        description="Addresses for other servers that start with TLS (XEP-0368); usually port 5270.",
    )
    components: list[ListenAddress] = Field(
        default=[],
        description="Addresses for external components (XEP-0114); usually port 5347. It is plain: beyond "
        "loopback nobody should be able to listen.",
    )
    http: list[ListenAddress] = Field(
        default=[],
        description="Addresses for commands over HTTP: REST at `/api/` and XML-RPC at `/xmlrpc`. It is plain "
        "HTTP: beyond loopback put a reverse proxy with TLS in front of it.",
    )
    xmlrpc: list[ListenAddress] = Field(
        default=[], description="Addresses for XML-RPC alone, at any path; plain HTTP as well."
    )


class HostTLS(Table):
    """The part of `[tls]` that a virtual host can have of its own."""

    certificate: FilePath | None = Field(
        default=None,
        description="File with the certificate and its chain, PEM. Without one the server makes a "
        "self-signed certificate in `data_dir`. Goes together with `key`.",
    )
    key: FilePath | None = Field(
        default=None, description="File with the certificate's private key, PEM, without a passphrase."
    )
    require: bool = Field(
        default=True,
        description="Let a client log in only after it has started TLS. `false` allows plain streams.",
    )

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together: give both or neither")
        return self


class TLS(HostTLS):
    """Encryption of client streams.

    Each virtual host can have its own `certificate`, `key` and `require`; the other keys hold
    for all, since a version and ciphers are agreed on before the client has said which host it wants.
    """

    minimum_version: Literal["TLSv1.2", "TLSv1.3"] = Field(
        default="TLSv1.2", description="Oldest version of TLS a client may use."
    )
    ciphers: str | None = Field(
        default=None,
        description="Cipher suites for TLS 1.2 in OpenSSL's notation; by default those that Python prefers.",
    )


class Database(Table):
    """Where accounts, rosters and messages are stored, and how writes are gathered.

    Messages for later are written in batches with one commit each. A longer `batch_interval`
    saves work, a shorter one answers sooner; nothing is acknowledged before its batch is committed.
    """

    url: DatabaseURL | None = Field(
        default=None,
        description="SQLAlchemy URL, `sqlite:///PATH` or `postgresql://USER:PASSWORD@SERVER/NAME`. "
        "By default the SQLite file `burble.db` in `data_dir`.",
    )
    pool_size: _Count = Field(default=5, description="Connections kept open to a database server.")
    batch_interval: float = Field(
        default=0.01, ge=0, le=1, description="Longest time a row waits until its batch is written, seconds."
    )
    batch_rows: _Count = Field(default=500, description="Rows that are written without waiting any longer.")


class Registration(Table):
    """Whether clients may make accounts themselves (XEP-0077)."""

    open: bool | Literal["loopback"] = Field(
        default=False,
        description='`true` lets anybody register, `"loopback"` only clients on the same machine. A server '
        'started without a settings file uses `"loopback"`.',
    )

    def allows(self, *, loopback: bool) -> bool:
        """Tell whether a client may register; `loopback` says that it connects from this machine."""
        return self.open is True or (self.open == "loopback" and loopback)


class HostLimits(Table):
    """The limits that a virtual host can have of its own."""

    stanza_bytes: _StanzaBytes = Field(
        default=262_144, description="Largest stanza of a client that is logged in, bytes (RFC 6120 §13.12)."
    )
    depth: _Count = Field(default=100, description="Deepest nesting of elements in a stanza.")
    elements: _Count = Field(default=10_000, description="Most elements in a stanza.")
    attributes: _Count = Field(default=100, description="Most attributes of one element.")
    tag_bytes: _Bytes = Field(default=32_768, description="Largest single start tag, bytes.")
    rate: _OptionalLimit = Field(
        default=0, description="Bytes a second the server reads from one client; 0 is as fast as they come."
    )
    burst: _Bytes = Field(default=65_536, description="Bytes a client may send at once above `rate`.")
    resources_per_account: _Count = Field(default=20, description="Sessions one account may have at a time.")
    roster_items: _Count = Field(default=1_000, description="Contacts in one account's roster.")
    offline_messages: _OptionalLimit = Field(
        default=1_000, description="Messages kept for one account while it is offline; 0 keeps none."
    )
    private_xml_bytes: _Bytes = Field(
        default=1_048_576, description="Private XML (XEP-0049) one account may store, bytes."
    )
    vcard_bytes: _Bytes = Field(default=262_144, description="Largest vCard (XEP-0054), bytes.")
    blocklist_entries: _Count = Field(default=1_000, description="Addresses an account may block (XEP-0191).")
    output_buffer_bytes: _Bytes = Field(
        default=4_194_304,
        description="Bytes waiting for a client that has stopped reading, before its stream is closed.",
    )
    registrations_per_address: _OptionalLimit = Field(
        default=10, description="Accounts one IP address may register in an hour; 0 is no limit."
    )
    login_attempts: _Count = Field(
        default=5, description="Failed logins before a stream is closed (RFC 6120 §6.4.4 advises 2 to 5)."
    )


class Limits(HostLimits):
    """What one client or one account may use.

    `stanza_bytes_before_login`, `unauthenticated_timeout` and `connections_per_address` hold before
    a client has said which host it wants, so a virtual host cannot change them.
    """

    stanza_bytes_before_login: _StanzaBytes = Field(
        default=16_384, description="Largest stanza of a client that is not logged in yet, bytes."
    )
    unauthenticated_timeout: float = Field(
        default=60.0, gt=0, description="Time a client has from connecting to being logged in, seconds."
    )
    connections_per_address: _OptionalLimit = Field(
        default=0, description="Connections one IP address may have open at the same time; 0 is no limit."
    )


class Modules(Table):
    """Which modules run, and their own settings in a table each: `[modules.NAME]`."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, dict[str, Any]]

    load: Annotated[list[str], EachOnce] = Field(
        default=[], description="Modules to load besides the default ones, by name."
    )
    disable: Annotated[list[str], EachOnce] = Field(
        default=[],
        description="Default modules not to load, by name; those that need one of them go too.",
    )

    def options(self, name: str) -> dict[str, Any]:
        """Return the table `[modules.NAME]` as it was written, or an empty one."""
        return self.__pydantic_extra__.get(name, {})


class Log(Table):
    """What the server reports of its work, and where."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least important kind of event to report."
    )
    format: Literal["text", "json"] = Field(
        default="text", description="`text` writes lines a person can read, `json` one object a line."
    )
    file: FilePath | None = Field(
        default=None, description="File to append to; by default the standard error. A reload reopens it."
    )
    stanzas: bool = Field(
        default=False,
        description="Report every stanza at level `debug`, with credentials blanked. The log then holds what "
        "people write to each other.",
    )
