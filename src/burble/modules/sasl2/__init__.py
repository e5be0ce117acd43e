"""The module `sasl2`: from TLS to a session in one round trip (XEP-0388, XEP-0386, XEP-0484, XEP-0480)."""

from burble.modules.sasl2.module import Sasl2

__all__ = ["Sasl2"]
