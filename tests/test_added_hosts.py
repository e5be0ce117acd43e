"""The file of hosts that commands have added: what is written comes back, whatever it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble.config import ConfigError
from burble.config.added import FILE_NAME, read_added, read_overrides, with_added, write_added
from burble.testing import settings

GARDEN = "garden.example"

# Text as TOML can have it: all but halves of characters.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    texts | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
options = st.dictionaries(texts, values, max_size=3)


@given(
    options=st.dictionaries(st.sampled_from(["muc", "echo", "a b", '"']), options, max_size=3),
    rate=st.integers(0, 10**9),
)
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, options: dict[str, Any], rate: int
) -> None:
    directory = tmp_path_factory.mktemp("data")
    own = {"admins": ["rose@garden.example"], "limits": {"rate": rate}, "modules": options}
    added = {GARDEN: read_overrides(own, directory), "bücher.example": read_overrides({}, directory)}
    write_added(directory, added)
    assert read_added(directory) == added


def test_relative_paths_start_at_the_data_directory(tmp_path: Path) -> None:
    own = read_overrides({"tls": {"certificate": "a.pem", "key": "b.pem"}}, tmp_path)
    write_added(tmp_path, {GARDEN: own})
    assert read_added(tmp_path)[GARDEN].tls.certificate == tmp_path / "a.pem"


def test_a_file_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    write_added(tmp_path, {GARDEN: read_overrides({}, tmp_path)})
    before = (tmp_path / FILE_NAME).read_text()
    (tmp_path / f"{FILE_NAME}.new").mkdir()
    with pytest.raises(IsADirectoryError):
        write_added(tmp_path, {"rose.example": read_overrides({}, tmp_path)})
    assert (tmp_path / FILE_NAME).read_text() == before


def test_none_left(tmp_path: Path) -> None:
    write_added(tmp_path, {GARDEN: read_overrides({}, tmp_path)})
    write_added(tmp_path, {})
    assert os.listdir(tmp_path) == []
    assert read_added(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hosts = ['x']", 'hosts.toml:1: hosts: unknown key; did you mean "host"'),
        ('[host."no domain"]', "expected a domain name"),
        ("[host", "hosts.toml:1: not TOML"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(ConfigError) as error:
        read_added(tmp_path)
    assert problem in str(error.value)


def test_a_host_takes_the_rest_from_the_general_settings(tmp_path: Path) -> None:
    general = settings(tmp_path, limits={"rate": 5000, "burst": 9000})
    added = {GARDEN: read_overrides({"limits": {"rate": 7000}}, tmp_path)}
    limits = with_added(general, added).for_host(GARDEN).limits
    assert (limits.rate, limits.burst) == (7000, 9000)
