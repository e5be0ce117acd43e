"""Where the servers of a domain are, as the DNS tells it."""

from burble.dns.errors import DnsError, DnsFailure, DomainUnreachable
from burble.dns.resolver import Resolver
from burble.dns.services import Service

__all__ = ["DnsError", "DnsFailure", "DomainUnreachable", "Resolver", "Service"]
