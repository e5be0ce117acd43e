"""How a stream says that it can't go on (RFC 6120 §4.9)."""

from __future__ import annotations

from burble.errors import StreamError
from burble.namespaces import STREAM_ERRORS, STREAMS
from burble.xml import Element

__all__ = ["error_element"]


def error_element(error: StreamError) -> Element:
    """What tells the peer why a stream is closed (RFC 6120 §4.9.1)."""
    element = Element("error", STREAMS)
    element.add(error.condition, STREAM_ERRORS)
    if error.text:
        element.add("text", STREAM_ERRORS, {"xml:lang": "en"}, error.text)
    if error.extra is not None:
        name, ns, attrs = error.extra
        element.add(name, ns, attrs)
    return element
