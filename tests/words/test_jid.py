"""Addresses: RFC 7622 and XEP-0106."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from burble import jid as jid_module
from burble.jid import JID, JIDError, escape_local, unescape_local

# RFC 7622 §3.5, table 1: text, and the parts it prepares to.
VALID = [
    ("juliet@example.com", "juliet", "example.com", ""),
    ("juliet@example.com/foo", "juliet", "example.com", "foo"),
    ("juliet@example.com/foo bar", "juliet", "example.com", "foo bar"),
    ("juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar"),
    ("foo\\20bar@example.com", "foo\\20bar", "example.com", ""),
    ("fussball@example.com", "fussball", "example.com", ""),
    ("fu\u00dfball@example.com", "fu\u00dfball", "example.com", ""),
    ("\u03c0@example.com", "\u03c0", "example.com", ""),
    ("\u03a3@example.com/foo", "\u03c3", "example.com", "foo"),
    ("\u03c3@example.com/foo", "\u03c3", "example.com", "foo"),
    ("\u03c2@example.com/foo", "\u03c2", "example.com", "foo"),
    ("king@example.com/\u265a", "king", "example.com", "\u265a"),
    ("example.com", "", "example.com", ""),
    ("example.com/foobar", "", "example.com", "foobar"),
    ("a.example.com/b@example.net", "", "a.example.com", "b@example.net"),
]

# RFC 7622 §3.5, table 2: text, and what the error speaks of.
INVALID = [
    ('"juliet"@example.com', "localpart"),
    ("foo bar@example.com", "localpart"),
    ("juliet@example.com/ foo", "begins with a space"),
    ("@example.com/", "localpart"),
    ("henry\u2163@example.com", "localpart"),
    ("\u265a@example.com", "localpart"),
    ("juliet@", "domainpart"),
    ("/foobar", "domainpart"),
]


@pytest.mark.parametrize(("text", "local", "domain", "resource"), VALID)
def test_the_valid_examples_of_the_rfc_are_accepted(
    text: str, local: str, domain: str, resource: str
) -> None:
    jid = JID.parse(text)

    assert (jid.local, jid.domain, jid.resource) == (local, domain, resource)


@pytest.mark.parametrize(("text", "fault"), INVALID)
def test_the_invalid_examples_of_the_rfc_are_refused(text: str, fault: str) -> None:
    with pytest.raises(JIDError, match=fault):
        JID.parse(text)


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("JULIET@Example.ORG/Balcony", "juliet@example.org/Balcony"),
        ("\uff4a\uff55\uff4c@example.org", "jul@example.org"),  # fullwidth letters
        ("e\u0301mile@example.org", "\u00e9mile@example.org"),  # composed
        ("juliet@example.org/foo\u00a0bar", "juliet@example.org/foo bar"),  # no-break space
        ("example.org.", "example.org"),
        ("example\u3002org\u3002", "example.org"),  # ideographic full stop
        ("B\u00dcCHER.example", "b\u00fccher.example"),
        ("xn--bcher-kva.example", "b\u00fccher.example"),
        ("fa\u00df.example", "fa\u00df.example"),
        ("[::1]/x", "[::1]/x"),
        ("juliet@[2001:DB8:0:0::1]", "juliet@[2001:db8::1]"),
        ("192.0.2.1", "192.0.2.1"),
        ("localhost", "localhost"),
        ("user@7", "user@7"),
        ("my_host.example", "my_host.example"),
        ("r3---x.example", "r3---x.example"),
    ],
)
def test_spellings_of_one_address_become_the_same_text(text: str, prepared: str) -> None:
    assert JID.parse(text) == prepared


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "domainpart"),
        (".", "domainpart"),
        ("example..org", "empty"),
        ("example.org..", "empty"),
        ("juliet@example.org/", "resourcepart"),
        ("@example.org", "localpart"),
        ("a@b@example.org", "domainpart"),
        ("o'hara@example.org", "localpart"),
        ("a\uff20b@example.org", "localpart"),  # a fullwidth '@' is mapped to a plain one
        ("juliet@example.org/a\x00b", "resourcepart"),
        ("juliet@exa mple.org", "letters, digits"),
        ("-example.org", "letters, digits"),
        ("example-.org", "letters, digits"),
        ("a" * 64 + ".org", "63"),
        ("\u00fc" * 63 + ".org", "domainpart"),  # longer than a label in DNS
        ("xn--.org", "domainpart"),
        ("xn--a.org", "domainpart"),
        ("\u265a.example", "domainpart"),
        ("[::1", "IPv6"),
        ("[example.org]", "IPv6"),
        ("[fe80::1%eth0]", "IPv6"),
        ("juliet@example.org/\ud800", "resourcepart"),
        ("a" * 1024 + "@example.org", "longer than 1023"),
        ("\u03c0" * 512 + "@example.org", "longer than 1023"),
        ("example.org/" + "\u03c0" * 512, "longer than 1023"),
        (".".join(["a" * 63] * 16) + ".b", "longer than 1023|too long"),
        ("x" * 10_000_000, "longer than 3071"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(text: str, fault: str) -> None:
    with pytest.raises(JIDError, match=fault) as caught:
        JID.parse(text)
    assert len(str(caught.value)) < 300


def test_each_part_may_have_1023_bytes() -> None:
    domain = ".".join(["a" * 63] * 15 + ["b" * 62])
    full = JID.parse("c" * 1023 + "@" + domain + "/" + "\u03c0" * 511 + "e")

    assert (len(full.local), full.domain, len(full.resource.encode())) == (1023, domain, 1023)


def test_a_jid_is_as_good_as_its_text_in_a_dict() -> None:
    assert {"juliet@example.org": 1}[JID.parse("Juliet@example.org")] == 1
    assert JID.__eq__ is str.__eq__
    assert JID.__hash__ is str.__hash__


def test_the_bare_jid_drops_the_resource_and_is_its_own() -> None:
    full = JID.parse("juliet@example.org/balcony/2")

    assert full.bare == "juliet@example.org"
    assert (full.bare.local, full.bare.domain, full.bare.resource) == ("juliet", "example.org", "")
    assert full.bare is full.bare
    assert full.bare.bare is full.bare
    assert JID.parse("example.org/x").bare == "example.org"


def test_with_resource_puts_replaces_and_removes_it() -> None:
    bare = JID.parse("juliet@example.org")

    assert bare.with_resource("a/b").resource == "a/b"
    assert bare.with_resource("a").with_resource("c") == "juliet@example.org/c"
    assert bare.with_resource("a").with_resource("") == bare
    with pytest.raises(JIDError):
        bare.with_resource("\x00")


def test_build_prepares_and_joins_parts() -> None:
    assert JID.build("Juliet", "Example.org", "Balcony") == "juliet@example.org/Balcony"
    assert JID.build("", "example.org") == "example.org"
    assert JID.build("", "example.org", "x/y@z").resource == "x/y@z"


@pytest.mark.parametrize(
    "parts", [("a@b", "c"), ("a/b", "c"), ("a", "b/c"), ("", "b@c"), ("a", ""), ("", "")]
)
def test_build_lets_no_part_spill_into_another(parts: tuple[str, str]) -> None:
    with pytest.raises(JIDError):
        JID.build(*parts)


def test_copies_and_pickles_are_equal_jids() -> None:
    jid = JID.parse("juliet@example.org/balcony")

    for other in (copy.copy(jid), copy.deepcopy(jid), pickle.loads(pickle.dumps(jid))):
        assert type(other) is JID
        assert other == jid
        assert other.resource == "balcony"
    assert repr(jid) == "JID('juliet@example.org/balcony')"
    assert type(str(jid)) is str
    assert JID("Juliet@example.org/balcony") == jid
    assert JID.parse(jid) is jid


def test_parsed_texts_are_remembered_unless_long() -> None:
    short, long = "juliet@example.org/cached", "juliet@example.org/" + "x" * 500

    assert JID.parse(short) is JID.parse(short)
    assert JID.parse(long) == JID.parse(long)
    assert JID.parse(long) is not JID.parse(long)


def test_the_memory_for_parsed_texts_is_bounded() -> None:
    for number in range(2 * jid_module.CACHED_TEXTS):
        JID.parse(f"user{number}@example.org")
        assert len(jid_module._remembered) <= jid_module.CACHED_TEXTS

    last = f"user{number}@example.org"
    assert JID.parse(last) is JID.parse(last)


# Texts that look like addresses: pieces that matter, and any characters between them.
PIECES = st.sampled_from(
    [*"@/.:[]\\-_ '\"<&", "..", "xn--", "xn--bcher-kva", "example.org", "[::1]", "\u00df", "\u3002", "\uff20"]
)
TEXTS = st.lists(PIECES | st.text(max_size=4) | st.text("abcXYZ019", max_size=8), max_size=8).map("".join)
ASCII_TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
ADDRESSES = st.builds(
    "{}@{}/{}".format, ASCII_TEXTS, st.from_regex(r"[a-z0-9_.-]{1,70}", fullmatch=True), ASCII_TEXTS
)


@given(TEXTS)
@example("\u0130@example.org")
@example("\u1e9e.example")
@example("\u05d0a@\u05d0.example")
@example("a\u200db.example")
@example("\u00b7@l\u00b7l.example")
def test_parsing_what_parsing_gave_changes_nothing(text: str) -> None:
    try:
        jid = JID.parse(text)
    except JIDError:
        return
    again = jid_module._prepare(str(jid))
    assert again == jid
    assert (again.local, again.domain, again.resource) == (jid.local, jid.domain, jid.resource)
    assert JID.build(jid.local, jid.domain, jid.resource) == jid
    assert jid.bare.with_resource(jid.resource) == jid


@given(ADDRESSES | TEXTS | ASCII_TEXTS)
def test_the_short_way_gives_what_the_long_way_gives(text: str) -> None:
    match = jid_module._prepared.fullmatch(text)
    if match is None:
        return
    jid = jid_module._prepare(text)
    assert jid == text
    assert match.groups("") == (jid.local, jid.domain, jid.resource)


def test_ordinary_addresses_go_the_short_way() -> None:
    for text in (
        "juliet@example.org",
        "juliet@example.org/balcony",
        "example.org",
        "a.b-c_d@x.y-z.example/gajim.4F 2",
    ):
        assert jid_module._prepared.fullmatch(text)


@pytest.mark.parametrize(
    ("name", "local"),
    [
        # XEP-0106 §5.1, and the partial sequences of §4
        ("space cadet", "space\\20cadet"),
        ('call me "ishmael"', "call\\20me\\20\\22ishmael\\22"),
        ("at&t guy", "at\\26t\\20guy"),
        ("d'artagnan", "d\\27artagnan"),
        ("/.fanboy", "\\2f.fanboy"),
        ("::foo::", "\\3a\\3afoo\\3a\\3a"),
        ("<foo>", "\\3cfoo\\3e"),
        ("user@host", "user\\40host"),
        ("c:\\net", "c\\3a\\net"),
        ("c:\\\\net", "c\\3a\\\\net"),
        ("c:\\cool stuff", "c\\3a\\cool\\20stuff"),
        ("c:\\5commas", "c\\3a\\5c5commas"),
        ("\\3and\\2is\\5cool", "\\5c3and\\2is\\5c5cool"),
        ("\\2plus\\2is\\4", "\\2plus\\2is\\4"),
        ("foo\\bar", "foo\\bar"),
        ("foob\\41r", "foob\\41r"),
    ],
)
def test_user_names_are_escaped_as_xep_0106_shows(name: str, local: str) -> None:
    assert escape_local(name) == local
    assert unescape_local(local) == name
    assert JID.build(local, "example.org").local == local


@pytest.mark.parametrize("name", [" juliet", "juliet "])
def test_a_space_at_an_end_has_no_escape(name: str) -> None:
    with pytest.raises(JIDError):
        escape_local(name)


@given(st.text().map(str.strip) | st.text("\\25cf0 '").map(str.strip))
def test_unescaping_undoes_escaping(name: str) -> None:
    assert unescape_local(escape_local(name)) == name
