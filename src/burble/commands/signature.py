"""A command as its function's signature and docstring describe it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NotRequired, Required, cast, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict  # Python's own is not enough for pydantic before 3.12

from burble.commands.arguments import HostName, UserName, expectation, is_hidden, is_list, is_scalar
from burble.commands.docstrings import Docstring, read_docstring
from burble.commands.errors import Problem, WrongArguments
from burble.commands.results import Result, read_result

__all__ = ["Argument", "Command"]

# A plain str by these names is an account's localpart or a host's domain, and is prepared as such.
_BY_NAME: Final = {"user": UserName, "host": HostName}
_SHOWN: Final = 60
_PROBLEMS: Final[dict[str, Problem]] = {"missing": "missing", "extra_forbidden": "unknown"}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command.

    Attributes:
        name: its name; that of the parameter, without the ``_`` behind a word that Python keeps to itself.
        parameter: the function's parameter.
        type: its annotation.
        required: it has no default.
        default: what it is where it is left out.
        help: what the docstring says of it.
    """

    name: str
    parameter: str
    type: Any
    required: bool
    default: Any
    help: str

    @property
    def hidden(self) -> bool:
        """Whether its value is never to be shown or logged."""
        return is_hidden(self.type)

    @property
    def expected(self) -> str:
        """What it takes, in words."""
        return expectation(self.type)


class Command:
    """What is known of a command, whichever way it is called.

    Args:
        name: its name.
        function: the function, or bound method; its annotations must be importable where it is defined.
        tags: what it is about.
        access: the role a caller needs.
        safe: it changes nothing.
        result: ejabberd's description of its result, or "".
        version: the version of the API in which it became what it is.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        tags: Sequence[str] = (),
        access: str = "admin",
        safe: bool = False,
        result: str = "",
        version: int = 0,
    ) -> None:
        self.name = name
        self.version = version
        self.tags = tuple(tags)
        self.access = access
        self.safe = safe
        # Not the method: that would keep its object.
        self._function = function.__func__ if inspect.ismethod(function) else function
        self._bound = inspect.ismethod(function)
        self._described = result

    # Read when it is first asked for: a server has two hundred commands, and calls few of them.

    @cached_property
    def described(self) -> Result | None:
        """What it returns as ejabberd describes it, where ejabberd has the command."""
        return read_result(self._described) if self._described else None

    @cached_property
    def doc(self) -> Docstring:
        """Its docstring."""
        return read_docstring(self._function.__doc__)

    @cached_property
    def result(self) -> Any:
        """The annotation of what it returns."""
        return self._hints.get("return")

    @cached_property
    def arguments(self) -> tuple[Argument, ...]:
        """Its arguments, in order."""
        parameters = list(inspect.signature(self._function).parameters.values())
        return tuple(self._argument(each, self._hints) for each in parameters[self._bound :])

    @cached_property
    def _hints(self) -> dict[str, Any]:
        try:
            return get_type_hints(self._function, include_extras=True)
        except NameError as error:
            raise TypeError(f"command {self.name}: {error}; import it outside of TYPE_CHECKING") from None

    def read_now(self) -> None:
        """Read the signature and all that is said of the command at once.

        Raises:
            TypeError: the signature can't be a command's: an argument has no type, or is not a plain one.
            ValueError: the description of the result can't be read.
        """
        _ = self.arguments, self.described

    def _argument(self, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Argument:
        if parameter.name not in hints or parameter.kind not in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        ):
            raise TypeError(
                f"command {self.name}: the argument {parameter.name} needs a type and a name of its own"
            )
        name, hint = parameter.name.rstrip("_"), hints[parameter.name]
        type_ = _BY_NAME.get(name, str) if hint is str else hint
        required = parameter.default is parameter.empty
        default = None if required else parameter.default
        text = self.doc.arguments.get(parameter.name, "")
        return Argument(name, parameter.name, type_, required, default, text)

    @property
    def usage(self) -> str:
        """How it is called on the command line: ``register USER HOST PASSWORD``."""
        words = [
            argument.name.upper() if argument.required else f"[{argument.name.upper()}]"
            for argument in self.arguments
        ]
        return " ".join([self.name, *words])

    # ---- checking

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check arguments by name and turn them into what the function takes.

        Raises:
            WrongArguments: they are not what it takes.
        """
        try:
            return dict(self.adapter.validate_python(dict(given)))
        except ValidationError as error:
            # Without its cause: pydantic's text shows what was given, passwords too.
            wrong = error.errors()
            problem = _PROBLEMS.get(wrong[0]["type"], "value")
            raise self._wrong((self._sentence(details) for details in wrong), problem) from None

    def read(self, texts: Sequence[str]) -> dict[str, Any]:
        """Turn arguments written as text, in order, into arguments by name, still to be checked.

        A list is written with commas, or as JSON; anything that is no plain value as JSON.

        Raises:
            WrongArguments: there are too many, or one is no JSON.
        """
        if len(texts) > len(self.arguments):
            raise self._wrong([f"got {len(texts)} arguments, expected {len(self.arguments) or 'none'}"])
        return {
            argument.name: self._value(argument, text)
            for argument, text in zip(self.arguments, texts, strict=False)
        }

    def read_named(self, texts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Turn arguments written as text, by name, into arguments still to be checked.

        Args:
            texts: as in a URL's query: each name with all its values, of which only a list takes several.

        Raises:
            WrongArguments: one has several values, or is no JSON.
        """
        known = {argument.name: argument for argument in self.arguments}
        values: dict[str, Any] = {}
        for name, given in texts.items():
            argument = known.get(name)
            if argument is None or (len(given) > 1 and is_list(argument.type)):
                values[name] = list(given)
            elif len(given) > 1:
                raise self._wrong([f"{name}: this argument is given {len(given)} times"])
            else:
                values[name] = self._value(argument, given[0])
        return values

    def call(self, function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        """Call the function, or the same one of another host, with checked arguments."""
        return function(
            **{each.parameter: values[each.name] for each in self.arguments if each.name in values}
        )

    def shown(self, values: Mapping[str, Any]) -> str:
        """The call for the log, without what is hidden."""
        words = [
            f"{argument.name}={'[hidden]' if argument.hidden else repr(values[argument.name])}"
            for argument in self.arguments
            if argument.name in values
        ]
        return f"{self.name}({', '.join(words)})"

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Checks the arguments, by name."""
        # Made at the first call: hundreds of commands would cost a noticeable part of the start.
        fields = {
            argument.name: Required[argument.type] if argument.required else NotRequired[argument.type]
            for argument in self.arguments
        }
        # A type checker has to see the fields of a TypedDict; these are known only now.
        made = cast(Any, TypedDict)(self.name, fields)
        return TypeAdapter(with_config(ConfigDict(extra="forbid"))(made))

    def _value(self, argument: Argument, text: str) -> Any:
        if is_list(argument.type) and not text.startswith("["):
            return [each.strip() for each in text.split(",")] if text else []
        if is_scalar(argument.type) and not is_list(argument.type):
            return text
        try:
            return json.loads(text)
        except ValueError as error:
            raise self._wrong([f"{argument.name}: this is not JSON ({error})"]) from None

    def _sentence(self, details: ErrorDetails) -> str:
        name = str(details["loc"][0])
        if details["type"] == "missing":
            return f"{name}: this argument is needed"
        if details["type"] == "extra_forbidden":
            return f"{name}: there is no such argument"
        argument = next(each for each in self.arguments if each.name == name)
        if details["type"] == "value_error":
            return f"{name}: {details['msg'].partition(', ')[2]}"
        what = details.get("ctx", {}).get("what", argument.expected)
        given = details["input"]
        if argument.hidden or not isinstance(given, str | int | float):
            return f"{name}: expected {what}"
        shown = repr(given)
        return f"{name}: expected {what}; got {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '...'}"

    def _wrong(self, problems: Iterable[str], problem: Problem = "value") -> WrongArguments:
        return WrongArguments("\n".join([*dict.fromkeys(problems), f"usage: {self.usage}"]), problem)
