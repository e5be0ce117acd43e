"""Read the settings file and check it: every problem is found at once and named with its line."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from burble.config.explain import ConfigError, Problem, dotted, explain, has, nearest
from burble.config.fields import prepare_domain
from burble.config.lines import Path as KeyPath
from burble.config.lines import key_lines, line_of
from burble.config.sections import Modules, Registration
from burble.config.settings import Settings, merge

_SYNTAX_LINE = re.compile(r" \((?:at line (\d+), column \d+|at end of document)\)$")


def load(path: Path | None, *, module_settings: Mapping[str, type[BaseModel]] | None = None) -> Settings:
    """Return the settings of the TOML file at `path`.

    Without a file they are the defaults, with registration open to clients on the same machine.
    `module_settings` holds the name of every module that there is, with the model of its table;
    when it is None, names of modules and their tables are taken as they are.

    Raise ConfigError, which names every problem, when the file cannot be read, is no TOML, or has
    a key or value that is wrong.
    """
    if path is None:
        return Settings(registration=Registration(open="loopback"))
    text, document = read_document(path)
    problems: list[Problem] = []
    try:
        # As JSON, strict models still take text for a path or an enum, and a list for a tuple or a set.
        settings = Settings.model_validate_json(
            to_json(document), context={"directory": path.absolute().parent}
        )
    except ValidationError as error:
        problems += explain(error, Settings, document)
    problems += _host_problems(document)
    if module_settings is not None:
        problems += _module_problems(document, module_settings)
    if problems:
        raise located(path, text, problems)
    return settings


def read_document(path: Path) -> tuple[str, dict[str, Any]]:
    """Return a file of settings as text and as TOML. Raise ConfigError when it can't be read, or is none."""
    text = _read(path)
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, text, str(error)) from None


def located(path: Path, text: str, problems: Iterable[Problem]) -> ConfigError:
    """Return the error that names problems with the lines of the file at `path`, which holds `text`."""
    lines = key_lines(text)
    return ConfigError(path, [(line_of(lines, problem.path), _with_key(problem)) for problem in problems])


def _with_key(problem: Problem) -> str:
    return f"{dotted(problem.path)}: {problem.text}" if problem.path else problem.text


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(path, [(None, f"the settings file cannot be read: {reason}")]) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(path, [(line, "expected text in UTF-8")]) from error


def _syntax_error(path: Path, text: str, message: str) -> ConfigError:
    place = _SYNTAX_LINE.search(message)
    line = int(place[1]) if place and place[1] else text.count("\n") + 1
    what = _SYNTAX_LINE.sub("", message)
    return ConfigError(path, [(line, f"not TOML: {what[:1].lower()}{what[1:]}")])


def _table(document: object, *path: str) -> dict[str, Any]:
    """Return the table at `path`, an empty one when there is none; a wrong type is reported elsewhere."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def _prepared(name: str) -> str | None:
    try:
        return prepare_domain(name)
    except ValueError:
        return None


def _host_problems(document: dict[str, Any]) -> Iterator[Problem]:
    hosts = document.get("hosts", ["localhost"])
    names = hosts if isinstance(hosts, list) else []
    served = {_prepared(name) for name in names if isinstance(name, str)}
    seen: dict[str, str] = {}
    for name in _table(document, "host"):
        domain = _prepared(name)
        if domain is None:
            continue
        if domain not in served:
            text = f'"{domain}" is not in hosts' + nearest(domain, filter(None, served))
            yield Problem(("host", name), text)
        if domain in seen:
            yield Problem(("host", name), f'the same host as "{seen[domain]}"')
        seen[domain] = name


def _module_problems(document: dict[str, Any], models: Mapping[str, type[BaseModel]]) -> Iterator[Problem]:
    general = _table(document, "modules")
    known = [*_unknown_modules(general, models), *_option_problems(general, models)]
    yield from _inside(("modules",), known)
    for host in _table(document, "host"):
        own = _table(document, "host", host, "modules")
        # Options are checked as they are once merged; what the general tables have wrong is named there.
        merged = _option_problems(merge(general, own), models)
        wrong = [problem for problem in merged if problem not in known or _stands_in(own, problem.path)]
        yield from _inside(("host", host, "modules"), [*_unknown_modules(own, models), *wrong])


def _inside(place: KeyPath, problems: Iterable[Problem]) -> Iterator[Problem]:
    return (Problem((*place, *problem.path), problem.text) for problem in problems)


def _unknown_modules(modules: dict[str, Any], models: Mapping[str, type[BaseModel]]) -> Iterator[Problem]:
    for key in Modules.model_fields:
        names = modules.get(key)
        for number, name in enumerate(names if isinstance(names, list) else []):
            if isinstance(name, str) and name not in models:
                yield Problem((key, number), f'unknown module "{name}"{nearest(name, models)}')
    for name, options in modules.items():
        if isinstance(options, dict) and name not in models:
            yield Problem((name,), f"unknown module{nearest(name, models)}")


def _option_problems(modules: dict[str, Any], models: Mapping[str, type[BaseModel]]) -> Iterator[Problem]:
    for name, options in modules.items():
        if not isinstance(options, dict) or name not in models:
            continue
        try:
            models[name].model_validate_json(to_json(options))
        except ValidationError as error:
            yield from _inside((name,), explain(error, models[name], options))


def _stands_in(table: object, path: KeyPath) -> bool:
    for part in path:
        if not has(table, part):
            return False
        table = table[part]
    return True
