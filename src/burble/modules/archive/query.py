"""What a client asks an archive for (XEP-0313 §4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from burble.errors import StanzaError
from burble.forms import Form, FormError, Validation
from burble.jid import JID, JIDError
from burble.namespaces import DATA_FORMS, FULLTEXT, MAM
from burble.rsm import PageRequest, read_page_request
from burble.timestamps import parse_stamp
from burble.xml import Element

__all__ = ["Filters", "Query", "form", "read_query"]

T = TypeVar("T")

FULLTEXT_FIELD: Final = f"{{{FULLTEXT}}}fulltext"
#: Messages that can be asked for by their ids at once.
_IDS: Final = 500
_LONGEST_TEXT: Final = 1000


@dataclass(frozen=True, slots=True)
class Filters:
    """Which messages are meant (§4.1); by default all.

    Attributes:
        peer: only those from or to this address.
        start: only those of this time or later, microseconds since 1970.
        end: only those of this time or earlier.
        after: only those after the one of this id.
        before: only those before the one of this id.
        ids: only these.
        text: only those that say these words (XEP-0431).
    """

    peer: JID | None = None
    start: int | None = None
    end: int | None = None
    after: str | None = None
    before: str | None = None
    ids: tuple[str, ...] | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A query.

    Attributes:
        filters: which messages are meant.
        page: which of them are to be sent.
        flip: whether the newest of the page comes first (§4.3.4).
        id: what the client knows the results by.
    """

    filters: Filters = field(default_factory=Filters)
    page: PageRequest = field(default_factory=PageRequest)
    flip: bool = False
    id: str | None = None


def form(*, search: bool) -> Form:
    """The form with the fields that can be used (§4.1.5).

    Args:
        search: whether words can be looked for.
    """
    made = Form("form", MAM)
    made.add("with", "jid-single")
    for var in ("start", "end", "before-id", "after-id"):
        made.add(var, "text-single")
    made.add("ids", "list-multi", validation=Validation(open=True))
    made.add("include-groupchat", "boolean")
    if search:
        made.add(FULLTEXT_FIELD, "text-single")
    return made


def read_query(element: Element, *, search: bool) -> Query:
    """Read a ``<query/>``.

    Args:
        element: it.
        search: whether words can be looked for.

    Raises:
        StanzaError: feature-not-implemented, where it has a field that is not in the `form` (§4.1.5), or a
            node; bad-request, where a value is none; jid-malformed; policy-violation, where it asks for too
            many messages by their ids.
    """
    if element.get("node"):
        raise StanzaError("feature-not-implemented", "this archive has no nodes")
    filters = Filters()
    submitted = element.child("x", DATA_FORMS)
    if submitted is not None:
        filters = _filters(submitted, search)
    page = read_page_request(element) or PageRequest()
    return Query(filters, page, element.child("flip-page", MAM) is not None, element.get("queryid"))


def _filters(element: Element, search: bool) -> Filters:
    try:
        submitted = Form.from_element(element)
    except FormError as error:
        raise StanzaError("bad-request", error.text) from None
    if submitted.type != "submit" or submitted.form_type not in (None, MAM):
        raise StanzaError("bad-request", f"a query is a form of type submit, its FORM_TYPE {MAM}")
    values: dict[str, Any] = {}
    for each in submitted.fields:
        reader = _READERS.get(each.var)
        if reader is None or (each.var == FULLTEXT_FIELD and not search):
            raise StanzaError("feature-not-implemented", f"there is no field {each.var}")
        given = [value for value in each.values if value]
        if not given and each.var != "ids":
            continue  # a form filled in by a person, who left this empty
        name, read = reader
        if name != "ids" and len(given) > 1:
            raise StanzaError("bad-request", f"the field {each.var} takes one value")
        values[name] = read(given)
    values.pop("", None)
    return Filters(**values)


def _one(read: Callable[[str], T]) -> Callable[[list[str]], T]:
    return lambda values: read(values[0])


def _jid(text: str) -> JID:
    try:
        return JID.parse(text)
    except JIDError as error:
        raise StanzaError("jid-malformed", f"with: {error}") from None


def _time(text: str) -> int:
    try:
        moment = parse_stamp(text)
    except ValueError as error:
        raise StanzaError("bad-request", str(error)) from None
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1_000_000 + moment.microsecond


def _truth(text: str) -> bool:
    if text not in ("0", "1", "false", "true"):
        raise StanzaError("bad-request", "include-groupchat is true or false")
    return text in ("1", "true")


def _ids(values: list[str]) -> tuple[str, ...]:
    if len(values) > _IDS:
        raise StanzaError("policy-violation", f"at most {_IDS} messages can be asked for at once")
    return tuple(dict.fromkeys(values))


def _text(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise StanzaError("policy-violation", f"at most {_LONGEST_TEXT} characters can be looked for")
    return text


# What each field sets, and how it is read. What rooms say is in no account's archive: whether it is to be
# included makes no difference, but has to be understood (§4.1.4).
_READERS: Final[dict[str, tuple[str, Callable[[list[str]], Any]]]] = {
    "with": ("peer", _one(_jid)),
    "start": ("start", _one(_time)),
    "end": ("end", _one(_time)),
    "after-id": ("after", _one(str)),
    "before-id": ("before", _one(str)),
    "ids": ("ids", _ids),
    "include-groupchat": ("", _one(_truth)),
    FULLTEXT_FIELD: ("text", _one(_text)),
}
