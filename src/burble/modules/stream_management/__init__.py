"""The module `stream_management`: no stanza is lost with a connection (XEP-0198)."""

from burble.modules.stream_management.module import StreamManagement
from burble.modules.stream_management.resumption import Resumption

__all__ = ["Resumption", "StreamManagement"]
