"""XML elements, as light as they can be: built, read and serialised without any I/O.

An `Element` holds plain strings and other elements. Attributes are kept by their name; an attribute
of a namespace is kept as ``{namespace}name``, but ``xml:lang`` and its like as ``xml:lang``.

Elements are serialised with default namespaces only (``xmlns='...'``). The exceptions are those of XML's own
namespace, which no declaration may name, and an element of the stream namespace that stands right in a
stream: it carries the prefix ``stream`` that every stream header declares (RFC 6120 §4.8.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from xml.parsers import expat

from burble.namespaces import CLIENT, STREAMS, XML

# What XML 1.0 §2.2 does not allow in a document, escaped or not.
_ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ATTRIBUTE_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
# Names to remember at most, and the longest one: peers choose them, so both bound memory.
_NAMES_KEPT: Final = 4096
_NAME_KEPT: Final = 200


def escape_text(text: str) -> str:
    """Make text safe between tags; characters that XML can't carry are left out."""
    if not text.isprintable():
        text = _ILLEGAL.sub("", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def escape_attribute(value: str) -> str:
    """Make a value safe between single quotes; characters that XML can't carry are left out."""
    if value.isprintable():
        # Looking for three characters takes a tenth of the time of translating, and mostly there are none.
        if "&" not in value and "<" not in value and "'" not in value:
            return value
    else:
        value = _ILLEGAL.sub("", value)
    return value.translate(_ATTRIBUTE_ESCAPES)


class Element:
    """An XML element.

    Args:
        name: the local name.
        ns: the namespace.
        attrs: the attributes; taken, not copied.
        children: text and elements, in order.
    """

    __slots__ = ("attrs", "children", "name", "ns")

    def __init__(
        self,
        name: str,
        ns: str,
        attrs: dict[str, str] | None = None,
        *children: Element | str,
    ) -> None:
        self.name = name
        self.ns = ns
        self.attrs: dict[str, str] = {} if attrs is None else attrs
        self.children: list[Element | str] = [*children]

    # ---- reading

    def elements(self, name: str | None = None, ns: str | None = None) -> Iterator[Element]:
        """The child elements, in order; only those of a name, of a namespace, where given."""
        for child in self.children:
            if (
                not isinstance(child, str)
                and (name is None or child.name == name)
                and (ns is None or child.ns == ns)
            ):
                yield child

    def child(self, name: str | None = None, ns: str | None = None) -> Element | None:
        """The first child element (of a name, of a namespace), or None."""
        for child in self.children:
            if (
                not isinstance(child, str)
                and (name is None or child.name == name)
                and (ns is None or child.ns == ns)
            ):
                return child
        return None

    @property
    def text(self) -> str:
        """The text right inside this element, without that of its children."""
        return "".join([child for child in self.children if isinstance(child, str)])

    def child_text(self, name: str, ns: str | None = None, default: str | None = None) -> str | None:
        """The text of the first such child, or the default where there is none."""
        child = self.child(name, ns)
        return default if child is None else child.text

    def get(self, attribute: str, default: str | None = None) -> str | None:
        """The value of an attribute, or the default where there is none."""
        return self.attrs.get(attribute, default)

    # ---- building

    def append(self, child: Element | str) -> None:
        """Add a child at the end."""
        self.children.append(child)

    def add(
        self,
        name: str,
        ns: str | None = None,
        attrs: Mapping[str, str] | None = None,
        text: str | None = None,
    ) -> Element:
        """Add a new element at the end and return it.

        Args:
            name: its local name.
            ns: its namespace; this element's where None.
            attrs: its attributes; copied.
            text: its text.
        """
        child = Element(name, self.ns if ns is None else ns, dict(attrs) if attrs else None)
        if text is not None:
            child.children.append(text)
        self.children.append(child)
        return child

    def copy(self) -> Element:
        """An element like this one that shares nothing with it but strings."""
        twin = Element(self.name, self.ns, dict(self.attrs))
        twin.children = [child if isinstance(child, str) else child.copy() for child in self.children]
        return twin

    # ---- serialising

    def to_bytes(self, inside: str = "") -> bytes:
        """This element as UTF-8 XML.

        Args:
            inside: the default namespace in force where it will stand; "" declares its own.
        """
        return self.to_string(inside).encode()

    def to_string(self, inside: str = "") -> str:
        """This element as XML; `inside` as in `to_bytes`."""
        parts: list[str] = []
        self._write(parts, inside, STREAMS if inside else None)
        return "".join(parts)

    def _write(self, parts: list[str], inside: str, prefixed: str | None = None) -> None:
        # Depth was bounded when the element was parsed, so that recursion is, too.
        tag, ns = self.name, self.ns
        if ns == inside:
            parts.append("<" + tag)
        elif ns == prefixed:
            tag = "stream:" + tag
            parts.append("<" + tag)
        elif ns == XML:
            tag = "xml:" + tag
            parts.append("<" + tag)
        else:
            inside = ns
            parts.append(f"<{tag} xmlns='{escape_attribute(inside)}'")
        if self.attrs:
            write_attributes(parts, self.attrs)
        if not self.children:
            parts.append("/>")
            return
        parts.append(">")
        for child in self.children:
            if isinstance(child, str):
                parts.append(escape_text(child))
            else:
                child._write(parts, inside)
        parts.append(f"</{tag}>")

    def __eq__(self, other: object) -> bool:
        """Whether both say the same: name, namespace, attributes and content, pieces of text joined."""
        if not isinstance(other, Element):
            return NotImplemented
        return (
            self.name == other.name
            and self.ns == other.ns
            and self.attrs == other.attrs
            and _joined(self.children) == _joined(other.children)
        )

    __hash__ = object.__hash__

    def __str__(self) -> str:
        return self.to_string(CLIENT)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.to_string()}>"


def write_attributes(parts: list[str], attrs: Mapping[str, str]) -> None:
    """Append the attributes to the parts of a start tag, declaring the prefixes they need."""
    for number, (key, value) in enumerate(attrs.items()):
        if key[0] == "{":
            uri, _, key = key[1:].rpartition("}")
            parts.append(f" xmlns:a{number}='{escape_attribute(uri)}'")
            key = f"a{number}:{key}"
        parts.append(f" {key}='{escape_attribute(value)}'")


def _joined(children: list[Element | str]) -> list[Element | str]:
    out: list[Element | str] = []
    for child in children:
        if isinstance(child, str) and out and isinstance(last := out[-1], str):
            out[-1] = last + child
        elif child != "":
            out.append(child)
    return out


# ---- names as expat reports them ("namespace name")

_names: dict[str, tuple[str, str]] = {}


def split_name(name: str) -> tuple[str, str]:
    """Namespace and local name of a name as expat reports it; a pure function, cached within bounds."""
    found = _names.get(name)
    if found is None:
        ns, _, local = name.rpartition(" ")
        found = (ns, local)
        if len(name) <= _NAME_KEPT:
            if len(_names) >= _NAMES_KEPT:
                _names.clear()
            _names[name] = found
    return found


def qualify_attributes(attrs: dict[str, str]) -> dict[str, str]:
    """Attributes as expat reports them, under the names `Element` keeps them by."""
    out: dict[str, str] = {}
    for name, value in attrs.items():
        ns, _, local = name.rpartition(" ")
        out[name if not ns else f"xml:{local}" if ns == XML else f"{{{ns}}}{local}"] = value
    return out


class ElementBuilder:
    """Expat handlers that build elements; what both the stream parser and `parse_element` stand on."""

    __slots__ = ("root", "stack")

    def __init__(self) -> None:
        self.stack: list[Element] = []
        self.root: Element | None = None

    def start(self, name: str, attrs: dict[str, str]) -> None:
        ns, local = split_name(name)
        if attrs and " " in "".join(attrs):
            attrs = qualify_attributes(attrs)
        element = Element(local, ns, attrs)
        if self.stack:
            self.stack[-1].children.append(element)
        else:
            self.root = element
        self.stack.append(element)

    def end(self, name: str) -> None:
        self.stack.pop()

    def characters(self, data: str) -> None:
        self.stack[-1].children.append(data)


def parse_element(text: str | bytes, ns: str = "") -> Element:
    """Parse one whole element, such as one kept in a database.

    Args:
        text: the XML.
        ns: the default namespace it stands in, as `Element.to_bytes(inside)` left it out.

    Raises:
        ValueError: it is not well-formed, or more than an element: a DTD, a comment, an instruction.
    """
    builder = ElementBuilder()
    parser = expat.ParserCreate("UTF-8", " ")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    parser.StartDoctypeDeclHandler = parser.CommentHandler = parser.ProcessingInstructionHandler = _refuse
    data = text.encode() if isinstance(text, str) else text
    try:
        if ns:
            outer = f"<o xmlns='{escape_attribute(ns)}' xmlns:stream='{STREAMS}'>".encode()
            parser.Parse(outer + data + b"</o>", True)
        else:
            parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(f"not well-formed XML: {error}") from None
    root = builder.root
    assert root is not None
    if not ns:
        return root
    inner = [child for child in root.children if isinstance(child, Element)]
    if len(inner) != 1 or len(root.children) != 1:
        raise ValueError("expected exactly one element")
    return inner[0]


def _refuse(*_: object) -> None:
    raise ValueError("comments, processing instructions and DTDs are not allowed in XMPP (RFC 6120 §11.1)")
