"""Points in time: XEP-0082."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble.timestamps import format_stamp, parse_stamp


@pytest.mark.parametrize(
    "text",
    [
        "1969-07-21T02:56:15Z",
        "1969-07-20T21:56:15-05:00",
        "1969-07-21T02:56:15.000Z",
        "1969-07-21T02:56:15.0000009Z",
    ],
)
def test_the_first_step_on_the_moon_is_read_from_any_zone(text: str) -> None:
    moment = parse_stamp(text)

    assert moment == datetime(1969, 7, 21, 2, 56, 15, tzinfo=UTC)
    assert moment.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1969-07-21",
        "1969-07-21T02:56:15",  # no zone
        "19690721T02:56:15Z",
        "1969-07-21 02:56:15Z",
        "1969-W30-1T02:56:15Z",
        "1969-13-21T02:56:15Z",
        "1969-07-21T25:56:15Z",
        "1969-07-21T02:56:15.Z",
        "1969-07-21T02:56:15+99:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "1969-07-21T02:56:15Z\n",
        "١٩٦٩-07-21T02:56:15Z",
        "x" * 100_000,
    ],
)
def test_what_is_no_stamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no time") as caught:
        parse_stamp(text)
    assert len(str(caught.value)) < 200


def test_stamps_are_written_in_utc() -> None:
    zone = timezone(timedelta(hours=-5))

    assert format_stamp(datetime(1969, 7, 20, 21, 56, 15, tzinfo=zone)) == "1969-07-21T02:56:15Z"
    assert format_stamp(datetime(1969, 7, 21, 2, 56, 15, 120000, tzinfo=UTC)) == "1969-07-21T02:56:15.120000Z"


def test_a_time_without_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        format_stamp(datetime(1969, 7, 21))


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_stamp_reads_back_as_the_moment_it_was_written_for(moment: datetime) -> None:
    assert parse_stamp(format_stamp(moment)) == moment


@given(st.text("0123456789-:.TZ+ ") | st.text())
def test_no_text_raises_anything_but_value_error(text: str) -> None:
    try:
        parse_stamp(text)
    except ValueError:
        pass
