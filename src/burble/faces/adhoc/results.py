"""What commands return, as forms for people to read."""

from __future__ import annotations

import json
from typing import Any, Final

from burble.commands import Command
from burble.commands.results import plain
from burble.fields import Field
from burble.forms import Form
from burble.modules.adhoc import Note

__all__ = ["told"]

# Items of a list that are shown: clients, and their users, take only so much.
_MOST: Final = 1000


def told(command: Command, result: Any) -> list[Form | Note]:
    """What to show of a result.

    Args:
        command: what was called.
        result: what it returned.
    """
    value = plain(result)
    if value is None:
        return [Note("It is done.")]
    name = command.described.name if command.described is not None else "result"
    form = Form("result", title=command.name)
    said: list[Form | Note] = [form]
    if isinstance(value, list):
        if len(value) > _MOST:
            said.append(Note(f"These are {_MOST} of {len(value)}; burblectl shows all.", "warn"))
        shown = value[:_MOST]
        if shown and all(isinstance(each, dict) for each in shown):
            form.reported = [Field(key, label=key) for key in shown[0]]
            for each in shown:
                form.add_item({key: _texts(part) for key, part in each.items()})
        else:
            form.add(name, "text-multi", label=name, value=[_text(each) for each in shown])
    elif isinstance(value, dict):
        for key, part in value.items():
            _add(form, key, part)
    else:
        _add(form, name, value)
    return said


def _add(form: Form, name: str, value: Any) -> None:
    if isinstance(value, bool):
        form.add(name, "boolean", label=name, value=value)
    else:
        texts = _texts(value)
        several = isinstance(value, list) or any("\n" in text for text in texts)
        form.add(name, "text-multi" if several else "text-single", label=name, value=texts)


def _texts(value: Any) -> list[str]:
    return [_text(each) for each in value] if isinstance(value, list) else [_text(value)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
