"""Looks at where the server listens, and for whom."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from typing import Final

from burble.commands.checks.finding import Finding, error, ok, warning
from burble.commands.checks.subject import Subject
from burble.config import Address

__all__ = ["check_ports", "check_registration"]

# For whom each kind of listeners is, and the port where they are expected.
_FOR: Final = {
    "c2s": ("clients", 5222),
    "c2s_tls": ("clients with direct TLS", 5223),
    "s2s": ("other servers", 5269),
    "s2s_tls": ("other servers with direct TLS", 5270),
    "components": ("components", 5347),
    "http": ("commands over HTTP", 5280),
    "xmlrpc": ("XML-RPC", 4560),
}
_PLAIN: Final = ("components", "http", "xmlrpc")
_REASONS: Final = {
    errno.EADDRINUSE: ("another program listens there", "stop that program, or choose another port"),
    errno.EACCES: (
        "the system does not allow it",
        "give the server CAP_NET_BIND_SERVICE, or a port above 1023",
    ),
    errno.EADDRNOTAVAIL: ("this machine does not have that address", "correct it in the settings"),
}


def check_ports(subject: Subject) -> Iterator[Finding]:
    """Look at the addresses listened on: whether others can reach those they need, and nobody the others."""
    public = any(subject.is_public(host) for host in subject.settings.hosts)
    for kind, (whom, _) in _FOR.items():
        addresses = subject.addresses.get(kind, ())
        if addresses:
            yield _judge(subject, kind, whom, public)
        if not subject.runs:
            by_default = kind not in subject.settings.listen.model_fields_set
            for address in addresses:
                yield from _try(kind, address, by_default)
    if not subject.ports("c2s") and not subject.ports("c2s_tls"):
        yield error(
            "ports", "no client can connect", 'set c2s in [listen]: c2s = ["0.0.0.0:5222", "[::]:5222"]'
        )


def _judge(subject: Subject, kind: str, whom: str, public: bool) -> Finding:
    listed = ", ".join(map(str, subject.addresses[kind]))
    everybody = subject.serves_others(kind)
    if everybody and kind in _PLAIN:
        text = f"{listed} for {whom} can be reached from other machines, without encryption"
        return warning(
            "ports", text, f"let {kind} in [listen] be a loopback address, behind a proxy with TLS"
        )
    needed = kind == "c2s" or (kind == "s2s" and subject.settings.federation.enabled)
    if public and needed and not subject.serves_others(kind, f"{kind}_tls"):
        port = _FOR[kind][1]
        text = f"{listed} for {whom} can't be reached from other machines"
        return warning("ports", text, f'set {kind} = ["0.0.0.0:{port}", "[::]:{port}"] in [listen]')
    return ok("ports", f"{listed} for {whom}{'' if everybody else ', on this machine alone'}")


def _try(kind: str, address: Address, by_default: bool) -> Iterator[Finding]:
    """Whether the server could listen there, if it were started now."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # Without listening: a server that starts just now is not hindered.
            tried.bind((address.host, address.port))
    except OSError as problem:
        lacking = problem.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
        if not (by_default and lacking):  # the server leaves such an address out
            reason, advice = _REASONS.get(problem.errno or 0, (problem.strerror or str(problem), "see why"))
            yield error("ports", f"the server can't listen on {address} ({kind}): {reason}", advice)


def check_registration(subject: Subject) -> Iterator[Finding]:
    """Look at whether strangers can make accounts, or log in without encryption."""
    settings = subject.settings
    if not subject.serves_others("c2s", "c2s_tls"):
        return
    for name in settings.hosts:
        host = settings.for_host(name)
        if host.registration.open is True:
            text = f"everybody can make accounts on {name}; spammers look for such servers"
            yield warning("registration", text, "set open = false in [registration], and invite people")
        if not host.tls.require:
            text = f"clients can log in to {name} without encryption"
            yield warning("encryption", text, "set require = true in [tls]")
