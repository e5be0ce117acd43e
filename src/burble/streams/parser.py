"""The stream parser: bytes in, stanzas out, every limit held while reading (RFC 6120 §4, §11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from burble.errors import StreamError
from burble.namespaces import CLIENT, COMPONENT_ACCEPT, COMPONENT_CONNECT, SERVER, STREAMS
from burble.stanza import STANZAS, Stanza
from burble.xml import Element, _names, escape_attribute, qualify_attributes, split_name

if TYPE_CHECKING:
    from pyexpat import XMLParserType

# Expat keeps every name it has met for as long as it lives; a fresh parser now and then forgets them.
_RENEW_AFTER: Final = 256 * 1024

# The default namespaces of streams between servers and to components: stanzas mean the same there.
_PEERS: Final = frozenset({SERVER, COMPONENT_ACCEPT, COMPONENT_CONNECT})

# How many readers wait for the next stream that has something to read.
_SPARE: Final = 32


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """What a peer may send at most; each is a security limit.

    Attributes:
        stanza_bytes: size of a stanza (RFC 6120 §13.12).
        depth: how deep the elements of a stanza may nest.
        elements: how many elements a stanza may have.
        attributes: how many attributes an element may have.
        tag_bytes: size of one tag, which expat has to read again with every piece of it.
    """

    stanza_bytes: int = 262_144
    depth: int = 100
    elements: int = 10_000
    attributes: int = 100
    tag_bytes: int = 32_768


@dataclass(frozen=True, slots=True)
class StreamOpen:
    """The peer's stream header (RFC 6120 §4.7), its attributes as sent."""

    to: str | None
    from_: str | None
    version: str | None
    lang: str | None
    content_ns: str | None
    id: str | None = None


class StreamClosed:
    """The peer's closing stream tag (RFC 6120 §4.4)."""


Event = StreamOpen | StreamClosed | Element


class StreamParser:
    """Parses one XML stream, header to closing tag.

    A message, presence or IQ comes out as a `Stanza` with its addresses still unprepared in `attrs`, and,
    where it came in one piece and could be sent on as it is, with the bytes it was received as in `raw`.

    Streams to other servers and to components have another default namespace, which means the same: what is
    of it comes out as of ``jabber:client``. Their header must end a piece that is fed.

    Between two stanzas a stream needs no XML parser. Streams that began with the same declarations, as nearly
    all do, then share a few: an idle one costs no memory, and a busy one finds its parser in the CPU's cache.

    Args:
        limits: what the peer may send.
    """

    __slots__ = ("_header", "_limits", "_reader", "error")

    def __init__(self, limits: ParserLimits) -> None:
        self._limits = limits
        self._reader: _Reader | None = _Reader(limits)
        self._header: bytes | None = None  # what a reader of this stream has to have read
        #: The stream error that ended parsing; what was complete before it has been reported.
        self.error: StreamError | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Take the next piece of the stream.

        Returns:
            What it completed, in order. After it, `error` says whether the stream can go on.
        """
        if self.error is not None:
            return []
        reader = self._reader
        if reader is None:
            reader = self._reader = self._fresh_reader()
        events = reader.feed(data)
        if reader.error is not None:
            self.error = reader.error
        elif reader.between_stanzas:
            self._header = reader.header
            self._release(reader)
        elif reader.read > _RENEW_AFTER:
            self._renew(reader, data)
        return events

    def allow(self, limits: ParserLimits) -> None:
        """Let the peer send other things from now on: it has logged in."""
        self._limits = limits
        if self._reader is not None:
            self._reader.limits = limits

    @property
    def between_stanzas(self) -> bool:
        """Whether the header and all that followed has been reported: nothing is half read."""
        return self._reader is None or self._reader.between_stanzas

    def rest(self) -> None:
        """Give back what memory can be given back for now."""
        if self._reader is not None and self._reader.between_stanzas:
            self._reader.close()
            self._reader = None

    def close(self) -> None:
        """Let go of everything; nothing more is fed."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _fresh_reader(self) -> _Reader:
        assert self._header is not None
        if self._header == PLAIN_HEADER and _spare:
            reader = _spare.pop()
            reader.limits = self._limits
            return reader
        return _Reader(self._limits, self._header)

    def _release(self, reader: _Reader) -> None:
        if reader.renamed:
            reader.close()  # it knows the default namespace as it was declared
        elif reader.header == PLAIN_HEADER and reader.read <= _RENEW_AFTER and len(_spare) < _SPARE:
            _spare.append(reader)
        elif reader.header == PLAIN_HEADER or reader.read > _RENEW_AFTER:
            reader.close()
        else:
            return  # nobody else can use it: it is kept until the stream has been silent for a while
        self._reader = None

    def _renew(self, reader: _Reader, data: bytes) -> None:
        """Read what is half read with a fresh reader. Waiting for the end of it would not do: a peer may
        see to it that something always is half read, and have us remember names without end."""
        rest = reader.half_read_from()
        if rest > 0 and reader.header is not None:
            reader.close()
            self._reader = _Reader(self._limits, reader.header)
            self._reader.feed(data[rest:])


class _Reader:
    """An expat parser and the handlers that build elements from what it reports.

    Args:
        limits: what the peer may send.
        header: the declarations of a stream whose header was read before; None expects one.
    """

    __slots__ = (
        "_base",
        "_count",
        "_data",
        "_events",
        "_expat",
        "_ns",
        "_plain",
        "_prefixes",
        "_stack",
        "_stanza_end",
        "_start",
        "error",
        "header",
        "limits",
        "read",
        "renamed",
    )

    def __init__(self, limits: ParserLimits, header: bytes | None = None) -> None:
        self.limits = limits
        self.error: StreamError | None = None
        self.header: bytes | None = None
        self.read = 0
        self._events: list[Event] = []
        self._stack: list[Element] = []
        self._ns: dict[str | None, str] = {}
        self._plain = False  # another stream would read the stanzas as this one does
        self._prefixes: tuple[bytes, ...] = ()  # but for these, which it would not know
        #: The header declares another default namespace than `header`, for a reader to come.
        self.renamed = False
        self._count = 0
        self._data = b""
        self._base = 0
        self._start = 0
        self._stanza_end = 0  # all three counted from the first byte this reader has read
        self._expat = self._new_expat()
        if header is not None:
            self.feed(header)

    def feed(self, data: bytes) -> list[Event]:
        """Read a piece; returns what it completed. Sets `error` where the stream can't go on."""
        self._data = data
        self._base = self.read
        self.read += len(data)
        try:
            self._expat.Parse(data)
        except expat.ExpatError as error:
            self.error = _explain(error)
        except StreamError as error:
            self.error = error
        self._data = b""
        events, self._events = self._events, []
        if self.read != self._stanza_end and self.error is None:
            self._check_rest(data)
        return events

    def close(self) -> None:
        """Let go of expat, whose handlers hold this reader in turn."""
        del self._expat

    @property
    def between_stanzas(self) -> bool:
        """Whether the header and all that followed has been reported: nothing is half read."""
        return self.read == self._stanza_end and len(self._stack) == 1

    def half_read_from(self) -> int:
        """Where in the last piece begins what is not complete yet; 0 or less: not in it."""
        start = self._start if len(self._stack) > 1 else self._expat.CurrentByteIndex
        return start - self._base

    def _check_rest(self, data: bytes) -> None:
        """Something is read and not reported yet: whitespace, or a stanza that must not grow for ever."""
        here, limits = self._expat.CurrentByteIndex, self.limits
        if len(self._stack) == 1 and here >= self._base and not data[here - self._base :].strip():
            self._stanza_end = self.read  # whitespace keepalive (RFC 6120 §4.6.1)
            return
        unfinished = self.read - self._stanza_end
        if unfinished > limits.stanza_bytes:
            self.error = StreamError("policy-violation", "stanza too big")
        elif unfinished > limits.tag_bytes < self.read - here:
            self.error = StreamError("policy-violation", "tag too big")

    # ---- expat's handlers

    def _new_expat(self) -> XMLParserType:
        parser = expat.ParserCreate("UTF-8", " ")
        parser.buffer_text = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._finish
        parser.CharacterDataHandler = self._characters
        parser.StartNamespaceDeclHandler = self._declare
        parser.XmlDeclHandler = _check_declaration
        parser.StartDoctypeDeclHandler = _restrict
        parser.CommentHandler = _restrict
        parser.ProcessingInstructionHandler = _restrict
        if hasattr(parser, "SetReparseDeferralEnabled"):
            # A stanza must not wait for the next one; `tag_bytes` bounds what is read twice.
            parser.SetReparseDeferralEnabled(False)
        return parser

    def _declare(self, prefix: str | None, uri: str) -> None:
        if not self._stack:
            self._ns[prefix] = uri

    def _begin(self, name: str, attrs: dict[str, str]) -> None:
        # Reads top to bottom as most elements go: a child of a stanza, a stanza, the stream header.
        stack = self._stack
        ns, local = _names.get(name) or split_name(name)
        if attrs:
            if len(attrs) > self.limits.attributes:
                raise StreamError("policy-violation", "too many attributes")
            if " " in "".join(attrs):
                attrs = qualify_attributes(attrs)
        depth = len(stack)
        if depth > 1:
            self._count += 1
            limits = self.limits
            if depth > limits.depth or self._count > limits.elements:
                raise StreamError("policy-violation", "stanza has too many elements or nests too deep")
            element = _new(Element)  # what Element.__init__ does, without the call
            element.name = local
            element.ns = ns
            element.attrs = attrs
            element.children = []
            stack[-1].children.append(element)
            stack.append(element)
        elif depth:
            self._start = self._expat.CurrentByteIndex
            self._count = 0
            kind = STANZAS.get(local) if ns == CLIENT else None
            stack.append(Element(local, ns, attrs) if kind is None else kind(None, None, attrs))
        else:
            self._open(ns, local, attrs)

    def _finish(self, name: str) -> None:
        stack = self._stack
        element = stack.pop()
        if len(stack) == 1:
            self._complete(element)
        elif not stack:
            self._events.append(StreamClosed())
            self._stanza_end = self.read

    def _characters(self, text: str) -> None:
        stack = self._stack
        if len(stack) > 1:
            stack[-1].children.append(text)
        elif text.strip():
            raise StreamError("bad-format", "text between stanzas")

    def _complete(self, element: Element) -> None:
        # Expat points at the begin of an end tag, which may have come before, but behind a tag that is empty.
        data, base = self._data, self._base
        start, here = self._start - base, self._expat.CurrentByteIndex - base
        if not element.children and here > 1 and data[here - 2 : here] == b"/>":
            end = here
        elif here == 1 and not element.children and data[1:3] != b"</":
            end = here  # an empty tag as well, in two pieces
        else:
            end = data.find(b">", max(here, 0)) + 1
        self._stanza_end = base + end
        if self._stanza_end - self._start > self.limits.stanza_bytes:
            raise StreamError("policy-violation", "stanza too big")
        if start >= 0 and self._plain and isinstance(element, Stanza):
            raw = data[start:end]
            if raw.startswith(element.tagged):
                for prefix in self._prefixes:
                    if prefix in raw:
                        break
                else:
                    element.raw = raw
        self._events.append(element)

    def _open(self, ns: str, local: str, attrs: dict[str, str]) -> None:
        """RFC 6120 §4.8: the header must be a `stream` of the stream namespace."""
        if local != "stream":
            raise StreamError("bad-format", "expected a stream header")
        if ns != STREAMS:
            raise StreamError("invalid-namespace", f"the stream header must be of {STREAMS}")
        content = self._ns.get(None)
        if content in _PEERS:
            self.renamed = True
            self._ns[None] = CLIENT
        self._plain = self._ns.get("stream") == STREAMS and self._ns.get(None) == CLIENT
        self._prefixes = tuple(f"{prefix}:".encode() for prefix in self._ns if prefix not in (None, "stream"))
        declared = "".join(
            f" xmlns{':' + prefix if prefix else ''}='{escape_attribute(uri)}'"
            for prefix, uri in self._ns.items()
        )
        prefix = next((p for p, uri in self._ns.items() if p and uri == STREAMS), None)
        self.header = f"<{prefix + ':' if prefix else ''}stream{declared}>".encode()
        self._stack.append(Element(local, ns))
        self._expat.StartNamespaceDeclHandler = None  # only the header's declarations matter
        self._events.append(
            StreamOpen(
                attrs.get("to"),
                attrs.get("from"),
                attrs.get("version"),
                attrs.get("xml:lang"),
                content,
                attrs.get("id"),
            )
        )


#: The header of a stream that declares what every stream declares, as `_open` writes it.
PLAIN_HEADER: Final = f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'>".encode()
_spare: Final[list[_Reader]] = []

_new: Final = Element.__new__


def _restrict(*_: object) -> None:
    raise StreamError("restricted-xml", "comments, processing instructions and DTDs are not allowed")


def _check_declaration(version: str, encoding: str | None, standalone: int) -> None:
    if encoding is not None and encoding.upper() != "UTF-8":
        raise StreamError("unsupported-encoding", "XMPP is UTF-8 only (RFC 6120 §11.6)")


def _explain(error: expat.ExpatError) -> StreamError:
    reason = expat.errors.messages.get(error.code, "unknown error")
    if reason == expat.errors.XML_ERROR_UNBOUND_PREFIX:
        return StreamError("bad-namespace-prefix", "a namespace prefix is not declared")
    if reason == expat.errors.XML_ERROR_UNDEFINED_ENTITY:  # §11.1: none but the five of XML itself
        return StreamError("restricted-xml", "entities are not allowed")
    return StreamError("not-well-formed", reason)
