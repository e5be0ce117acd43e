"""Read a command's docstring: what it does, its arguments, its result, examples."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from typing import Final

_SECTIONS: Final = {
    "Args": "args",
    "Returns": "returns",
    "Raises": "raises",
    "Example": "examples",
    "Examples": "examples",
}
_HEADING: Final = re.compile(r"(\w+):")
_ARGUMENT: Final = re.compile(r"(\w+):\s*(.*)")


@dataclass(frozen=True, slots=True)
class Docstring:
    """The parts of a docstring in the style of this project.

    Attributes:
        summary: the first paragraph, on one line.
        description: the paragraphs after it.
        arguments: what is said of each argument, by name.
        returns: what is said of the result.
        examples: the lines below ``Example:``, one call each, as `burblectl` takes them.
    """

    summary: str = ""
    description: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    returns: str = ""
    examples: tuple[str, ...] = ()


def read_docstring(text: str | None) -> Docstring:
    """Take a docstring apart."""
    parts: dict[str, list[str]] = {"text": []}
    section = "text"
    for line in inspect.cleandoc(text or "").splitlines():
        heading = _HEADING.fullmatch(line)
        name = _SECTIONS.get(heading[1]) if heading else None
        if name is not None:
            section = name
        else:
            parts.setdefault(section, []).append(line)
    paragraphs = "\n".join(parts["text"]).strip().split("\n\n")
    return Docstring(
        _joined(paragraphs[0].splitlines()),
        "\n\n".join(_joined(paragraph.splitlines()) for paragraph in paragraphs[1:]),
        _arguments(inspect.cleandoc("\n".join(["", *parts.get("args", [])])).splitlines()),
        _joined(parts.get("returns", [])),
        tuple(line.strip() for line in parts.get("examples", []) if line.strip()),
    )


def _arguments(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        match = _ARGUMENT.match(line)
        if match and not line.startswith(" "):
            name = match[1]
            found[name] = [match[2]]
        elif name:
            found[name].append(line)
    return {name: _joined(texts) for name, texts in found.items()}


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines if line.strip())
