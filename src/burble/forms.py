"""Data forms (XEP-0004), with FORM_TYPE (XEP-0068) and validation (XEP-0122).

A form is made in Python, shown to a client by `Form.to_element`; what comes back goes through `Form.accept`::

    form = Form("form", "http://jabber.org/protocol/muc#roomconfig", title="Room")
    form.add("muc#roomconfig_roomname", label="Name", value="Balcony", required=True)
    form.add("muc#roomconfig_maxusers", label="Most occupants", value=20, validation=Validation("xs:int"))
    reply.append(form.to_element())
    ...
    values = form.accept(submission)  # {"muc#roomconfig_roomname": "Veranda", "muc#roomconfig_maxusers": 30}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any, Literal, cast, get_args

from burble.datatypes import Value, to_texts
from burble.fields import Field, FieldType, FormError, split_lines
from burble.namespaces import DATA_FORMS
from burble.validation import Validation
from burble.xml import Element

__all__ = ["Field", "FieldType", "Form", "FormError", "FormType", "Validation"]

FormType = Literal["form", "submit", "cancel", "result"]


@dataclass(slots=True)
class Form:
    """A data form of any kind.

    Attributes:
        type: ``form`` (to be filled in), ``submit``, ``cancel`` or ``result``.
        form_type: the FORM_TYPE that gives the fields their meaning, where there is one.
        title: a title for people.
        instructions: what people should know; may have several lines.
        fields: the fields, in order, without FORM_TYPE.
        reported: in a result of several items, the fields that each of them has (§3.4).
        items: in such a result, the texts of the values of each item by field.
    """

    type: FormType = "form"
    form_type: str | None = None
    title: str | None = None
    instructions: str | None = None
    fields: list[Field] = default(default_factory=list)
    reported: list[Field] = default(default_factory=list)
    items: list[dict[str, list[str]]] = default(default_factory=list)

    # ---- building

    def add(
        self,
        var: str,
        type: FieldType = "text-single",
        *,
        value: Value = None,
        label: str | None = None,
        required: bool = False,
        options: Mapping[str, str] | Iterable[str] = (),
        desc: str | None = None,
        validation: Validation | None = None,
    ) -> Field:
        """Add a field at the end and return it.

        Args:
            var: its name; may be empty for a ``fixed`` field.
            type: what it takes.
            value: its value, or in a form to be filled in the default; several for a ``-multi`` type.
                A text with line ends becomes several values of a ``text-multi``.
            label: its name for people.
            required: whether a submission must give it a value.
            options: what a list offers: values, or values with their labels.
            desc: a description for people.
            validation: what its values must be besides.
        """
        texts = to_texts(value)
        if type == "text-multi":
            texts = [line for text in texts for line in split_lines(text)]
        labels = dict(options) if isinstance(options, Mapping) else dict.fromkeys(options, "")
        new = Field(var, type, label, texts, required, labels, desc, validation)
        self.fields.append(new)
        return new

    def add_item(self, values: Mapping[str, Value]) -> None:
        """Add an item to a result; the fields it has were put into `reported` before."""
        self.items.append({var: to_texts(value) for var, value in values.items()})

    # ---- reading

    def field(self, var: str) -> Field | None:
        """The field of a name, or None."""
        for each in self.fields:
            if each.var == var:
                return each
        return None

    def value(self, var: str, default: str | None = None) -> str | None:
        """The text of a field's first value, or the default where the field or its value is missing."""
        found = self.field(var)
        return found.values[0] if found is not None and found.values else default

    def accept(self, submission: Form | Element) -> dict[str, Any]:
        """Check a submission against this form (XEP-0004 §3.5).

        Fields this form does not have are ignored, as are ``fixed`` ones. Fields that were not submitted are
        not in the answer, so that only what was submitted is changed.

        Args:
            submission: the form of type ``submit``, or its element.

        Returns:
            the value of each submitted field: a bool for ``boolean``, a `JID` for ``jid-single``, a text for
            ``list-single``, ``text-*`` and ``hidden``, or what the datatype of the field's validation makes
            of it; a list of them for ``jid-multi``, ``list-multi`` and a validated ``text-multi``.
            None where a value is neither given nor required, but for texts, which are empty then.

        Raises:
            FormError: it is no submission of this form, a required field is missing or a value is wrong.
        """
        answer = submission if isinstance(submission, Form) else Form.from_element(submission)
        if answer.type != "submit":
            raise FormError(None, f"expected a form of type submit, got {answer.type}")
        if answer.form_type not in (None, self.form_type):
            raise FormError("FORM_TYPE", f"expected {self.form_type}")
        submitted = {each.var: each.values for each in answer.fields}
        values = {}
        for each in self.fields:
            if each.type == "fixed":
                continue
            if each.var in submitted:
                values[each.var] = each.accept(submitted[each.var])
            elif each.required:
                raise FormError(each.var, "a value is required")
        return values

    # ---- XML

    def to_element(self) -> Element:
        """The ``<x/>`` that carries the form."""
        element = Element("x", DATA_FORMS, {"type": self.type})
        if self.title is not None:
            element.add("title", text=self.title)
        if self.instructions is not None:
            for line in split_lines(self.instructions):
                element.add("instructions", text=line)
        if self.form_type is not None:
            element.append(Field("FORM_TYPE", "hidden", values=[self.form_type]).to_element())
        for each in self.fields:
            element.append(each.to_element(with_type=self.type != "submit"))
        if self.reported:
            element.append(
                Element("reported", DATA_FORMS, None, *[each.to_element() for each in self.reported])
            )
        for item in self.items:
            row = [Field(var, values=values).to_element(with_type=False) for var, values in item.items()]
            element.append(Element("item", DATA_FORMS, None, *row))
        return element

    @classmethod
    def from_element(cls, element: Element) -> Form:
        """Read an ``<x/>``.

        Raises:
            FormError: it is no data form, a field has no name, or two have one.
        """
        type = element.get("type")
        if (element.name, element.ns) != ("x", DATA_FORMS) or type not in get_args(FormType):
            raise FormError(None, "expected a data form of type form, submit, cancel or result")
        form = cls(
            cast(FormType, type),
            title=element.child_text("title", DATA_FORMS),
            instructions="\n".join([line.text for line in element.elements("instructions", DATA_FORMS)])
            or None,
        )
        form.fields = _read_fields(element)
        # Elsewhere than in a submission it counts only when hidden (XEP-0068 §3.3).
        marker = form.field("FORM_TYPE")
        if marker is not None and (marker.type == "hidden" or form.type == "submit"):
            form.form_type = marker.values[0] if marker.values else None
            form.fields.remove(marker)
        reported = element.child("reported", DATA_FORMS)
        if reported is not None:
            form.reported = _read_fields(reported)
        for item in element.elements("item", DATA_FORMS):
            form.items.append({each.var: each.values for each in _read_fields(item)})
        return form


def _read_fields(element: Element) -> list[Field]:
    fields = [Field.from_element(child) for child in element.elements("field", DATA_FORMS)]
    seen = set()
    for each in fields:
        if each.var and each.var in seen:
            raise FormError(each.var, "is there twice")
        seen.add(each.var)
    return fields
