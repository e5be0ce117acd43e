import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble.auth import InvalidPassword, prepare_password


# RFC 4013 §3 has the first five.
@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("with\u00a0space", "with space"),
        ("e\u0301", "\u00e9"),
        ("\u0627\u0661\u0627", "\u06271\u0627".replace("1", "\u0661")),
        ("emoji \U0001f600", "emoji \U0001f600"),
        (" spaces stay ", " spaces stay "),
    ],
)
def test_is_prepared_by_saslprep(typed: str, prepared: str) -> None:
    assert prepare_password(typed) == prepared


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "\u0007",
        "a\x7f",
        "a\tb",
        "\u0627\u0031",
        "\u0627a\u0627",
        "\u00ad",
        "a\ue000",
        "\ufffd",
        chr(0xD800),
        "x" * 1025,
    ],
)
def test_what_nobody_can_type_reliably_is_refused(typed: str) -> None:
    with pytest.raises(InvalidPassword):
        prepare_password(typed)


@given(st.text(st.characters(codec="utf-8"), max_size=50))
def test_preparing_twice_changes_nothing(typed: str) -> None:
    try:
        prepared = prepare_password(typed)
    except InvalidPassword:
        return
    assert prepare_password(prepared) == prepared
