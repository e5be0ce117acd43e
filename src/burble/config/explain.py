"""Turn what pydantic found wrong into lines that say where, what was expected and what is near."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from burble.config.lines import Path as KeyPath

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_PASSWORD_IN_URL = re.compile(r"(://[^/@:]*:).*@")
_LONGEST_SHOWN = 60

_KINDS = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list in brackets",
    "model_type": "a table",
    "path_type": "a path in quotes",
    "string_type": "text in quotes",
}
_BOUNDS = {
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "less than {lt:g}",
    "less_than_equal": "{le:g} or less",
    "too_short": "{min_length} or more values",
    "too_long": "{max_length} or fewer values",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the way to its key, and a sentence about it."""

    path: KeyPath
    text: str


class ConfigError(Exception):
    """The settings cannot be used. The message has a line "FILE:LINE: KEY: WHAT" for each problem.

    `file` is the settings file, None when there is none; `problems` the lines without the file's name.
    """

    def __init__(self, file: Path | None, problems: Iterable[tuple[int | None, str]]) -> None:
        self.file = file
        self.problems = sorted(problems, key=lambda problem: problem[0] or 0)
        name = "settings" if file is None else str(file)
        lines = ((name if line is None else f"{name}:{line}", text) for line, text in self.problems)
        super().__init__("\n".join(f"{place}: {text}" for place, text in lines))


def dotted(path: KeyPath) -> str:
    """Write a key the way TOML does: `host."example.org".limits.rate`, `listen.c2s[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE_KEY.fullmatch(part) else json.dumps(part))
    return text


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean "..."?` with the most similar of `names`, or `; expected ...` with all."""
    known = sorted(names)
    close = get_close_matches(name.lower(), known, n=1) or get_close_matches(name.upper(), known, n=1)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; expected {_listed(known)}" if known else ""


def explain(error: ValidationError, model: type[BaseModel], document: Mapping[str, Any]) -> list[Problem]:
    """Return the problems of `document`, which did not validate as `model`."""
    wrong: dict[KeyPath, list[ErrorDetails]] = {}
    for details in error.errors():
        wrong.setdefault(_written_path(details, document), []).append(details)
    return [Problem(path, _sentence(path, details, model)) for path, details in wrong.items()]


def has(document: object, part: str | int) -> TypeGuard[dict[str | int, Any]]:
    """Tell whether a table has the key `part`, or a list the item `part`."""
    if isinstance(document, list):
        return isinstance(part, int) and part < len(document)
    return isinstance(document, dict) and part in document


def _written_path(details: ErrorDetails, document: object) -> KeyPath:
    """Return where the error is in the document, without pydantic's marks for unions and dict keys."""
    path: KeyPath = ()
    for part in details["loc"]:
        if has(document, part):
            path, document = (*path, part), document[part]
    return (*path, details["loc"][-1]) if details["type"] == "missing" else path


def _sentence(path: KeyPath, wrong: list[ErrorDetails], model: type[BaseModel]) -> str:
    first = wrong[0]
    name = str(path[-1]) if path else ""
    if first["type"] == "missing":
        return "this key is needed"
    if first["type"] == "extra_forbidden":
        return "unknown key" + (_home(name, model, path) or nearest(name, _keys(model, path)))
    if first["type"] == "dict_type" and (near := _misspelt(name, model, path)):
        return "unknown key" + near
    if first["type"] in ("value_error", "assertion_error"):
        return first["msg"].partition(", ")[2] + _given(first["input"])
    expectations = dict.fromkeys(_expectation(details) for details in wrong)
    sentence = f"expected {' or '.join(expectations)}{_given(first['input'])}"
    choices = [choice for details in wrong for choice in _choices(details)]
    if isinstance(first["input"], str) and choices:
        close = nearest(first["input"], choices)
        return sentence + (close if "did you mean" in close else "")
    return sentence


def _expectation(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "expected":
        return str(context["what"])
    if kind == "literal_error":
        return _listed(_choices(details))
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**context)
    return _KINDS.get(kind) or details["msg"].removeprefix("Input should be ")


def _choices(details: ErrorDetails) -> list[str]:
    if details["type"] != "literal_error":
        return []
    return re.findall(r"'([^']*)'", str(details.get("ctx", {}).get("expected", "")))


def _listed(names: list[str]) -> str:
    quoted = [f'"{name}"' for name in names]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _given(value: object) -> str:
    if isinstance(value, Mapping):
        return ""
    shown = _PASSWORD_IN_URL.sub(r"\1***@", json.dumps(value, ensure_ascii=False, default=str))
    return "; got " + (shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "...")


def _keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the keys that may stand beside the one at `path`."""
    around = _model_at(model, path[:-1])
    fields = {} if around is None else around.model_fields
    return [field.alias or name for name, field in fields.items()]


def _misspelt(name: str, model: type[BaseModel], path: KeyPath) -> str:
    """Return the nearest key, if any, for `laod = []` in [modules], where a table may have any name."""
    keys = _keys(model, path)
    near = "" if name in keys else nearest(name, keys)
    return near if "did you mean" in near else ""


def _home(name: str, model: type[BaseModel], path: KeyPath) -> str:
    """Say where a key belongs that is right but stands in the wrong table."""
    if name in model.model_fields and len(path) > 1:
        return f'; "{name}" belongs above [{dotted(path[:-1])}]'
    homes = [
        table
        for table in model.model_fields
        if (inner := _model_at(model, (table,))) is not None and name in inner.model_fields
    ]
    return f'; "{name}" belongs in [{homes[0]}]' if homes else ""


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """Return the model of the table at `path`, or None when no model describes it."""
    annotation: Any = model
    for part in path:
        annotation = _step(annotation, part)
    return _model_in(annotation)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, UnionType):
        return next((found for each in get_args(annotation) if (found := _model_in(each))), None)
    return None


def _step(annotation: Any, part: str | int) -> Any:
    model = _model_in(annotation)
    if model is not None:
        fields = model.model_fields.items()
        return next((field.annotation for name, field in fields if part in (name, field.alias)), None)
    return get_args(annotation)[-1] if get_origin(annotation) in (dict, list) else None
