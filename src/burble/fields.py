"""The fields of data forms and what they accept (XEP-0004 §3.2 and §3.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast, get_args

from burble.datatypes import parse_datatype
from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.namespaces import DATA_FORMS, VALIDATE
from burble.validation import Validation
from burble.xml import Element

__all__ = ["Field", "FieldType", "FormError", "split_lines"]

FieldType = Literal[
    "boolean",
    "fixed",
    "hidden",
    "jid-multi",
    "jid-single",
    "list-multi",
    "list-single",
    "text-multi",
    "text-private",
    "text-single",
]

FIELD_TYPES: Final = frozenset(get_args(FieldType))
_LINE_END = re.compile(r"\r\n|\r|\n")


class FormError(StanzaError):
    """A form or a value in it is not acceptable; unless handled, its sender is told so.

    Attributes:
        field: the ``var`` of the field at fault, or None where it is the form itself.
    """

    def __init__(self, field: str | None, fault: str) -> None:
        super().__init__("not-acceptable", fault if field is None else f"field {field[:80]!r}: {fault}")
        self.field = field


@dataclass(slots=True)
class Field:
    """A field of a form.

    Attributes:
        var: its name; empty only for a ``fixed`` field.
        type: what it takes.
        label: its name for people.
        values: the texts of its values; in a form to be filled in, the defaults.
        required: whether a submission must give it a value.
        options: the values a list offers, and the label of each (empty for none).
        desc: a description for people.
        validation: what its values must be besides.
    """

    var: str
    type: FieldType = "text-single"
    label: str | None = None
    values: list[str] = field(default_factory=list)
    required: bool = False
    options: dict[str, str] = field(default_factory=dict)
    desc: str | None = None
    validation: Validation | None = None

    def accept(self, texts: list[str]) -> Any:
        """Turn the submitted texts into a value: the types are listed at `Form.accept`.

        Raises:
            FormError: they are not what the field takes.
        """
        if self.required and not any(texts):
            raise FormError(self.var, "a value is required")
        if self.type == "text-multi":
            if self.validation is not None:
                return self._several(texts)
            return "\n".join(texts)
        if self.type in ("jid-multi", "list-multi"):
            return self._several(texts)
        if len(texts) > 1:
            raise FormError(self.var, "takes one value")
        text = texts[0] if texts else ""
        if not text and (
            self.validation is not None or self.type in ("boolean", "jid-single", "list-single")
        ):
            return None
        return self._one(text)

    def _several(self, texts: list[str]) -> list[Any]:
        # A dict for the order; duplicates are ignored (XEP-0004 §3.3).
        values = list(dict.fromkeys([self._one(text) for text in texts if text]))
        limits = self.validation
        if limits is not None and self.type == "list-multi":
            if limits.at_least is not None and len(values) < limits.at_least:
                raise FormError(self.var, f"takes at least {limits.at_least} values")
            if limits.at_most is not None and len(values) > limits.at_most:
                raise FormError(self.var, f"takes at most {limits.at_most} values")
        return values

    def _one(self, text: str) -> Any:
        limits = self.validation
        try:
            match self.type:
                case "boolean":
                    return parse_datatype("xs:boolean", text)
                case "jid-single" | "jid-multi":
                    return JID.parse(text)
                case "list-single" | "list-multi" if text not in self.options:
                    if limits is None or not limits.opens_list:
                        raise FormError(self.var, f"{text[:80]!r} is none of its options")
                case "text-single" | "text-private" if _LINE_END.search(text):
                    raise FormError(self.var, "takes one line of text")
            return text if limits is None else limits.check(text)
        except JIDError as error:
            raise FormError(self.var, str(error)) from None
        except ValueError as error:
            raise FormError(self.var, f"{text[:80]!r}: {error}") from None

    def to_element(self, with_type: bool = True) -> Element:
        """The ``<field/>``; without its type where the receiver knows it from the form it sent."""
        element = Element("field", DATA_FORMS)
        if self.var:
            element.attrs["var"] = self.var
        if with_type:
            element.attrs["type"] = self.type
        if self.label is not None:
            element.attrs["label"] = self.label
        if self.desc is not None:
            element.add("desc", text=self.desc)
        if self.required:
            element.add("required")
        if self.validation is not None:
            element.append(self.validation.to_element())
        for value in self.values:
            element.add("value", text=value)
        for value, label in self.options.items():
            element.add("option", attrs={"label": label} if label else None).add("value", text=value)
        return element

    @classmethod
    def from_element(cls, element: Element) -> Field:
        """Read a ``<field/>``; a type that is missing or not known counts as ``text-single`` (§3.3).

        Raises:
            FormError: it has no name though its type needs one, or its validation makes no sense.
        """
        type = element.get("type", "")
        var = element.get("var", "") or ""
        if not var and type != "fixed":
            raise FormError(None, "a field has no var")
        validate = element.child("validate", VALIDATE)
        try:
            validation = None if validate is None else Validation.from_element(validate)
        except ValueError as error:
            raise FormError(var, str(error)) from None
        return cls(
            var,
            cast(FieldType, type) if type in FIELD_TYPES else "text-single",
            element.get("label"),
            [value.text for value in element.elements("value", DATA_FORMS)],
            element.child("required", DATA_FORMS) is not None,
            {
                option.child_text("value", DATA_FORMS) or "": option.get("label") or ""
                for option in element.elements("option", DATA_FORMS)
            },
            element.child_text("desc", DATA_FORMS),
            validation,
        )


def split_lines(text: str) -> list[str]:
    """A text as the values of a ``text-multi`` field, one a line (XEP-0004 §3.3)."""
    return _LINE_END.split(text)
