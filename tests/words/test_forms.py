"""Data forms: XEP-0004, XEP-0068 and XEP-0122."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble.datatypes import DATATYPES, parse_datatype
from burble.errors import StanzaError
from burble.forms import Field, FieldType, Form, FormError, Validation
from burble.jid import JID
from burble.xml import Element, parse_element


def bot_form() -> Form:
    """The form of XEP-0004 §4, example 2, with a validation added."""
    form = Form(
        "form", "jabber:bot", title="Bot Configuration", instructions="Fill out this form\nto configure it!"
    )
    form.add("", "fixed", value="Section 1: Bot Info")
    form.add("botname", label="The name of your bot")
    form.add("description", "text-multi", label="Helpful description of your bot")
    form.add("public", "boolean", label="Public bot?", required=True)
    form.add("password", "text-private", label="Password for special access")
    form.add(
        "features",
        "list-multi",
        value=["news", "search"],
        options={"contests": "Contests", "news": "News", "search": ""},
    )
    form.add("maxsubs", "list-single", value=20, options=["10", "20", "none"], desc="Most subscribers")
    form.add("invitelist", "jid-multi", label="People to invite")
    form.add("owner", "jid-single")
    form.add("token", "hidden", value="abc")
    form.add("age", validation=Validation("xs:int", minimum=1, maximum=99))
    return form


BOT_FORM = """<x xmlns='jabber:x:data' type='form'>
<title>Bot Configuration</title>
<instructions>Fill out this form</instructions><instructions>to configure it!</instructions>
<field var='FORM_TYPE' type='hidden'><value>jabber:bot</value></field>
<field type='fixed'><value>Section 1: Bot Info</value></field>
<field var='botname' type='text-single' label='The name of your bot'/>
<field var='description' type='text-multi' label='Helpful description of your bot'/>
<field var='public' type='boolean' label='Public bot?'><required/></field>
<field var='password' type='text-private' label='Password for special access'/>
<field var='features' type='list-multi'><value>news</value><value>search</value>
<option label='Contests'><value>contests</value></option><option label='News'><value>news</value></option>
<option><value>search</value></option></field>
<field var='maxsubs' type='list-single'><desc>Most subscribers</desc><value>20</value>
<option><value>10</value></option><option><value>20</value></option><option><value>none</value></option></field>
<field var='invitelist' type='jid-multi' label='People to invite'/>
<field var='owner' type='jid-single'/>
<field var='token' type='hidden'><value>abc</value></field>
<field var='age' type='text-single'>
<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:int'>
<range min='1' max='99'/></validate></field>
</x>""".replace(">\n", ">")


def submit(**values: list[str]) -> Element:
    """A submission as a client writes it: no types, no labels."""
    form = Element("x", "jabber:x:data", {"type": "submit"})
    for var, texts in values.items():
        field = form.add("field", attrs={"var": var})
        for text in texts:
            field.add("value", text=text)
    return form


def accept(type: FieldType, *texts: str, **more: Any) -> Any:
    form = Form()
    form.add("it", type, **more)
    return form.accept(submit(it=list(texts)))["it"]


def test_a_form_is_written_as_the_example_shows() -> None:
    assert bot_form().to_element() == parse_element(BOT_FORM)


def test_a_form_reads_back_as_it_was_made() -> None:
    again = Form.from_element(parse_element(BOT_FORM))

    assert again.to_element() == parse_element(BOT_FORM)
    assert (again.form_type, again.instructions) == ("jabber:bot", "Fill out this form\nto configure it!")
    assert again.value("maxsubs") == "20"
    assert again.value("botname", "none yet") == "none yet"
    assert again.value("unknown") is None
    assert again.field("unknown") is None


def test_a_whole_submission_becomes_python_values() -> None:
    element = submit(
        FORM_TYPE=["jabber:bot"],
        botname=["The Jabber Google Bot"],
        description=["one", "", "three"],
        public=["0"],
        password=["v3r0na"],
        features=["search", "contests", "search"],
        maxsubs=["none"],
        invitelist=["Juliet@example.org", "juliet@example.org", "", "benvolio@example.org/x"],
        owner=["ROMEO@example.net"],
        token=["changed"],
        age=["41"],
        unknown=["ignored"],
    )

    values = bot_form().accept(element)

    assert values == {
        "botname": "The Jabber Google Bot",
        "description": "one\n\nthree",
        "public": False,
        "password": "v3r0na",
        "features": ["search", "contests"],
        "maxsubs": "none",
        "invitelist": ["juliet@example.org", "benvolio@example.org/x"],
        "owner": "romeo@example.net",
        "token": "changed",
        "age": 41,
    }
    assert type(values["owner"]) is JID


def test_what_was_not_submitted_is_not_changed() -> None:
    assert bot_form().accept(submit(public=["true"])) == {"public": True}


def test_values_may_be_taken_back() -> None:
    cleared = submit(botname=[], description=[], public=["1"], features=[], maxsubs=[""], owner=[], age=[""])

    values = bot_form().accept(cleared)

    assert values == {
        "botname": "",
        "description": "",
        "public": True,
        "features": [],
        "maxsubs": None,
        "owner": None,
        "age": None,
    }


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("public", {}),
        ("public", {"public": []}),
        ("public", {"public": [""]}),
        ("public", {"public": ["yes"]}),
        ("public", {"public": ["0", "1"]}),
        ("botname", {"public": ["1"], "botname": ["a", "b"]}),
        ("botname", {"public": ["1"], "botname": ["a\nb"]}),
        ("password", {"public": ["1"], "password": ["a\rb"]}),
        ("features", {"public": ["1"], "features": ["news", "weather"]}),
        ("maxsubs", {"public": ["1"], "maxsubs": ["30"]}),
        ("invitelist", {"public": ["1"], "invitelist": ["juliet@example.org", "@"]}),
        ("owner", {"public": ["1"], "owner": ["a b@example.org"]}),
        ("age", {"public": ["1"], "age": ["forty"]}),
        ("age", {"public": ["1"], "age": ["100"]}),
        ("FORM_TYPE", {"public": ["1"], "FORM_TYPE": ["jabber:other"]}),
    ],
)
def test_wrong_values_are_refused_by_the_name_of_their_field(
    field: str, values: dict[str, list[str]]
) -> None:
    with pytest.raises(FormError, match=field) as caught:
        bot_form().accept(submit(**values))
    assert caught.value.field == field


def test_an_unhandled_form_error_answers_not_acceptable() -> None:
    with pytest.raises(StanzaError) as caught:
        bot_form().accept(submit())
    assert caught.value.condition == "not-acceptable"


@pytest.mark.parametrize(
    "text",
    [
        "<x xmlns='jabber:x:data'/>",
        "<x xmlns='jabber:x:data' type='error'/>",
        "<x xmlns='jabber:x:other' type='submit'/>",
        "<y xmlns='jabber:x:data' type='submit'/>",
        "<x xmlns='jabber:x:data' type='form'/>",
        "<x xmlns='jabber:x:data' type='cancel'/>",
        "<x xmlns='jabber:x:data' type='submit'><field><value>1</value></field></x>",
        "<x xmlns='jabber:x:data' type='submit'><field var='a'/><field var='a'/></x>",
    ],
)
def test_what_is_no_submission_is_refused(text: str) -> None:
    with pytest.raises(FormError):
        Form().accept(parse_element(text))


def test_a_form_type_counts_only_when_hidden_save_in_a_submission() -> None:
    field = "<field var='FORM_TYPE'><value>urn:x</value></field>"

    assert (
        Form.from_element(parse_element(f"<x xmlns='jabber:x:data' type='submit'>{field}</x>")).form_type
        == "urn:x"
    )
    shown = Form.from_element(parse_element(f"<x xmlns='jabber:x:data' type='result'>{field}</x>"))
    assert shown.form_type is None
    assert shown.value("FORM_TYPE") == "urn:x"


def test_a_field_of_an_unknown_type_counts_as_one_line_of_text() -> None:
    form = parse_element(
        "<x xmlns='jabber:x:data' type='form'><field var='a' type='colour'/><field var='b'/></x>"
    )

    assert [field.type for field in Form.from_element(form).fields] == ["text-single", "text-single"]


def test_a_submission_is_written_without_types() -> None:
    form = Form("submit", "urn:x")
    form.add("lines", "text-multi", value="one\r\ntwo\nthree")
    form.add(
        "many", "list-multi", value=[1, True, datetime(2002, 9, 10, 23, 8, 25, tzinfo=UTC), date(2002, 9, 10)]
    )

    assert form.to_element() == parse_element(
        "<x xmlns='jabber:x:data' type='submit'>"
        "<field var='FORM_TYPE' type='hidden'><value>urn:x</value></field>"
        "<field var='lines'><value>one</value><value>two</value><value>three</value></field>"
        "<field var='many'><value>1</value><value>1</value><value>2002-09-10T23:08:25Z</value>"
        "<value>2002-09-10</value></field></x>"
    )


def test_a_result_has_items_under_reported_fields() -> None:
    form = Form("result", "jabber:iq:search")
    form.reported = [Field("first", label="Given Name"), Field("jid", "jid-single")]
    form.add_item({"first": "Benvolio", "jid": JID.parse("benvolio@montague.example")})
    form.add_item({"first": "Romeo", "jid": None})
    element = parse_element(
        "<x xmlns='jabber:x:data' type='result'>"
        "<field var='FORM_TYPE' type='hidden'><value>jabber:iq:search</value></field>"
        "<reported><field var='first' type='text-single' label='Given Name'/>"
        "<field var='jid' type='jid-single'/></reported>"
        "<item><field var='first'><value>Benvolio</value></field>"
        "<field var='jid'><value>benvolio@montague.example</value></field></item>"
        "<item><field var='first'><value>Romeo</value></field><field var='jid'/></item></x>"
    )

    assert form.to_element() == element
    assert Form.from_element(element) == form


# ---- validation (XEP-0122)


@pytest.mark.parametrize(
    ("datatype", "text", "value"),
    [
        ("xs:string", " any ", " any "),
        ("x:unknown", "any", "any"),
        ("xs:boolean", "true", True),
        ("xs:byte", "-128", -128),
        ("xs:short", "32767", 32767),
        ("xs:int", " +7 ", 7),
        ("xs:long", "9223372036854775807", 2**63 - 1),
        ("xs:integer", "123456789012345678901234567890", 123456789012345678901234567890),
        ("xs:decimal", "1.50", Decimal("1.5")),
        ("xs:double", "-1.5E3", -1500.0),
        ("xs:double", "INF", float("inf")),
        ("xs:date", "2003-10-06", date(2003, 10, 6)),
        ("xs:dateTime", "2003-10-06T11:22:00-07:00", datetime(2003, 10, 6, 18, 22, tzinfo=UTC)),
        ("xs:time", "16:00:00", time(16)),
        ("xs:language", "en-GB", "en-GB"),
        ("xs:anyURI", "xmpp:juliet@example.org?message", "xmpp:juliet@example.org?message"),
    ],
)
def test_datatypes_give_python_values(datatype: str, text: str, value: object) -> None:
    assert accept("text-single", text, validation=Validation(datatype)) == value


@pytest.mark.parametrize(
    ("datatype", "text"),
    [
        ("xs:boolean", "yes"),
        ("xs:byte", "128"),
        ("xs:byte", "-129"),
        ("xs:short", "32768"),
        ("xs:int", "2147483648"),
        ("xs:long", "9223372036854775808"),
        ("xs:integer", "1.5"),
        ("xs:integer", "1_0"),
        ("xs:integer", "\u0663"),
        ("xs:integer", "9" * 5000),
        ("xs:decimal", "1e5"),
        ("xs:decimal", "NaN"),
        ("xs:double", "nan"),
        ("xs:double", "infinity"),
        ("xs:date", "2003-02-30"),
        ("xs:date", "20030206"),
        ("xs:dateTime", "2003-10-06"),
        ("xs:time", "25:00:00"),
        ("xs:time", "16:00"),
        ("xs:language", "en_GB"),
        ("xs:anyURI", "a b"),
        ("xs:anyURI", "http://[::1"),
        ("xs:anyURI", " "),
    ],
)
def test_texts_of_another_datatype_are_refused(datatype: str, text: str) -> None:
    with pytest.raises(FormError) as caught:
        accept("text-single", text, validation=Validation(datatype))
    assert caught.value.field == "it"
    assert len(str(caught.value)) < 300


@given(st.sampled_from(sorted(DATATYPES)), st.text() | st.text("0123456789+-.:eETZINFa"))
def test_no_text_raises_anything_but_value_error(datatype: str, text: str) -> None:
    try:
        parse_datatype(datatype, text)
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("validation", "good", "bad"),
    [
        (Validation("xs:int", minimum=5), "5", "4"),
        (Validation("xs:int", maximum=5), "5", "6"),
        (Validation("xs:double", minimum=5), "5", "NaN"),
        (Validation("xs:double", maximum=5), "5", "NaN"),
        (Validation("xs:date", maximum=date(2003, 10, 24)), "2003-10-24", "2003-10-25"),
        (
            Validation("xs:dateTime", minimum="2003-10-05T00:00:00-07:00"),
            "2003-10-05T07:00:00Z",
            "2003-10-05T06:59:59Z",
        ),
        (Validation("xs:time", minimum="08:00:00"), "08:00:00", "09:00:00Z"),  # one with, one without a zone
    ],
)
def test_ranges_hold(validation: Validation, good: str, bad: str) -> None:
    accept("text-single", good, validation=validation)
    with pytest.raises(FormError, match="expected"):
        accept("text-single", bad, validation=validation)


def test_a_list_is_open_when_its_validation_says_so() -> None:
    options = ["1", "2"]

    assert accept("list-single", "3", options=options, validation=Validation("xs:int", open=True)) == 3
    assert accept("list-multi", "2", "3", options=options, validation=Validation("xs:int", maximum=9)) == [
        2,
        3,
    ]
    with pytest.raises(FormError, match="none of its options"):
        accept("list-single", "3", options=options, validation=Validation("xs:int"))


def test_so_many_values_of_a_list_must_be_chosen() -> None:
    limits = Validation(at_least=1, at_most=2)

    assert accept("list-multi", "a", "b", options="abc", validation=limits) == ["a", "b"]
    with pytest.raises(FormError, match="at least 1"):
        accept("list-multi", options="abc", validation=limits)
    with pytest.raises(FormError, match="at most 2"):
        accept("list-multi", "a", "b", "c", options="abc", validation=limits)


def test_lines_of_a_validated_text_are_checked_one_by_one() -> None:
    assert accept("text-multi", "1", "2", validation=Validation("xs:int", open=True)) == [1, 2]
    with pytest.raises(FormError, match="two"):
        accept("text-multi", "1", "two", validation=Validation("xs:int", open=True))


@pytest.mark.parametrize(
    "validation",
    [
        Validation("xs:date"),
        Validation("xs:string", open=True),
        Validation("xs:int", minimum="1", maximum="9"),
        Validation("xs:string", at_least=1, at_most=3),
    ],
)
def test_a_validation_reads_back_as_it_was_written(validation: Validation) -> None:
    assert Validation.from_element(validation.to_element()) == validation


def test_a_method_that_is_not_known_counts_as_basic() -> None:
    element = parse_element(
        "<validate xmlns='http://jabber.org/protocol/xdata-validate'><regex>([0-9]{3})</regex></validate>"
    )

    assert Validation.from_element(element) == Validation()


def test_a_range_that_cannot_be_checked_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="xs:string"):
        Validation(minimum="a")
    with pytest.raises(ValueError, match="whole number"):
        Validation("xs:int", minimum="a")
    form = parse_element(BOT_FORM.replace("min='1'", "min='one'"))
    with pytest.raises(FormError, match="age"):
        Form.from_element(form)


@given(
    st.dictionaries(
        st.sampled_from([field.var for field in bot_form().fields]), st.lists(st.text(max_size=5), max_size=3)
    )
)
def test_no_submission_raises_anything_but_form_error(values: dict[str, list[str]]) -> None:
    try:
        bot_form().accept(submit(**values))
    except FormError:
        pass
