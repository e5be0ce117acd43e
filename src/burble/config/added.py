"""Hosts that were added while the server ran: a file in the data directory, beside the settings file.

The settings file belongs to whoever wrote it, with its comments, and is never changed. This one has a table
``[host."NAME"]`` for each host that commands have added, with the same keys as there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import Field, ValidationError
from pydantic_core import to_json

from burble.config.explain import ConfigError, Problem, dotted, explain
from burble.config.fields import Domain, Table
from burble.config.reader import located, read_document
from burble.config.settings import HostOverrides, Settings
from burble.config.written import toml_lines

__all__ = ["FILE_NAME", "read_added", "read_overrides", "with_added", "write_added"]

_T = TypeVar("_T", bound=Table)

FILE_NAME: Final = "hosts.toml"
"""The file's name in the data directory."""

_PREFACE: Final = (
    "# The hosts that were added by commands. Burble writes this file.\n"
    "# A host that the settings file names too is as it says there.\n"
)


class _File(Table):
    host: dict[Domain, HostOverrides] = Field(default={})


def read_added(directory: Path) -> dict[str, HostOverrides]:
    """Return the added hosts, by name, each with its own settings; none where nobody added any.

    Args:
        directory: the data directory.

    Raises:
        ConfigError: the file can't be used.
    """
    path = directory / FILE_NAME
    if not path.exists():
        return {}
    text, document = read_document(path)
    try:
        return _validated(_File, document, directory).host
    except ValidationError as error:
        raise located(path, text, explain(error, _File, document)) from None


def read_overrides(own: Mapping[str, Any], directory: Path) -> HostOverrides:
    """Return the settings of one host, given as values of JSON by the keys of ``[host."NAME"]``.

    Args:
        own: the keys and values.
        directory: where relative paths in them start.

    Raises:
        ConfigError: a key or a value is wrong.
    """
    try:
        return _validated(HostOverrides, own, directory)
    except ValidationError as error:
        raise _unlocated(explain(error, HostOverrides, dict(own))) from None


def write_added(directory: Path, added: Mapping[str, HostOverrides]) -> None:
    """Put the file in place whole, or take it away where no host is left.

    Raises:
        OSError: it can't be written; the one before stays.
    """
    path = directory / FILE_NAME
    if not added:
        path.unlink(missing_ok=True)
        return
    tables = {name: own.model_dump(mode="json", exclude_unset=True) for name, own in added.items()}
    text = _PREFACE + "".join(f"{line}\n" for line in toml_lines(tables, "host"))
    temporary = path.with_name(f"{FILE_NAME}.new")
    # There may be passwords in it, of an authentication service for one.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def with_added(settings: Settings, added: Mapping[str, HostOverrides]) -> Settings:
    """Return settings with other hosts behind their own; what both name is as the settings have it.

    Raises:
        ConfigError: a host can't be as its own settings say.
    """
    more = {name: own for name, own in added.items() if name not in settings.hosts}
    if not more:
        return settings
    whole = settings.model_copy(update={"hosts": [*settings.hosts, *more], "host": {**settings.host, **more}})
    lacking = [
        Problem(("host", name, "auth", *key.split(".")), text)
        for name in more
        for key, text in whole.for_host(name).auth.lacking()
    ]
    if lacking:
        raise _unlocated(lacking)
    return whole


def _validated(model: type[_T], values: Mapping[str, Any], directory: Path) -> _T:
    # As JSON, like the settings file itself: see `burble.config.load`.
    return model.model_validate_json(to_json(dict(values)), context={"directory": directory.absolute()})


def _unlocated(problems: list[Problem]) -> ConfigError:
    return ConfigError(None, [(None, f"{dotted(problem.path)}: {problem.text}") for problem in problems])
