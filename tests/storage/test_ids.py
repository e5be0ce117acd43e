"""Ids that hold the time."""

import time

from burble.storage.ids import TimeIds, first_id, time_of


def test_ids_grow_and_hold_the_time() -> None:
    ids = TimeIds()
    before = time.time_ns() // 1000
    given = [ids.next() for _ in range(2000)]
    assert given == sorted(set(given))
    assert before <= time_of(given[0])
    assert time_of(given[-1]) <= time.time_ns() // 1000 + 2  # where two fell into one microsecond


def test_ids_grow_also_where_the_clock_was_set_back() -> None:
    ids = TimeIds()
    tomorrow = first_id((time.time_ns() // 1000) + 86_400_000_000)
    ids.skip(tomorrow)
    ids.skip(5)
    assert ids.next() > tomorrow


def test_the_first_id_of_a_time_is_not_later_than_any_of_it() -> None:
    id = TimeIds().next()
    assert first_id(time_of(id)) <= id < first_id(time_of(id) + 1)


def test_ids_of_one_microsecond_differ_by_chance() -> None:
    assert len({TimeIds().next() & 1023 for _ in range(200)}) > 50
