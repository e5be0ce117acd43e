"""Result set management: answers handed out in pages (XEP-0059)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from burble.errors import StanzaError
from burble.namespaces import RSM
from burble.xml import Element

__all__ = ["Page", "PageRequest", "page_of", "read_page_request"]

T = TypeVar("T")

# No result set is longer; a bound keeps hostile numbers out of arithmetic and databases.
_NUMBER = re.compile(r"\s*([0-9]{1,9})\s*")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page that a requesting entity asks for.

    Attributes:
        max: the most items it wants; 0 asks for nothing but the count (§2.7); None leaves it to us.
        after: UID of the item before the page (§2.2).
        before: UID of the item after the page (§2.3); an empty string asks for the last page (§2.5).
        index: position of the page's first item (§2.6).
    """

    max: int | None = None
    after: str | None = None
    before: str | None = None
    index: int | None = None

    def limit(self, most: int) -> int:
        """How many items to return where we return at most so many."""
        return most if self.max is None else min(self.max, most)

    @property
    def backwards(self) -> bool:
        """Whether the page is counted from its end."""
        return self.before is not None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a result set.

    Attributes:
        items: the items on it, in the order of the whole set.
        first: UID of the first of them; None on an empty page.
        last: UID of the last of them; None on an empty page.
        index: position of the first item in the whole set, where known.
        count: size of the whole set, where known.
    """

    items: Sequence[T]
    first: str | None = None
    last: str | None = None
    index: int | None = None
    count: int | None = None

    def to_element(self) -> Element:
        """The ``<set/>`` that tells the requesting entity which page it got (§2.2)."""
        answer = Element("set", RSM)
        if self.first is not None:
            answer.add(
                "first", attrs=None if self.index is None else {"index": str(self.index)}, text=self.first
            )
        if self.last is not None:
            answer.add("last", text=self.last)
        if self.count is not None:
            answer.add("count", text=str(self.count))
        return answer


def read_page_request(wrapper: Element) -> PageRequest | None:
    """Find and read the ``<set/>`` in a request's payload.

    Returns:
        the request; None where the payload has no ``<set/>`` and so wants no pages.

    Raises:
        StanzaError: ``bad-request``: a number is none, or an index comes with a UID.
    """
    element = wrapper.child("set", RSM)
    if element is None:
        return None
    request = PageRequest(
        max=_number(element, "max"),
        after=element.child_text("after", RSM),
        before=element.child_text("before", RSM),
        index=_number(element, "index"),
    )
    if request.index is not None and (request.after is not None or request.before is not None):
        raise StanzaError("bad-request", "a page is asked for by index, or by before and after")
    return request


def page_of(items: Sequence[T], request: PageRequest | None, uid: Callable[[T], str], most: int) -> Page[T]:
    """Cut the page that was asked for out of a whole result set.

    Args:
        items: the whole set, in order.
        request: what was asked for; None stands for the first page.
        uid: tells the unique ID of an item.
        most: the most items to return, whatever was asked for.

    Raises:
        StanzaError: ``item-not-found``: no item has the UID asked for, or the index is beyond the set.
    """
    request = request or PageRequest()
    start, stop = 0, len(items)
    if request.after:
        start = _position(items, request.after, uid) + 1
    if request.before:
        stop = _position(items, request.before, uid)
    if request.index is not None:
        if request.index >= len(items) > 0:
            raise StanzaError("item-not-found", f"there are {len(items)} items, the first has index 0")
        start = request.index
    limit = request.limit(most)
    if request.backwards:
        start = max(start, stop - limit)
    page = items[start : min(stop, start + limit)]
    if not page:
        return Page(page, count=len(items))
    return Page(page, uid(page[0]), uid(page[-1]), start, len(items))


def _position(items: Sequence[T], wanted: str, uid: Callable[[T], str]) -> int:
    for position, item in enumerate(items):
        if uid(item) == wanted:
            return position
    raise StanzaError("item-not-found", "the item to page from is not in the result set")


def _number(element: Element, name: str) -> int | None:
    text = element.child_text(name, RSM)
    if text is None:
        return None
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise StanzaError("bad-request", f"<{name}/> takes a number from 0 to 999999999")
    return int(match[1])
