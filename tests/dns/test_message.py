"""DNS messages as another implementation writes them, and as nobody should."""

from __future__ import annotations

from time import process_time

import dns.edns
import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from burble.dns.message import BadMessage, Kind, Record, Srv, fits, question, read, truncated

NAMES = st.lists(st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True), min_size=1, max_size=5).map(".".join)
KINDS = st.sampled_from(list(Kind))
RECORDS = st.one_of(
    st.tuples(st.just("A"), st.ip_addresses(v=4).map(str)),
    st.tuples(st.just("AAAA"), st.ip_addresses(v=6).map(str)),
    st.tuples(st.just("CNAME"), NAMES.map(lambda name: name + ".")),
    st.tuples(
        st.just("SRV"),
        st.builds(
            "{} {} {} {}.".format,
            st.integers(0, 65535),
            st.integers(0, 65535),
            st.integers(0, 65535),
            NAMES | st.just(""),
        ),
    ),
    st.tuples(st.just("TXT"), st.just('"what does not matter"')),
)


def answered(asked: bytes, *records: tuple[str, int, str, str], soa: str | None = None) -> bytes:
    """Answer a question with records of a name, a TTL, a type and data."""
    response = dns.message.make_response(dns.message.from_wire(asked))
    for name, ttl, kind, data in records:
        response.answer.append(dns.rrset.from_text(name + ".", ttl, "IN", kind, data))
    if soa is not None:
        response.authority.append(dns.rrset.from_text("test.", 900, "IN", "SOA", soa))
    return response.to_wire()


def expected(name: str, ttl: int, kind: str, data: str) -> Record:
    if kind != "SRV":
        return Record(name, Kind[kind], ttl, data.removesuffix("."))
    priority, weight, port, target = data.split(" ")
    return Record(name, Kind.SRV, ttl, Srv(int(priority), int(weight), int(port), target.removesuffix(".")))


@settings(max_examples=50)
@given(NAMES, KINDS)
def test_others_understand_our_questions(name: str, kind: Kind) -> None:
    message = dns.message.from_wire(question(name, kind))
    assert [rrset.to_text() for rrset in message.question] == [f"{name}. IN {kind.name}"]
    assert message.flags == dns.flags.RD
    assert (message.edns, message.payload) == (0, 1232)


@settings(max_examples=30)
@given(NAMES, st.lists(st.tuples(NAMES, st.integers(0, 2**31 - 1), RECORDS), max_size=20))
def test_we_understand_the_answers_of_others(
    name: str, given: list[tuple[str, int, tuple[str, str]]]
) -> None:
    records = [(owner, ttl, *record) for owner, ttl, record in given]
    asked = question(name, Kind.SRV)
    answer = answered(asked, *records)
    assert fits(asked, answer)
    assert not truncated(answer)
    assert read(answer).records == [expected(*each) for each in records if each[2] != "TXT"]


def test_the_letters_of_the_question_may_be_of_any_size() -> None:
    asked = question("a.test", Kind.A)
    assert fits(asked, answered(asked).replace(b"\1a\4test", b"\1A\4tEsT", 1))


@pytest.mark.parametrize(
    "other",
    [question("b.test", Kind.A), question("a.test", Kind.AAAA), b"\0\1" + question("a.test", Kind.A)[2:]],
    ids=["name", "kind", "number"],
)
def test_the_answer_to_another_question_does_not_fit(other: bytes) -> None:
    asked = question("a.test", Kind.A)
    assert fits(other, answered(other))
    assert not fits(asked, answered(other))


def test_a_question_is_no_answer() -> None:
    asked = question("a.test", Kind.A)
    assert not fits(asked, asked)


def test_how_long_there_is_nothing_is_the_smaller_number_of_the_zone() -> None:
    asked = question("a.test", Kind.A)
    assert read(answered(asked, soa="ns.test. admin.test. 1 2 3 4 60")).nothing_for == 60
    assert read(answered(asked, soa="ns.test. admin.test. 1 2 3 4 86400")).nothing_for == 900
    assert read(answered(asked)).nothing_for is None


def test_a_dot_inside_of_a_label_is_not_taken_for_a_separator() -> None:
    asked = question("a.test", Kind.CNAME)
    (record,) = read(answered(asked, ("a.test", 1, "CNAME", r"b\.c.test."))).records
    assert record.data == r"b\.c.test"


@given(st.data())
def test_a_damaged_answer_is_refused_and_no_more(data: st.DataObject) -> None:
    asked = question("a.test", Kind.SRV)
    answer = bytearray(answered(asked, ("a.test", 60, "SRV", "1 2 3 b.test."), ("b.test", 60, "AAAA", "::1")))
    for _ in range(data.draw(st.integers(1, 5))):
        answer[data.draw(st.integers(0, len(answer) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(answer)))
    fits(asked, bytes(answer[:end]))
    try:
        read(bytes(answer[:end]))
    except BadMessage:
        pass


@given(st.binary(max_size=200))
@example(b"")
def test_garbage_is_refused_and_no_more(garbage: bytes) -> None:
    asked = question("a.test", Kind.A)
    assert not fits(asked, garbage)
    try:
        read(asked[:2] + b"\x81\x80\0\1\0\5\0\5\0\0" + garbage)
    except BadMessage:
        pass


# The end of a record with an address.
_ADDRESS = b"\0\1\0\1\0\0\0\1\0\4\1\2\3\4"


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(b"\xc0\x18" + _ADDRESS, id="a name that points at itself"),
        pytest.param(b"\xc0\x1a" + _ADDRESS, id="a name that points ahead"),
        pytest.param(b"\1x\xc0\x18" + _ADDRESS, id="a name that goes in a circle"),
        pytest.param(b"\0\0\1\0\1\0\0\0\1\0\3\1\2\3", id="an address that is too short"),
        pytest.param(b"\0\0\1\0\1\0\0\0\1\0\5\1\2\3\4\5", id="an address that is too long"),
        pytest.param(b"\0\0\1\0\1\0\0\0\1\xff\xff\1\2\3\4", id="data beyond the end"),
        pytest.param(b"\0\0\x21\0\1\0\0\0\1\0\6\1\2\3\4\5\6", id="a SRV record without a target"),
        pytest.param(b"\0\0\x21\0\1\0\0\0\1\0\6\1\2\3\4\5\6\0", id="a target beyond its record"),
        pytest.param(b"\x40" + b"x" * 64 + b"\0" + _ADDRESS, id="a label of a kind that is not in use"),
        pytest.param(b"\x3f" + b"x" * 63, id="nothing after a label"),
        pytest.param((b"\x3f" + b"x" * 63) * 4 + b"\0" + _ADDRESS, id="a name of more than 255 bytes"),
    ],
)
def test_a_record_that_breaks_the_rules_is_refused(record: bytes) -> None:
    before = b"\0\0\x81\x80\0\1\0\1\0\0\0\0" + b"\1a\4test\0" + b"\0\1\0\1"
    assert len(before) == 0x18
    with pytest.raises(BadMessage):
        read(before + record)


def test_pointers_from_one_to_the_next_are_not_followed_without_end() -> None:
    # The data of the first record are eight thousand pointers, each to the one before; the last one is the
    # name of all other records.
    pointers = [12, *range(28, 28 + 2 * 8000, 2)]
    data = b"".join((0xC000 | pointer).to_bytes(2, "big") for pointer in pointers[:-1])
    text = b"\0\0\x10\0\1\0\0\0\1" + len(data).to_bytes(2, "big") + data
    name = (0xC000 | pointers[-1]).to_bytes(2, "big")
    begin = process_time()
    with pytest.raises(BadMessage):
        read(b"\0\0\x81\x80\0\1\0\xc8\0\0\0\0" + b"\0\0\1\0\1" + text + (name + _ADDRESS) * 199)
    assert process_time() - begin < 0.1


@pytest.mark.parametrize("code", [1, 2, 4, 5, 9])
def test_the_error_of_a_name_server_is_no_answer(code: int) -> None:
    answer = bytearray(answered(question("a.test", Kind.A)))
    answer[3] |= code
    with pytest.raises(BadMessage):
        read(bytes(answer))


def test_records_of_other_classes_are_nothing() -> None:
    asked = question("a.test", Kind.A)
    answer = bytearray(answered(asked, ("a.test", 1, "A", "127.0.0.1")))
    place = answer.index(b"\0\1\0\1", len(asked) - 11) + 2
    answer[place : place + 2] = b"\0\3"
    assert read(bytes(answer)).records == []
