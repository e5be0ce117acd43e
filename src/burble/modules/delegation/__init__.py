"""XEP-0355: let components answer requests in the place of the server."""

from burble.modules.delegation.module import Delegation

__all__ = ["Delegation"]
