"""Which modules a host loads, by what its settings say."""

from __future__ import annotations

import pytest

from burble.modules import DEFAULT, UnknownModule, find, selected


def names(load: list[str], disable: list[str]) -> list[str]:
    return [kind.name for kind in selected(load, disable)]


def test_what_is_required_is_loaded_first() -> None:
    order = names([], [])
    assert sorted(order) == sorted(DEFAULT)
    for name in order:
        assert all(order.index(required) < order.index(name) for required in find(name).requires)


def test_what_needs_a_disabled_module_goes_with_it() -> None:
    """Nobody has to know which modules build on the one that is not wanted."""
    left = names([], ["roster"])
    assert "roster" not in left
    assert "presence" not in left
    assert "ping" in left
    assert not {"offline", "flexible_offline", "push"} & set(names([], ["offline"]))


def test_what_is_asked_for_and_needs_a_disabled_module_is_a_mistake() -> None:
    with pytest.raises(UnknownModule, match="'push' needs module 'offline'"):
        names(["push"], ["offline"])


def test_what_is_not_there_is_a_mistake() -> None:
    with pytest.raises(UnknownModule, match="no module 'nonsense'"):
        names(["nonsense"], [])
