"""The datatypes of data form values: those of XML Schema that XEP-0122 names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from burble.timestamps import format_stamp, parse_stamp

__all__ = ["DATATYPES", "Single", "Value", "parse_datatype", "to_texts"]

Single: TypeAlias = str | bool | int | float | Decimal | datetime | date | time
"""What one ``<value/>`` can stand for."""

Value: TypeAlias = Single | Iterable[Single] | None
"""What all the ``<value/>`` elements of a field can stand for."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_DOUBLE = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?INF|NaN")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")


def parse_datatype(datatype: str, text: str) -> Any:
    """Turn a text into the value it stands for.

    Args:
        datatype: its name, such as ``xs:integer``; any other counts as ``xs:string`` (XEP-0122 §4.1).
        text: the text of a ``<value/>``.

    Returns:
        an int, Decimal, float, bool, date, datetime (UTC), time or str.

    Raises:
        ValueError: the text is not of that datatype; the message says what was expected.
    """
    convert = DATATYPES.get(datatype)
    return text if convert is None else convert(text)


def to_texts(value: Value) -> list[str]:
    """The texts that stand for a Python value in ``<value/>`` elements; none for None."""
    if value is None:
        return []
    if isinstance(value, bool):
        return ["1" if value else "0"]
    if isinstance(value, datetime):
        return [format_stamp(value)]
    if isinstance(value, date | time):
        return [value.isoformat()]
    if isinstance(value, str | int | float | Decimal):
        return [str(value)]
    return [text for single in value for text in to_texts(single)]


def _matching(pattern: re.Pattern[str], expected: str, convert: Callable[[str], Any]) -> Callable[[str], Any]:
    # The pattern comes first: Python's own conversions take more than XML Schema allows, such as "1_000".
    def parse(text: str) -> Any:
        text = text.strip()
        if not pattern.fullmatch(text):
            raise ValueError(f"expected {expected}")
        try:
            return convert(text)
        except ValueError:
            raise ValueError(f"expected {expected}") from None

    return parse


def _integer(bits: int) -> Callable[[str], int]:
    lowest, highest = -(1 << bits - 1), (1 << bits - 1) - 1

    def parse(text: str) -> int:
        number: int = _any_integer(text)
        if not lowest <= number <= highest:
            raise ValueError(f"expected a number from {lowest} to {highest}")
        return number

    return parse


def _boolean(text: str) -> bool:
    # XEP-0004 §3.3 takes the spellings of XML Schema.
    if text not in ("0", "1", "false", "true"):
        raise ValueError("expected true or false")
    return text in ("1", "true")


def _uri(text: str) -> str:
    text = text.strip()
    if not text or any(char in text for char in ' <>"{}|\\^`\n\t'):
        raise ValueError("expected a URI")
    try:
        urlsplit(text)
    except ValueError:
        raise ValueError("expected a URI") from None
    return text


_any_integer = _matching(_INTEGER, "a whole number", int)

DATATYPES: Final[dict[str, Callable[[str], Any]]] = {
    "xs:anyURI": _uri,
    "xs:boolean": _boolean,
    "xs:byte": _integer(8),
    "xs:date": _matching(_DATE, "a date such as 2002-09-10", date.fromisoformat),
    "xs:dateTime": parse_stamp,
    "xs:decimal": _matching(_DECIMAL, "a number", Decimal),
    "xs:double": _matching(_DOUBLE, "a number", float),
    "xs:int": _integer(32),
    "xs:integer": _any_integer,
    "xs:language": _matching(_LANGUAGE, "a language tag such as en-GB", str),
    "xs:long": _integer(64),
    "xs:short": _integer(16),
    "xs:time": _matching(_TIME, "a time of day such as 16:00:00", time.fromisoformat),
}
"""What is known, with the function that reads it; ``xs:string`` needs none."""
