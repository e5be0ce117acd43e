"""The settings of the HTTP interface to the commands: the tables `[api]` and `[api.permissions."NAME"]`."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from burble.config.fields import Account, Table, expected


def _network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        if isinstance(value, str):
            return ip_network(value)
    except ValueError:
        pass
    raise expected('an IP address or a network such as "127.0.0.0/8" or "2001:db8::/32"')


Network = Annotated[
    IPv4Network | IPv6Network,
    PlainValidator(_network),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "format": "network"}),
]
"""An IP network; a single address is one too."""

LOOPBACK: list[IPv4Network | IPv6Network] = [IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")]


class ApiPermission(Table):
    """One rule of who may call which commands over HTTP, in `[api.permissions."NAME"]`.

    A call is allowed when one rule allows it: all four keys of that rule have to fit. Once there is a rule
    of your own, the built-in one, `admins` with the defaults below, holds no longer, unless you write it
    down too.
    """

    interfaces: list[Literal["rest", "xmlrpc", "burblectl", "adhoc"]] = Field(
        default=["rest", "xmlrpc", "burblectl"],
        min_length=1,
        description="The interfaces it is about; `burblectl` is for its option `--auth`, `adhoc` for ad-hoc "
        "commands (XEP-0050), all of which the `admins` may call without a rule.",
    )
    addresses: list[Network] = Field(
        default=LOOPBACK, min_length=1, description="Networks that the caller's address must be in."
    )
    who: list[Literal["admins", "accounts", "anyone"] | Account] = Field(
        default=["admins"],
        min_length=1,
        description='Who may call: addresses of accounts, `"admins"` for those of the key `admins` at the '
        'top of the file, `"accounts"` for all, `"anyone"` for callers who do not say who they are.',
    )
    what: list[Annotated[str, Field(min_length=1)]] = Field(
        default=["*"],
        min_length=1,
        description="Commands: names, patterns such as `get_*`, all of a tag as `[tag:accounts]`. One with a "
        "`!` before it is taken away from the others.",
    )


class Api(Table):
    """The HTTP interface to the commands: REST and XML-RPC, where `[listen]` turns it on."""

    body_bytes: int = Field(default=1_048_576, ge=1024, description="Largest body of a request, bytes.")
    body_timeout: float = Field(default=30.0, gt=0, description="Time a request's body may take, seconds.")
    failed_logins: int = Field(
        default=20,
        ge=1,
        description="Wrong passwords or tokens that one IP address may send in a minute; further calls with "
        "any are refused for the rest of it.",
    )
    proxies: list[Network] = Field(
        default=[],
        description="Addresses of reverse proxies in front of this server, whose header X-Forwarded-For "
        "tells the caller's address. A call with that header from elsewhere counts as from an unknown one.",
    )
    permissions: dict[str, ApiPermission] = Field(default={"admins": ApiPermission()})
