"""OpenAPI 3.1 of commands, made from their signatures and docstrings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from burble import __version__
from burble.commands import Argument, Command
from burble.commands.results import Result

__all__ = ["describe"]

_ERROR: Final = {
    "type": "object",
    "required": ["status", "code", "message", "kind"],
    "properties": {
        "status": {"const": "error"},
        "code": {"type": "integer", "description": "The number that ejabberd gives it, or 0."},
        "message": {"type": "string", "description": "What is wrong, for a person."},
        "kind": {"type": "string", "description": "What is wrong, for a program."},
        "rule": {"type": "string", "description": "What refused the call."},
        "remedy": {"type": "string", "description": "What would allow it."},
    },
}
_REASONS: Final = {
    "400": "The arguments are wrong, or the command could not be done.",
    "401": "The caller has not said who it is, or not proved it.",
    "403": "The caller may not do this; the answer names the rule.",
    "default": "The command could not be done.",
}
_RESULTS: Final[dict[str, dict[str, Any]]] = {
    "string": {"type": "string"},
    "atom": {"type": "string"},
    "integer": {"type": "integer"},
    "rescode": {"type": "integer", "enum": [0, 1], "description": "0: it is done."},
    "restuple": {"type": "string", "description": "A sentence that says so."},
}


def describe(commands: Iterable[Command]) -> dict[str, Any]:
    """The description of commands.

    Args:
        commands: those that the reader may call, in all their versions, older ones first.

    Returns:
        The document, in values of JSON.
    """
    newest: dict[str, Command] = {}
    paths: dict[str, Any] = {}
    for command in commands:
        if (older := newest.get(command.name)) is not None:
            paths[f"/api/{older.name}/v{older.version}"] = _path(older, f"v{older.version}")
        newest[command.name] = command
    paths |= {f"/api/{name}": _path(command) for name, command in newest.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Burble",
            "version": __version__,
            "description": "The administration commands of this server.",
        },
        "paths": paths,
        "security": [{"account": []}, {"token": []}],
        "components": {
            "securitySchemes": {
                "account": {"type": "http", "scheme": "basic", "description": "name@domain and password"},
                "token": {"type": "http", "scheme": "bearer", "description": "from oauth_issue_token"},
            },
            "schemas": {"Error": _ERROR},
            "responses": {
                name: {"description": text, "content": _json({"$ref": "#/components/schemas/Error"})}
                for name, text in _REASONS.items()
            },
        },
    }


def _path(command: Command, prefix: str = "") -> dict[str, Any]:
    """The path of a command; ``prefix`` tells the operations of an old version from those of the newest."""
    path = {"post": _operation(command, f"{prefix}." if prefix else "") | {"requestBody": _body(command)}}
    if command.safe:
        parameters = [_parameter(argument) for argument in command.arguments]
        path["get"] = _operation(command, f"{prefix}get.") | {"parameters": parameters}
    return path


def _operation(command: Command, prefix: str) -> dict[str, Any]:
    errors = {status: {"$ref": f"#/components/responses/{status}"} for status in _REASONS}
    done = {"description": command.doc.returns or "It is done.", "content": _json(_result(command))}
    return {
        "operationId": f"{prefix}{command.name}",
        "summary": command.doc.summary,
        "description": command.doc.description,
        "tags": list(command.tags),
        "responses": {"200": done, **errors},
    }


def _body(command: Command) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {argument.name: _schema(argument) for argument in command.arguments},
        "required": [argument.name for argument in command.arguments if argument.required],
        "additionalProperties": False,
    }
    return {"required": bool(schema["required"]), "content": _json(schema)}


def _parameter(argument: Argument) -> dict[str, Any]:
    schema = _schema(argument)
    return {
        "name": argument.name,
        "in": "query",
        "required": argument.required,
        "description": schema.pop("description", ""),
        "schema": schema,
    }


def _schema(argument: Argument) -> dict[str, Any]:
    schema = _inlined(TypeAdapter(argument.type).json_schema())
    if argument.help:
        schema["description"] = argument.help
    if argument.hidden:
        schema["format"] = "password"
    if not argument.required:
        schema["default"] = to_jsonable_python(argument.default)
    return schema


def _result(command: Command) -> dict[str, Any]:
    described = command.described
    if described is None:
        if command.result in (None, type(None)):
            return _RESULTS["rescode"]
        return _inlined(TypeAdapter(command.result).json_schema(mode="serialization"))
    if described.kind in ("string", "integer", "atom"):
        return _object([described])
    return _described(described)


def _described(part: Result) -> dict[str, Any]:
    if part.kind == "list":
        return {"type": "array", "items": _described(part.parts[0])}
    if part.kind == "tuple":
        return _object(part.parts)
    return _RESULTS[part.kind]


def _object(parts: Iterable[Result]) -> dict[str, Any]:
    fields = {part.name: _described(part) for part in parts}
    return {"type": "object", "properties": fields, "required": list(fields)}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without definitions of its own, since references start at the root of the whole document."""
    definitions = schema.pop("$defs", {})

    def inline(part: Any) -> Any:
        if isinstance(part, list):
            return [inline(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return inline(definitions[part["$ref"].rpartition("/")[2]])
        return {key: inline(value) for key, value in part.items()}

    inlined: dict[str, Any] = inline(schema)
    return inlined


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
