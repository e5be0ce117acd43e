"""Result set management: XEP-0059."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble.errors import StanzaError
from burble.rsm import Page, PageRequest, page_of, read_page_request
from burble.xml import Element, parse_element

ITEMS = [f"item{number}" for number in range(10)]


def request_of(inside: str) -> PageRequest | None:
    return read_page_request(
        parse_element(
            f"<query xmlns='jabber:iq:search'><set xmlns='http://jabber.org/protocol/rsm'>{inside}</set></query>"
        )
    )


def page(request: PageRequest | None, most: int = 100) -> Page[str]:
    return page_of(ITEMS, request, str, most)


def test_a_payload_without_a_set_asks_for_no_pages() -> None:
    assert read_page_request(Element("query", "jabber:iq:search")) is None


@pytest.mark.parametrize(
    ("inside", "request_"),
    [
        ("", PageRequest()),
        ("<max>10</max>", PageRequest(max=10)),
        (
            "<max> 10\n</max><after>peterpan@neverland.lit</after>",
            PageRequest(max=10, after="peterpan@neverland.lit"),
        ),
        ("<max>10</max><before/>", PageRequest(max=10, before="")),
        ("<max>10</max><before>x</before>", PageRequest(max=10, before="x")),
        ("<max>10</max><index>371</index>", PageRequest(max=10, index=371)),
        ("<max>0</max>", PageRequest(max=0)),
        ("<max xmlns='other'>7</max>", PageRequest()),
    ],
)
def test_requests_are_read(inside: str, request_: PageRequest) -> None:
    assert request_of(inside) == request_


@pytest.mark.parametrize(
    "inside",
    [
        "<max/>",
        "<max>-1</max>",
        "<max>ten</max>",
        "<max>\u0663</max>",
        "<max>1_0</max>",
        f"<max>{'9' * 5000}</max>",
        "<index>1</index><after>x</after>",
        "<index>1</index><before/>",
    ],
)
def test_requests_that_make_no_sense_are_bad(inside: str) -> None:
    with pytest.raises(StanzaError) as caught:
        request_of(inside)
    assert caught.value.condition == "bad-request"


@pytest.mark.parametrize(
    ("request_", "expected", "index"),
    [
        (None, ITEMS, 0),
        (PageRequest(max=3), ITEMS[:3], 0),
        (PageRequest(max=3, after="item2"), ITEMS[3:6], 3),
        (PageRequest(max=3, after="item7"), ITEMS[8:], 8),
        (PageRequest(max=3, before=""), ITEMS[7:], 7),
        (PageRequest(max=3, before="item7"), ITEMS[4:7], 4),
        (PageRequest(max=3, before="item1"), ITEMS[:1], 0),
        (PageRequest(max=3, index=4), ITEMS[4:7], 4),
        (PageRequest(after="item2", before="item5"), ITEMS[3:5], 3),
        (PageRequest(max=1, after="item2", before="item5"), ITEMS[4:5], 4),
    ],
)
def test_pages_are_cut_where_they_were_asked_for(
    request_: PageRequest, expected: list[str], index: int
) -> None:
    got = page(request_)

    assert list(got.items) == expected
    assert (got.first, got.last, got.index, got.count) == (expected[0], expected[-1], index, 10)


@pytest.mark.parametrize(
    "request_",
    [
        PageRequest(max=0),
        PageRequest(after="item9"),
        PageRequest(before="item0"),
        PageRequest(after="item5", before="item2"),
    ],
)
def test_an_empty_page_still_tells_the_count(request_: PageRequest) -> None:
    assert page(request_).to_element() == parse_element(
        "<set xmlns='http://jabber.org/protocol/rsm'><count>10</count></set>"
    )


@pytest.mark.parametrize(
    "request_", [PageRequest(after="gone"), PageRequest(before="gone"), PageRequest(index=10)]
)
def test_a_page_from_nowhere_is_not_found(request_: PageRequest) -> None:
    with pytest.raises(StanzaError) as caught:
        page(request_)
    assert caught.value.condition == "item-not-found"


def test_an_empty_set_has_one_empty_page() -> None:
    assert page_of([], PageRequest(max=5, index=0), str, 100).count == 0


def test_nobody_gets_more_than_the_most() -> None:
    assert len(page(PageRequest(max=1000), most=4).items) == 4
    assert len(page(PageRequest(before=""), most=4).items) == 4


def test_the_response_is_that_of_the_example() -> None:
    page_ = Page(["..."], "stpeter@jabber.org", "peterpan@neverland.lit", 0, 800)

    assert page_.to_element() == parse_element(
        "<set xmlns='http://jabber.org/protocol/rsm'><first index='0'>stpeter@jabber.org</first>"
        "<last>peterpan@neverland.lit</last><count>800</count></set>"
    )


@given(st.integers(0, 30), st.integers(1, 12))
def test_paging_either_way_meets_every_item_once_in_order(size: int, most: int) -> None:
    items = [str(number) for number in range(size)]
    forwards: list[str] = []
    request = PageRequest(max=most)
    while (got := page_of(items, request, str, 100)).items:
        forwards += got.items
        request = PageRequest(max=most, after=got.last)
    backwards: list[str] = []
    request = PageRequest(max=most, before="")
    while (got := page_of(items, request, str, 100)).items:
        backwards = [*got.items, *backwards]
        request = PageRequest(max=most, before=got.first)

    assert forwards == backwards == items
