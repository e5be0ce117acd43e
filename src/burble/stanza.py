"""The three stanzas: message, presence and IQ (RFC 6120 §8).

A stanza's addresses live in `to` and `from_`, prepared; never in `attrs`. Once it is routed a stanza
is not changed any more: whoever wants it otherwise makes a `copy`. That lets a stanza keep the bytes
it was received or first serialised as, so that sending it on costs a splice of its start tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.namespaces import CLIENT, MUC, STANZA_ERRORS, STANZA_ID
from burble.xml import Element, escape_attribute, escape_text, parse_element, write_attributes

__all__ = ["STANZAS", "Iq", "Message", "Presence", "Stanza", "parse_stanza"]


class Stanza(Element):
    """What the three stanzas have in common.

    Args:
        to: the recipient; None stands for the sender's own account or server (RFC 6120 §10.3).
        from_: the sender.
        attrs: the other attributes; taken, not copied.
        children: text and elements, in order.
    """

    __slots__ = ("_bytes", "_rest", "archive_id", "from_", "raw", "to")

    #: The local name of the stanza.
    kind: str = ""
    #: How its start tag begins.
    opening: bytes = b"<"
    #: How it begins where attributes follow. Were it a colon that follows, the name would be a prefix.
    tagged: bytes = b"< "

    def __init__(
        self,
        to: JID | None = None,
        from_: JID | None = None,
        attrs: dict[str, str] | None = None,
        *children: Element | str,
    ) -> None:
        self.name = self.kind
        self.ns = CLIENT
        self.attrs = {} if attrs is None else attrs
        self.children = [*children]
        self.to = to
        self.from_ = from_
        self.raw: bytes | None = None
        #: The id under which this stanza is archived (XEP-0313); 0 where it is not. No copy has it.
        self.archive_id = 0
        self._bytes: bytes | None = None
        self._rest: bytes | None = None

    @property
    def id(self) -> str | None:
        """The ``id`` attribute."""
        return self.attrs.get("id")

    @property
    def type(self) -> str:
        """The ``type`` attribute, or what its absence means: "" but for a message (RFC 6121 §5.2.2)."""
        return self.attrs.get("type", "")

    @property
    def lang(self) -> str | None:
        """The ``xml:lang`` attribute."""
        return self.attrs.get("xml:lang")

    # ---- making others from it

    def copy(self, to: JID | None = None, from_: JID | None = None) -> Self:
        """A stanza with the same content of its own, which may be changed; addressed anew where given."""
        twin = type(self)(to or self.to, from_ or self.from_, dict(self.attrs))
        twin.children = [child if isinstance(child, str) else child.copy() for child in self.children]
        return twin

    def readdressed(self, to: JID | None, from_: JID | None) -> Self:
        """The same stanza to somebody else; it shares content and bytes with this one."""
        twin = type(self)(to, from_, self.attrs)
        twin.children = self.children
        twin._rest = self._tail()
        return twin

    def extended(self, child: Element, written: bytes) -> Self:
        """The same stanza with one more child element at its end; it shares content and bytes with this one.

        Args:
            child: the element.
            written: it as XML, as it stands in a stanza of ``jabber:client``.
        """
        twin = type(self)(self.to, self.from_, self.attrs)
        twin.children = [*self.children, child]
        if self.children:
            whole = self.to_bytes()
            end = whole.rindex(b"</")
            twin._bytes = whole[:end] + written + whole[end:]
        return twin

    def to_each(self, recipients: Iterable[JID], from_: JID) -> Iterator[Self]:
        """The same stanza to many: as `readdressed` for each of them, but serialised only once."""
        kind = type(self)
        start = f"<{self.kind} from='{escape_attribute(from_)}' to='".encode()
        tail = self._tail()
        end = b"'" + tail
        for to in recipients:
            twin = kind.__new__(kind)
            twin.name = self.name
            twin.ns = self.ns
            twin.attrs = self.attrs
            twin.children = self.children
            twin.to = to
            twin.from_ = from_
            twin.raw = None
            twin.archive_id = 0
            twin._rest = tail
            twin._bytes = start + escape_attribute(to).encode() + end
            yield twin

    def error(self, reason: StanzaError | str, text: str | None = None) -> Self:
        """The answer that tells the sender of an error (RFC 6120 §8.3).

        Args:
            reason: the error, or a condition.
            text: with a condition, what a person should read.
        """
        if isinstance(reason, str):
            reason = StanzaError(reason, text)
        attrs = {"type": "error"}
        if (id_ := self.attrs.get("id")) is not None:
            attrs["id"] = id_
        answer = type(self)(self.from_, self.to, attrs)
        error = answer.add("error", attrs={"type": reason.type})
        error.add(reason.condition, STANZA_ERRORS)
        if reason.text:
            error.add("text", STANZA_ERRORS, {"xml:lang": "en"}, reason.text)
        if reason.extra:
            error.add(*reason.extra)
        return answer

    def failure(self) -> StanzaError:
        """The error that a stanza of type ``error`` carries."""
        error = self.child("error")
        condition, text = "undefined-condition", None
        if error is not None:
            for child in error.elements(ns=STANZA_ERRORS):
                if child.name == "text":
                    text = child.text
                else:
                    condition = child.name
        try:
            return StanzaError(condition, text)
        except KeyError:
            return StanzaError("undefined-condition", text)

    # ---- serialising

    def to_bytes(self, inside: str = CLIENT) -> bytes:
        """This stanza as UTF-8 XML, kept for the next time when for a stream of ``jabber:client``."""
        if inside != CLIENT:
            return self.to_string(inside).encode()
        if self._bytes is None:
            self._bytes = self._head() + self._tail()
        return self._bytes

    def to_peer(self) -> bytes:
        """This stanza as it stands in a stream to another server or a component (RFC 6120 §4.8.3).

        There the default namespace is another but stands for the same: what names none is the same bytes.
        """
        data = self.to_bytes()
        if _CLIENT not in data:
            return data
        # Only what really is of another namespace than the stanza may say so.
        return self._head() + self._written().encode()

    def to_string(self, inside: str = CLIENT) -> str:
        """This stanza as XML; `inside` as in `Element.to_bytes`."""
        declared = "" if self.ns == inside else f" xmlns='{escape_attribute(self.ns)}'"
        return f"<{self.kind}{declared}{self._addresses()}{self._written()}"

    def spliced(self, attributes: bytes) -> None:
        """Take the bytes to send from those received, with attributes added behind the name."""
        assert self.raw is not None
        opening = self.opening
        self._bytes = opening + attributes + self.raw[len(opening) :]

    def _write(self, parts: list[str], inside: str, prefixed: str | None = None) -> None:
        parts.append(self.to_string(inside))

    def _head(self) -> bytes:
        return f"<{self.kind}{self._addresses()}".encode()

    def _addresses(self) -> str:
        sender = f" from='{escape_attribute(self.from_)}'" if self.from_ is not None else ""
        return f"{sender} to='{escape_attribute(self.to)}'" if self.to is not None else sender

    def _tail(self) -> bytes:
        """All that follows the addresses."""
        if self._rest is None:
            self._rest = self._written().encode()
        return self._rest

    def _written(self) -> str:
        parts: list[str] = []
        write_attributes(parts, self.attrs)
        if not self.children:
            parts.append("/>")
            return "".join(parts)
        parts.append(">")
        parts += [
            escape_text(child) if isinstance(child, str) else child.to_string(CLIENT)
            for child in self.children
        ]
        parts.append(f"</{self.kind}>")
        return "".join(parts)


class Message(Stanza):
    """A message (RFC 6121 §5); an unknown type counts as ``normal`` (§5.2.2)."""

    __slots__ = ()
    kind = "message"
    opening = b"<message"
    tagged = opening + b" "

    @property
    def type(self) -> str:
        """``chat``, ``error``, ``groupchat``, ``headline`` or ``normal``."""
        type_ = self.attrs.get("type", "normal")
        return type_ if type_ in _MESSAGE_TYPES else "normal"

    @property
    def body(self) -> str | None:
        """The text of the first body, or None where there is none."""
        return self.child_text("body", CLIENT)

    # ---- stanza ids (XEP-0359)

    def with_stanza_id(self, by: JID, id: int | str) -> Message:
        """This message with the id that an account's archive or a room has given it.

        Args:
            by: the bare JID of the account or room; nobody else's ids for it may be in the message.
            id: the id.
        """
        attrs = {"by": by, "id": str(id)}
        written = f"<stanza-id xmlns='{STANZA_ID}' by='{escape_attribute(by)}' id='{id}'/>"
        return self.extended(Element("stanza-id", STANZA_ID, attrs), written.encode())

    def without_stanza_id(self, by: JID) -> Message:
        """This message without ids that claim to be given by an account or room; itself where it has none."""
        for child in self.children:
            if not isinstance(child, str) and child.ns == STANZA_ID and _is_given_by(child, by):
                break
        else:
            return self
        kept = [
            child
            for child in self.children
            if isinstance(child, str) or child.ns != STANZA_ID or not _is_given_by(child, by)
        ]
        return Message(self.to, self.from_, self.attrs, *kept)


class Presence(Stanza):
    """A presence notification, subscription request or probe (RFC 6121 §3 and §4); available: type ""."""

    __slots__ = ()
    kind = "presence"
    opening = b"<presence"
    tagged = opening + b" "

    @property
    def show(self) -> str:
        """``away``, ``chat``, ``dnd``, ``xa``, or "" for plainly available (§4.7.2.1)."""
        return self.child_text("show", CLIENT, "") or ""

    @property
    def status(self) -> str:
        """The first status text (§4.7.2.2)."""
        return self.child_text("status", CLIENT, "") or ""

    @property
    def priority(self) -> int:
        """The priority; 0 where there is none.

        Raises:
            StanzaError: bad-request, where it is not an integer from -128 to 127 (§4.7.2.3).
        """
        text = self.child_text("priority", CLIENT)
        if text is None:
            return 0
        try:
            priority = int(text)
        except ValueError:
            raise StanzaError("bad-request", "priority is not an integer") from None
        if not -128 <= priority <= 127:
            raise StanzaError("bad-request", "priority is not between -128 and 127")
        return priority

    def error(self, reason: StanzaError | str, text: str | None = None) -> Self:
        """The answer that tells of an error; clients know by its ``<x/>`` that they can't enter a room.

        As the examples of XEP-0045 §7.2 have it, and without the password that may stand in it.
        """
        answer = super().error(reason, text)
        if self.child("x", MUC) is not None:
            answer.children.insert(0, Element("x", MUC))
        return answer


class Iq(Stanza):
    """A request or the answer to one (RFC 6120 §8.2.3)."""

    __slots__ = ()
    kind = "iq"
    opening = b"<iq"
    tagged = opening + b" "

    @property
    def payload(self) -> Element | None:
        """The one child element of a request or result."""
        return self.child()

    def reply(self, payload: Element | None = None) -> Iq:
        """The result that answers this request."""
        attrs = {"type": "result"}
        if (id_ := self.attrs.get("id")) is not None:
            attrs["id"] = id_
        return Iq(self.from_, self.to, attrs) if payload is None else Iq(self.from_, self.to, attrs, payload)


def has_stanza_id(stored: bytes, by: JID) -> bool:
    """Whether a message that is kept as bytes has the id `Message.with_stanza_id` gave it."""
    return f"<stanza-id xmlns='{STANZA_ID}' by='{escape_attribute(by)}' ".encode() in stored


def _is_given_by(element: Element, by: JID) -> bool:
    """Whether an element is a ``<stanza-id/>`` in the name of an account or room."""
    if element.name != "stanza-id":
        return False
    try:
        return JID.parse(element.get("by", "") or "").bare == by
    except JIDError:
        return False


_CLIENT = CLIENT.encode()
_MESSAGE_TYPES = frozenset({"chat", "error", "groupchat", "headline", "normal"})

#: The class of each stanza by its local name.
STANZAS: dict[str, type[Message | Presence | Iq]] = {"message": Message, "presence": Presence, "iq": Iq}


def parse_stanza(data: bytes) -> Message | Presence | Iq:
    """Parse a stanza as `Stanza.to_bytes` wrote it, such as one kept in a database.

    Raises:
        ValueError: it is not well-formed, no stanza, or has an address that is none (`JIDError`).
    """
    element = parse_element(data, CLIENT)
    kind = STANZAS.get(element.name)
    if kind is None or element.ns != CLIENT:
        raise ValueError(f"<{element.name}/> of {element.ns} is no stanza")
    attrs = element.attrs
    to, from_ = attrs.pop("to", None), attrs.pop("from", None)
    stanza = kind(JID.parse(to) if to else None, JID.parse(from_) if from_ else None, attrs)
    stanza.children = element.children
    return stanza
