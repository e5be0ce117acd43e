"""The S2S manager: streams to and from other servers, and who may use them."""

from burble.routing.federation.manager import FederationManager

__all__ = ["FederationManager"]
