"""What the values of a form's field must be (XEP-0122)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from burble.datatypes import DATATYPES, Single, parse_datatype, to_texts
from burble.namespaces import VALIDATE
from burble.xml import Element

__all__ = ["Validation"]


@dataclass(frozen=True, slots=True)
class Validation:
    """A datatype and the methods that narrow it, save ``regex``, which would run patterns a peer sends.

    Attributes:
        datatype: the datatype of each value; one of `burble.datatypes.DATATYPES` is checked.
        open: whether a list takes other values than its options (§3.2.2).
        minimum: the smallest value (§3.2.3); as with every method but basic, a list is open then.
        maximum: the greatest value.
        at_least: how many values of a ``list-multi`` must be chosen (§3.3).
        at_most: how many may be.

    Raises:
        ValueError: a range of a datatype that has no order, or one whose ends are not of the datatype.
    """

    datatype: str = "xs:string"
    open: bool = False
    minimum: Single | None = None
    maximum: Single | None = None
    at_least: int | None = None
    at_most: int | None = None

    def __post_init__(self) -> None:
        for end in (self.minimum, self.maximum):
            if end is not None:
                if self.datatype not in DATATYPES:
                    raise ValueError(f"a range can't be checked for {self.datatype}")
                self._parse_end(end)

    @property
    def opens_list(self) -> bool:
        """Whether a list takes values that are none of its options."""
        return self.open or self.minimum is not None or self.maximum is not None

    def check(self, text: str) -> Any:
        """Turn a text into a value of the datatype.

        Raises:
            ValueError: it is not of the datatype, or outside the range.
        """
        value = parse_datatype(self.datatype, text)
        try:
            # Put so that a NaN, which compares as neither less nor greater, is refused.
            if self.minimum is not None and not value >= self._parse_end(self.minimum):
                raise ValueError(f"expected at least {self.minimum}")
            if self.maximum is not None and not value <= self._parse_end(self.maximum):
                raise ValueError(f"expected at most {self.maximum}")
        except TypeError:
            # Times of day compare only where both or neither have a zone.
            raise ValueError(f"expected a value like {self.minimum or self.maximum}") from None
        return value

    def to_element(self) -> Element:
        """The ``<validate/>`` of a field."""
        element = Element("validate", VALIDATE, {"datatype": self.datatype})
        ends = _attributes(min=self.minimum, max=self.maximum)
        if ends:
            element.add("range", attrs=ends)
        else:
            element.add("open" if self.open else "basic")
        if counts := _attributes(min=self.at_least, max=self.at_most):
            element.add("list-range", attrs=counts)
        return element

    @classmethod
    def from_element(cls, element: Element) -> Validation:
        """Read a ``<validate/>``; a method that is not known counts as basic (§4.1).

        Raises:
            ValueError: a range or a number of values is none.
        """
        datatype = element.get("datatype") or "xs:string"
        ends = element.child("range", VALIDATE) if datatype in DATATYPES else None
        counts = element.child("list-range", VALIDATE)
        return cls(
            datatype,
            element.child("open", VALIDATE) is not None,
            None if ends is None else ends.get("min"),
            None if ends is None else ends.get("max"),
            _count(counts, "min"),
            _count(counts, "max"),
        )

    def _parse_end(self, end: Single) -> Any:
        return parse_datatype(self.datatype, to_texts(end)[0])


def _attributes(**values: Single | None) -> dict[str, str]:
    return {name: to_texts(value)[0] for name, value in values.items() if value is not None}


def _count(element: Element | None, name: str) -> int | None:
    text = None if element is None else element.get(name)
    return None if text is None else cast(int, parse_datatype("xs:int", text))
