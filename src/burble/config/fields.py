"""Kinds of values that settings hold: listening addresses, domains, accounts and paths.

Each kind says what it expects in words that finish the sentence "expected ...", because
`burble.config.explain` prints them that way.
"""

import re
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    Strict,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from burble.jid import JID, JIDError

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?")
_DATABASE_URL = re.compile(r"(sqlite|postgresql)(\+[a-z0-9]+)?://.*")
_HTTP_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_LOOKS_NUMERIC = re.compile(r"[0-9.]+")


class Table(BaseModel):
    """A table of settings: unknown keys are errors, values keep their type, nothing changes later.

    Module settings derive from it, so that a module's options are checked like the server's own.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def expected(what: str) -> PydanticCustomError:
    """Return the error a validator raises when a value is not `what` ("a domain name such as ...")."""
    return PydanticCustomError("expected", "{what}", {"what": what})


class Address(NamedTuple):
    """Where to listen: an IP address or host name, and a TCP port (0 lets the system choose)."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "host:port"; an IPv6 address stands in brackets. Raise ValueError for anything else."""
        host, colon, port = text.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit() and int(port) <= 65535):
            raise ValueError("no port from 0 to 65535 after the last colon")
        if host.startswith("[") and host.endswith("]"):
            return cls(str(IPv6Address(host[1:-1])), int(port))
        if _LOOKS_NUMERIC.fullmatch(host):
            return cls(str(IPv4Address(host)), int(port))
        if not _HOST_NAME.fullmatch(host):
            raise ValueError("neither an IP address nor a host name before the last colon")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    try:
        if isinstance(value, str):
            return Address.parse(value)
    except ValueError:
        pass
    raise expected('an address and a port such as "127.0.0.1:5222" or "[::1]:5222"')


def prepare_domain(text: str) -> str:
    """Return the domain in its prepared form (RFC 7622 §3.2). Raise ValueError when it is none."""
    jid = JID.parse(text)
    if jid.local or jid.resource:
        raise ValueError("an address with a local part or a resource is not a domain")
    return jid.domain


def _domain(text: str) -> str:
    try:
        return prepare_domain(text)
    except ValueError:
        raise expected('a domain name such as "example.org"') from None


def _account(text: str) -> str:
    try:
        jid = JID.parse(text)
    except JIDError:
        jid = None
    if jid is None or not jid.local or jid.resource:
        raise expected('the address of an account such as "juliet@example.org"')
    return str(jid)


def _database_url(text: str) -> str:
    if not _DATABASE_URL.fullmatch(text):
        raise expected("a URL such as sqlite:///PATH or postgresql://USER:PASSWORD@SERVER/NAME")
    return text


def _http_url(text: str) -> str:
    if not _HTTP_URL.fullmatch(text):
        raise expected('a URL such as "https://example.org/accounts", without a name or a password in it')
    return text


def _anchored(path: Path, info: ValidationInfo) -> Path:
    base = (info.context or {}).get("directory")
    path = path.expanduser()
    return base / path if base else path


def _each_once(values: list[str]) -> list[str]:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise expected(f'each value once, but "{repeated[0]}" is repeated')
    return values


ListenAddress = Annotated[
    Address,
    PlainValidator(_address),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "format": "address"}),
]
"""An `Address`, written "host:port"."""

Domain = Annotated[str, AfterValidator(_domain), WithJsonSchema({"type": "string", "format": "domain"})]
"""A domain in its prepared form: lower case, IDNA checked (RFC 7622 §3.2)."""

Account = Annotated[str, AfterValidator(_account), WithJsonSchema({"type": "string", "format": "account"})]
"""A prepared bare JID with a local part."""

DatabaseURL = Annotated[str, AfterValidator(_database_url)]
"""A SQLAlchemy URL of a database that Burble can use."""

HttpURL = Annotated[str, AfterValidator(_http_url)]
"""The URL of an HTTP service, without credentials, query or fragment."""

FilePath = Annotated[
    Path, Strict(False), AfterValidator(_anchored), WithJsonSchema({"type": "string", "format": "path"})
]
"""A path; `~` is the home directory, and a relative one starts at the settings file's directory."""

EachOnce = AfterValidator(_each_once)
"""Refuse a list of texts that repeats one."""
