"""The log: its two formats, its file, and what it must not hold."""

import io
import json
import logging
import re
import sys
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble.log import HIDDEN, configure, redact, reopen

LOGGER = logging.getLogger("burble.c2s")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "burble.log"


def test_a_line_for_a_person(file: Path) -> None:
    configure("info", file=file)
    LOGGER.info("%s logged in", "juliet@example.org/x")
    LOGGER.warning("two")
    first, second = file.read_text().splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO  burble\.c2s  juliet@example\.org/x logged in", first
    )
    assert second.endswith(" WARNING burble.c2s  two")


def test_the_standard_error_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    configure()
    LOGGER.info("hello")
    assert output.getvalue().endswith("INFO  burble.c2s  hello\n")


@pytest.mark.parametrize("separator", ["\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_what_a_client_sends_stays_on_its_line(file: Path, separator: str) -> None:
    configure("info", file=file)
    LOGGER.info("resource %s", f"x{separator}2026-01-02 10:11:12 INFO  burble.auth  \x1b[2Jforged")
    (line,) = file.read_text().splitlines()
    assert "\x1b" not in line
    assert "\\x1b[2Jforged" in line


def test_a_traceback_follows_indented(file: Path) -> None:
    configure("info", file=file)
    try:
        raise ValueError("no such thing")
    except ValueError:
        LOGGER.exception("failed")
    first, *trace = file.read_text().splitlines()
    assert first.endswith("ERROR burble.c2s  failed")
    assert trace[-1] == "    ValueError: no such thing"
    assert all(line.startswith("    ") for line in trace)


def test_json_objects(file: Path) -> None:
    configure("info", as_json=True, file=file)
    LOGGER.info("line\none %s", "ü", extra={"jid": "juliet@example.org", "level": "forged"})
    try:
        raise ValueError("no such thing")
    except ValueError:
        LOGGER.exception("failed", extra={"path": file})
    first, second = (json.loads(line) for line in file.read_text().splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first.pop("time"))
    assert first == {
        "level": "info",
        "logger": "burble.c2s",
        "message": "line\none ü",
        "jid": "juliet@example.org",
    }
    assert second["exception"].endswith("ValueError: no such thing")
    assert second["path"] == str(file)


def test_the_level_is_that_of_burble_and_others_only_warn(file: Path) -> None:
    configure("debug", file=file)
    LOGGER.debug("ours")
    logging.getLogger("other").info("theirs")
    logging.getLogger("other").warning("their warning")
    assert [line.rpartition("  ")[2] for line in file.read_text().splitlines()] == ["ours", "their warning"]
    configure("error", file=file)
    LOGGER.warning("not now")
    logging.getLogger("other").warning("nor they")
    assert len(file.read_text().splitlines()) == 2


def test_a_second_call_replaces_the_first(file: Path, tmp_path: Path) -> None:
    configure("info", file=file)
    configure("info", file=tmp_path / "other.log")
    LOGGER.info("once")
    assert file.read_text() == ""
    assert len((tmp_path / "other.log").read_text().splitlines()) == 1


def test_a_file_that_cannot_be_opened_changes_nothing(file: Path, tmp_path: Path) -> None:
    configure("info", file=file)
    with pytest.raises(OSError, match="absent"):
        configure("info", file=tmp_path / "absent" / "burble.log")
    LOGGER.info("still here")
    assert "still here" in file.read_text()


def test_rotation(file: Path, tmp_path: Path) -> None:
    configure("info", file=file)
    LOGGER.info("before")
    moved = file.rename(tmp_path / "burble.log.1")
    LOGGER.info("between")
    (stream,) = (each.stream for each in logging.getLogger().handlers if each.get_name() == "burble")
    reopen()
    LOGGER.info("after")
    assert stream.closed
    assert len(moved.read_text().splitlines()) == 2
    assert file.read_text().endswith("after\n")


def test_rotation_that_fails_keeps_the_file(file: Path, tmp_path: Path) -> None:
    configure("info", file=file)
    moved = file.rename(tmp_path / "burble.log.1")
    file.mkdir()
    with pytest.raises(OSError, match=r"burble\.log"):
        reopen()
    LOGGER.info("after")
    assert moved.read_text().endswith("after\n")


SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
SECRETS = [
    f"<auth xmlns='{SASL}' mechanism='PLAIN'>{{}}</auth>",
    f"<auth\n mechanism='>'\txmlns='{SASL}'>{{}}</auth\n>",
    f"<response xmlns='{SASL}'>{{}}</response>",
    f"<sasl:response xmlns:sasl='{SASL}'>{{}}</sasl:response>",
    f"<challenge xmlns='{SASL}'>{{}}</challenge>",
    f"<success xmlns='{SASL}'>{{}}</success>",
    "<authenticate xmlns='urn:xmpp:sasl:2'><initial-response>{}</initial-response></authenticate>",
    "<success xmlns='urn:xmpp:sasl:2'><additional-data>{}</additional-data></success>",
    "<iq><query xmlns='jabber:iq:register'><username>x</username><password>{}</password></query></iq>",
    "<iq><query xmlns='jabber:iq:auth'><r:password xmlns:r='jabber:iq:auth'>{}</r:password></query></iq>",
    "<iq><query xmlns='jabber:iq:auth'><digest>{}</digest></query></iq>",
    "<handshake>{}</handshake>",
    "<x xmlns='jabber:x:data'><field var='password'><value>{}</value></field></x>",
    "<x xmlns='jabber:x:data'><field type='text-private' var='pin'><value>{}</value></field></x>",
    '<d:x xmlns:d="jabber:x:data"><d:field var="muc#roomsecret"><d:value>{}</d:value></d:field></d:x>',
]


@pytest.mark.parametrize("stanza", SECRETS)
def test_credentials_are_hidden(stanza: str) -> None:
    shown = redact("<a/>" + stanza.format("s3cret") + "<message><body>hello</body></message>")
    assert "s3cret" not in shown
    assert HIDDEN in shown
    assert shown.startswith("<a/>" + stanza.partition(">")[0].split("{")[0][:5])
    assert shown.endswith("<message><body>hello</body></message>")


@given(
    st.sampled_from(SECRETS),
    st.text(st.characters(exclude_characters="\x01"), max_size=20),
    st.booleans(),
    st.data(),
)
def test_no_credential_is_shown_however_it_is_written(
    stanza: str, text: str, as_data: bool, data: st.DataObject
) -> None:
    secret = f"\x01{text}\x02"
    written = f"<![CDATA[</auth>{secret.replace(']]>', '')}]]>" if as_data else escape(secret)
    whole = f"<message to={quoteattr(text)}/>" + stanza.format(written)
    length = data.draw(st.integers(0, len(whole)))
    for cut in (whole, whole[:length]):
        shown = redact(cut)
        assert "\x01" not in shown
        assert redact(shown) == shown


@pytest.mark.parametrize(
    "stanza",
    [
        "<message from='juliet@example'><body>mine: &lt;password&gt;x&lt;/password&gt;</body></message>",
        f"<success xmlns='{SASL}'/>",
        "<password/>",
        "<password></password>",
        "<failure><not-authorized/></failure>",
        "<authority>x</authority>",
        "<passwords a='1'>x</passwords>",
        "<x><field var='nick'><value>Juliet</value></field></x>",
        "<auth mechanism='PLAIN'",
        "",
    ],
)
def test_anything_else_is_shown(stanza: str) -> None:
    assert redact(stanza) == stanza


def test_bytes_that_are_no_text() -> None:
    assert redact("<a>ü</a>".encode() + b"\xff<auth>\xfe</auth>") == f"<a>ü</a>\\xff<auth>{HIDDEN}</auth>"


def test_many_tags_without_an_end_do_not_take_long() -> None:
    """Each start tag would be searched to the end of the text if the pattern could give up what it took."""
    assert redact("<auth>" * 20_000) == f"<auth>{HIDDEN}"
    assert len(redact("<auth a='" * 2_000)) == 18_000
