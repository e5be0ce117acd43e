"""Settings written as TOML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["toml_lines"]


def toml_lines(table: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """The lines of a table: plain keys first, then the tables in it.

    Args:
        table: values as JSON has them; a key that is None is left out.
        name: of the table, as TOML has it; "" for the top of the file.
    """
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    for key, value in table.items():
        if value is not None and key not in inner:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in inner.items():
        full = f"{name}.{_key(key)}" if name else _key(key)
        yield f"\n[{full}]"
        yield from toml_lines(value, full)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        fields = (f"{_key(key)} = {_value(each)}" for key, each in value.items() if each is not None)
        return f"{{{', '.join(fields)}}}"
    # A JSON text is one of TOML, but for DEL, which must be escaped there.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
