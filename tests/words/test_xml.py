"""Elements: what is written is what is read, by Burble and by an independent parser."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble import xml
from burble.namespaces import CLIENT, STREAMS, XML
from burble.xml import Element, parse_element
from tests.words.elements import elements, judged, tree


@given(elements)
def test_an_element_survives_being_written_and_read(element: Element) -> None:
    """Whatever its names, namespaces, attributes and text; ElementTree reads the same."""
    written = element.to_bytes()
    assert parse_element(written) == element
    assert tree(ET.fromstring(written)) == tree(element)


@given(elements, st.sampled_from([CLIENT, "urn:x"]))
def test_an_element_survives_standing_in_another_namespace(element: Element, inside: str) -> None:
    written = element.to_bytes(inside)
    assert parse_element(written, inside) == element
    if inside == CLIENT:
        assert judged(written) == tree(element)


@given(st.text())
def test_any_text_can_be_sent(text: str) -> None:
    """RFC 6120 §11.1: characters XML can't carry are left out, lest the receiver's stream breaks."""
    element = Element("a", "urn:x", {"b": text}, text)
    read = parse_element(element.to_bytes())
    assert read.text == read.attrs["b"]
    kept = [char for char in text if not xml._ILLEGAL.match(char)]
    assert read.text == "".join(kept)


def test_pieces_of_text_are_one_text() -> None:
    assert Element("a", "", None, "x", "", "y") == Element("a", "", None, "xy")
    assert Element("a", "", None, "xy") != Element("a", "", None, "x", Element("b", ""), "y")


def test_a_copy_shares_nothing() -> None:
    element = Element("a", "urn:x", {"k": "v"}, Element("b", "urn:x"), "text")
    twin = element.copy()
    assert twin == element
    twin.attrs["k"] = "w"
    child = twin.child("b")
    assert child is not None
    child.append("new")
    assert element == Element("a", "urn:x", {"k": "v"}, Element("b", "urn:x"), "text")


def test_children_are_found_by_name_and_namespace() -> None:
    element = Element("a", "urn:x")
    first = element.add("b", text="1")
    second = element.add("b", "urn:y", {"k": "v"}, "2")
    element.append("text")
    assert element.child("b") is first
    assert element.child("b", "urn:y") is second
    assert element.child(ns="urn:y") is second
    assert element.child("c") is None
    assert list(element.elements("b")) == [first, second]
    assert element.child_text("b", "urn:y") == "2"
    assert element.child_text("c", default="none") == "none"
    assert element.text == "text"
    assert second.get("k") == "v"
    assert second.get("l", "none") == "none"


def test_the_stream_prefix_is_used_only_right_in_a_stream() -> None:
    """RFC 6120 §4.8.5: features and errors carry it; deeper, or on its own, an element declares itself."""
    features = Element("features", STREAMS, None, Element("features", STREAMS))
    assert features.to_bytes(CLIENT).startswith(b"<stream:features>")
    assert parse_element(features.to_bytes()) == features
    kept = Element("query", "jabber:iq:private", None, features)
    assert parse_element(kept.to_bytes()) == kept


def test_elements_of_xml_itself_keep_their_prefix() -> None:
    """Namespaces in XML §3: nothing may declare that namespace as the default."""
    element = Element("a", "urn:x", None, Element("foo", XML, None, Element("b", "urn:x")))
    assert tree(ET.fromstring(element.to_bytes())) == tree(element)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<a",
        "<a></b>",
        "<a/><b/>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<a>&x;</a>",
        "<a><!-- comment --></a>",
        "<a><?php ?></a>",
        "<x:a/>",
        b"<a>\xff</a>",
    ],
)
def test_what_is_not_one_element_is_refused(text: str | bytes) -> None:
    for inside in ("", CLIENT):
        with pytest.raises(ValueError):
            parse_element(text, inside)


def test_names_that_peers_choose_are_not_remembered_without_bounds() -> None:
    """Each name is remembered for the whole process: many of them, or long ones, must not add up."""
    for number in range(2 * xml._NAMES_KEPT):
        xml.split_name(f"urn:x name{number}")
    assert len(xml._names) <= xml._NAMES_KEPT
    assert xml.split_name("urn:x " + "n" * 30_000) == ("urn:x", "n" * 30_000)
    assert max(map(len, xml._names)) < 1000
