"""Stanzas: addresses, answers, errors, and the bytes they are sent as."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble.errors import STANZA_CONDITIONS, StanzaError
from burble.jid import JID
from burble.namespaces import CLIENT, PING, STANZA_ERRORS
from burble.stanza import Iq, Message, Presence, Stanza, parse_stanza
from burble.xml import Element, parse_element
from tests.words.elements import judged, stanzas, tree

ROMEO = JID.parse("romeo@example.net/orchard")
JULIET = JID.parse("juliet@example.com/balcony")

addresses = st.sampled_from([None, ROMEO, JULIET, JID.parse("room@chat.example/it's & <that>")])


@given(stanzas(), addresses, addresses)
def test_a_stanza_survives_being_written_and_read(stanza: Stanza, to: JID | None, from_: JID | None) -> None:
    stanza.to, stanza.from_ = to, from_
    assert judged(stanza.to_bytes()) == tree(stanza)
    assert judged(stanza.to_bytes()) == judged(stanza.copy().to_bytes())


@given(stanzas(), addresses, addresses)
def test_in_a_stream_of_another_namespace_it_declares_its_own(
    stanza: Stanza, to: JID | None, from_: JID | None
) -> None:
    stanza.to, stanza.from_ = to, from_
    assert tree(parse_element(stanza.to_bytes("jabber:server"), "jabber:server")) == tree(stanza)


@given(stanzas(), addresses, addresses)
def test_readdressed_it_says_the_same_to_somebody_else(
    stanza: Stanza, to: JID | None, from_: JID | None
) -> None:
    twin = stanza.readdressed(to, from_)
    expected = stanza.copy()
    expected.to, expected.from_ = to, from_
    assert judged(twin.to_bytes()) == tree(expected)


@given(stanzas(), st.lists(addresses.filter(bool)), addresses.filter(bool))
def test_to_each_it_says_the_same(stanza: Stanza, recipients: list[JID], from_: JID) -> None:
    twins = list(stanza.to_each(recipients, from_))
    assert [twin.to for twin in twins] == recipients
    for twin in twins:
        assert twin.to_bytes() == stanza.readdressed(twin.to, from_).to_bytes()
        assert judged(twin.to_bytes()) == tree(twin)
        assert twin.copy().to_bytes() == stanza.readdressed(twin.to, from_).to_bytes()


def test_a_copy_can_be_changed() -> None:
    message = Message(ROMEO, JULIET, {"type": "chat"}, Element("body", CLIENT, None, "hi"))
    before = message.to_bytes()
    twin = message.copy(to=JULIET, from_=ROMEO)
    twin.attrs["type"] = "normal"
    twin.add("subject", text="more")
    assert message.to_bytes() == before
    assert (twin.to, twin.from_, twin.type, twin.child_text("subject")) == (JULIET, ROMEO, "normal", "more")


def test_a_reply_goes_back_with_the_id() -> None:
    """RFC 6120 §8.2.3."""
    request = Iq(ROMEO, JULIET, {"type": "get", "id": "x'1"}, Element("ping", PING))
    reply = request.reply()
    assert (reply.to, reply.from_, reply.id, reply.type, reply.payload) == (
        JULIET,
        ROMEO,
        "x'1",
        "result",
        None,
    )
    assert request.reply(Element("a", "urn:x")).payload == Element("a", "urn:x")


@pytest.mark.parametrize("condition", STANZA_CONDITIONS)
def test_an_error_has_condition_type_and_text(condition: str) -> None:
    """RFC 6120 §8.3.2: each condition with its type; addresses swapped, the id kept."""
    message = Message(ROMEO, JULIET, {"type": "chat", "id": "1"}, Element("body", CLIENT, None, "hi"))
    answer = message.error(condition, "because <&>")
    assert (answer.to, answer.from_, answer.id, answer.attrs["type"]) == (JULIET, ROMEO, "1", "error")
    error = answer.child("error", CLIENT)
    assert error is not None
    assert error.get("type") == STANZA_CONDITIONS[condition][0]
    assert [child.name for child in error.elements(ns=STANZA_ERRORS)] == [condition, "text"]
    failure = answer.failure()
    assert (failure.condition, failure.text) == (condition, "because <&>")


def test_an_error_may_say_more_of_an_application() -> None:
    """RFC 6120 §8.3.4."""
    answer = Iq(None, JULIET, {"type": "set"}).error(
        StanzaError("not-acceptable", type="cancel", extra=("blocked", "urn:xmpp:blocking:errors"))
    )
    error = answer.child("error")
    assert error is not None
    assert error.get("type") == "cancel"
    assert error.child("blocked", "urn:xmpp:blocking:errors") is not None


def test_an_error_that_is_none_of_ours_can_be_read() -> None:
    odd = Element("error", CLIENT, None, Element("made-up", STANZA_ERRORS))
    assert Iq(None, None, {"type": "error"}, odd).failure().condition == "undefined-condition"
    assert Iq(None, None, {"type": "error"}).failure().condition == "undefined-condition"


def test_a_message_of_unknown_type_is_normal() -> None:
    """RFC 6121 §5.2.2."""
    assert Message().type == "normal"
    assert Message(None, None, {"type": "surprise"}).type == "normal"
    assert Message(None, None, {"type": "groupchat"}).type == "groupchat"


@pytest.mark.parametrize(("text", "priority"), [(None, 0), ("-128", -128), ("127", 127), (" 5 ", 5)])
def test_priorities(text: str | None, priority: int) -> None:
    """RFC 6121 §4.7.2.3."""
    presence = Presence()
    if text is not None:
        presence.add("priority", text=text)
    assert presence.priority == priority


@pytest.mark.parametrize("text", ["", "128", "-129", "high", "1.0"])
def test_bad_priorities(text: str) -> None:
    presence = Presence()
    presence.add("priority", text=text)
    with pytest.raises(StanzaError, match="bad-request"):
        _ = presence.priority


# ---- stanza ids (XEP-0359)


def message(content: str) -> Message:
    """A message to Romeo with XML in it."""
    element = parse_element(f"<message>{content}</message>", CLIENT)
    return Message(ROMEO, JULIET, {"type": "chat"}, *element.children)


def test_a_message_gets_an_id_behind_what_it_says() -> None:
    plain = message("<body>Hi</body>")
    by = JID.parse("room@chat.example/it's & <that>")
    stamped = plain.with_stanza_id(by, 7)
    written = '<stanza-id xmlns="urn:xmpp:sid:0" by="room@chat.example/it\'s &amp; &lt;that>" id="7"/>'
    assert stamped == message(f"<body>Hi</body>{written}")
    assert judged(stamped.to_bytes()) == tree(stamped)
    assert plain == message("<body>Hi</body>")


def test_only_ids_in_ones_own_name_are_taken_out() -> None:
    sid = "xmlns='urn:xmpp:sid:0'"
    rest = f"<body/><stanza-id {sid} by='room@example.net' id='1'/><origin-id {sid} id='2'/>"
    rest += f"<stanza-id {sid} id='5'/><stanza-id {sid} by='@' id='6'/>"
    own = f"<stanza-id {sid} by='{ROMEO.bare}' id='3'/><stanza-id {sid} by='ROMEO@EXAMPLE.net/x' id='4'/>"
    assert message(own + rest).without_stanza_id(ROMEO.bare) == message(rest)
    clean = message(rest)
    assert clean.without_stanza_id(ROMEO.bare) is clean


@given(stanzas(), addresses, addresses)
def test_a_stanza_is_read_back_as_it_was_written(stanza: Stanza, to: JID | None, from_: JID | None) -> None:
    stanza = stanza.readdressed(to, from_)
    again = parse_stanza(stanza.to_bytes())
    assert type(again) is type(stanza)
    assert (again, again.to, again.from_) == (stanza, to, from_)


@pytest.mark.parametrize(
    "data",
    [b"", b"<message", b"<iq/><iq/>", b"<r xmlns='urn:xmpp:sm:3'/>", b"<message to='@'/>", b"<other/>"],
)
def test_what_is_no_stanza_is_not_read(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_stanza(data)
