"""The order in which to try the servers of a domain (RFC 2782)."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from burble.dns.services import Service, ServiceRecord, in_order

RECORDS = st.lists(
    st.builds(
        ServiceRecord,
        st.integers(0, 5),
        st.integers(0, 65535),
        st.builds(Service, st.sampled_from(["a", "b", "c"]), st.integers(1, 65535), st.booleans()),
    ),
    max_size=12,
)


@given(RECORDS, st.randoms(use_true_random=False))
def test_all_are_tried_the_lowest_priority_first(records: list[ServiceRecord], chance: random.Random) -> None:
    services = in_order(records, chance)
    assert Counter(services) == Counter(record.service for record in records)
    by_priority = sorted(records, key=lambda record: record.priority)
    start = 0
    for priority in sorted({record.priority for record in records}):
        group = Counter(record.service for record in by_priority if record.priority == priority)
        assert Counter(services[start : start + group.total()]) == group
        start += group.total()


def test_weights_are_the_odds_to_come_first() -> None:
    weights = {"a": 60, "b": 30, "c": 10}
    records = [ServiceRecord(1, weight, Service(host, 1)) for host, weight in weights.items()]
    chance = random.Random(2782)
    first = Counter(in_order(records, chance)[0].host for _ in range(10_000))
    for host, weight in weights.items():
        assert abs(first[host] / 100 - weight) < 2


def test_what_has_no_weight_comes_first_but_seldom() -> None:
    records = [ServiceRecord(1, 0, Service("light", 1)), ServiceRecord(1, 99, Service("heavy", 1))]
    chance = random.Random(2782)
    first = Counter(in_order(records, chance)[0].host for _ in range(10_000))
    assert 0 < first["light"] < 300


def test_without_weights_it_is_any_order() -> None:
    records = [ServiceRecord(1, 0, Service(host, 1)) for host in "ab"]
    chance = random.Random(2782)
    assert {in_order(records, chance)[0].host for _ in range(100)} == {"a", "b"}


def test_of_thousands_only_the_first_are_of_use() -> None:
    records = [ServiceRecord(n % 100, 1, Service("a", n + 1)) for n in range(10_000)]
    services = in_order(records, random.Random(2782))
    assert len(services) == 32
    assert all((service.port - 1) % 100 == 0 for service in services)


def test_a_service_reads_as_it_is_written() -> None:
    assert str(Service("a.test", 5269)) == "a.test:5269"
    assert str(Service("::1", 5269)) == "[::1]:5269"
