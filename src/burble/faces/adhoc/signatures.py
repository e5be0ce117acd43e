"""Data forms made from the signatures of commands, and what is filled in turned into arguments."""

from __future__ import annotations

import json
import types
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from burble.commands import Argument, Command
from burble.commands.arguments import is_list, is_scalar
from burble.fields import FieldType, FormError
from burble.forms import Form, Validation
from burble.jid import JID
from burble.modules.adhoc import Answer

__all__ = ["arguments_of", "form_of"]

# A text that is likely to have several lines.
_LONG: Final = frozenset({"announcement", "body", "content", "stanza"})
_DATATYPES: Final = {int: "xs:integer", float: "xs:double"}


def form_of(command: Command, host: str) -> Form | None:
    """The form that asks for a command's arguments.

    Args:
        command: the command.
        host: what is proposed for an argument ``host``.

    Returns:
        The form, where there is anything to ask: also whether to go on, for what changes something.
    """
    if command.safe and not command.arguments:
        return None
    text = "\n".join(filter(None, [command.doc.summary, command.doc.description]))
    form = Form(title=command.name, instructions=text or None)
    for argument in command.arguments:
        kind, options = _kind(argument)
        form.add(
            argument.name,
            kind,
            label=argument.name,
            desc=argument.help or f"expected {argument.expected}",
            required=argument.required and not _may_be_empty(argument),
            options=options,
            value=host if argument.name == "host" and argument.required else _default(argument),
            validation=_validation(argument),
        )
    return form


def arguments_of(command: Command, answer: Answer) -> dict[str, Any]:
    """What was filled in, as `Command.check` takes it.

    Raises:
        FormError: what should be JSON is none.
    """
    given = {}
    for argument in command.arguments:
        value = answer.get(argument.name)
        if value is None or (value == "" and not argument.required):
            continue
        if isinstance(value, str) and _is_plain_list(argument.type):
            value = [line for line in value.split("\n") if line]
        elif isinstance(value, str) and not is_scalar(argument.type):
            try:
                value = json.loads(value)
            except ValueError as error:
                raise FormError(argument.name, f"this is not JSON ({error})") from None
        given[argument.name] = value
    return given


def _kind(argument: Argument) -> tuple[FieldType, list[str]]:
    """The type of the field for an argument, and what it offers."""
    if argument.hidden:
        return "text-private", []
    plain = _plain(argument.type)
    if is_list(plain):
        item = _plain(next(iter(get_args(plain)), str))
        if get_origin(item) is Literal:
            return "list-multi", [str(choice) for choice in get_args(item)]
        return ("jid-multi" if item is JID else "text-multi"), []
    if get_origin(plain) is Literal:
        return "list-single", [str(choice) for choice in get_args(plain)]
    if plain is bool:
        return "boolean", []
    if plain is JID:
        return "jid-single", []
    if not is_scalar(plain) or argument.name in _LONG:
        return "text-multi", []
    return "text-single", []


def _validation(argument: Argument) -> Validation | None:
    plain = _plain(argument.type)
    return Validation(_DATATYPES[plain]) if plain in _DATATYPES else None


def _default(argument: Argument) -> Any:
    if argument.required or argument.default is None:
        return None
    if is_scalar(argument.type) or _is_plain_list(argument.type):
        return argument.default
    return json.dumps(argument.default)


def _may_be_empty(argument: Argument) -> bool:
    """Whether nothing is a value too: of a plain text, a list."""
    return _plain(argument.type) is argument.type is str or is_list(argument.type)


def _is_plain_list(annotation: Any) -> bool:
    """Whether values are lists of what can be written on a line each."""
    if not is_list(annotation):
        return False
    plain = _plain(annotation)
    return is_scalar(plain) or is_scalar(next(iter(get_args(plain)), str))


def _plain(annotation: Any) -> Any:
    """A type without what is annotated, and without None."""
    kind = get_origin(annotation)
    if kind is Annotated:
        return _plain(get_args(annotation)[0])
    if kind in (Union, types.UnionType):
        choices = [each for each in get_args(annotation) if each is not type(None)]
        return _plain(choices[0]) if len(choices) == 1 else annotation
    return annotation
