"""Random XML for property tests, as elements, and what ElementTree, an independent judge, makes of XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import strategies as st

from burble.namespaces import CLIENT, STREAMS, XML
from burble.stanza import Iq, Message, Presence, Stanza
from burble.xml import Element

#: All characters that XML 1.0 §2.2 allows.
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff")
    .filter(lambda char: char >= " " or char in "\t\n\r")
    .filter(lambda char: char not in "\ufffe\uffff"),
    max_size=20,
)
names = st.sampled_from(["a", "body", "message", "stream", "x-y", "é", "_.1", "xmlns-like", "query"])
namespaces = st.one_of(
    st.sampled_from(["", CLIENT, STREAMS, XML, "urn:x", "jabber:server", "a'b\"c&d<e>f"]),
)
attributes = st.dictionaries(
    st.one_of(
        names,
        st.just("xml:lang"),
        st.tuples(st.sampled_from(["urn:x", "urn:y", "a'&<>"]), names).map("{{{0[0]}}}{0[1]}".format),
    ),
    texts,
    max_size=4,
)


def _element(children: st.SearchStrategy[list[Element | str]]) -> st.SearchStrategy[Element]:
    return st.builds(lambda *args: Element(*args[:3], *args[3]), names, namespaces, attributes, children)


elements = st.recursive(
    _element(st.lists(texts, max_size=2)),
    lambda inner: _element(st.lists(st.one_of(texts, inner), max_size=3)),
    max_leaves=8,
)


def stanzas() -> st.SearchStrategy[Stanza]:
    """Stanzas without addresses, with any attributes and content."""
    return st.builds(
        lambda kind, attrs, children: kind(None, None, attrs, *children),
        st.sampled_from([Message, Presence, Iq]),
        attributes.map(lambda found: {k: v for k, v in found.items() if k not in ("to", "from")}),
        st.lists(st.one_of(texts, elements), max_size=3),
    )


def tree(element: ET.Element | Element) -> object:
    """An element of either kind in a form that can be compared: text joined, attributes by full name."""
    if isinstance(element, ET.Element):
        content: list[object] = [element.text or ""]
        for child in element:
            content += [tree(child), child.tail or ""]
        return element.tag, dict(element.attrib), _joined(content)
    tag = f"{{{element.ns}}}{element.name}" if element.ns else element.name
    attrs = {
        f"{{{XML}}}{key[4:]}" if key.startswith("xml:") else key: value
        for key, value in element.attrs.items()
    }
    if isinstance(element, Stanza):
        attrs |= {key: str(jid) for key, jid in (("to", element.to), ("from", element.from_)) if jid}
    return (
        tag,
        attrs,
        _joined([child if isinstance(child, str) else tree(child) for child in element.children]),
    )


def _joined(content: list[object]) -> list[object]:
    out: list[object] = []
    for item in content:
        if isinstance(item, str) and out and isinstance(out[-1], str):
            out[-1] += item
        elif item != "":
            out.append(item)
    return out


def judged(xml: bytes) -> object:
    """What ElementTree reads in a client's stream, where `xml` stands right in it."""
    outer = ET.fromstring(
        f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'>".encode() + xml + b"</stream:stream>"
    )
    assert len(outer) == 1
    return tree(outer[0])
