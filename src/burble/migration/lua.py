"""Read the tables that Prosody keeps in files: Lua's notation for data, without anything that is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["LuaError", "Table", "read_items", "read_return"]

Table = dict[object, object]
"""A table; positions count from 1, as in Lua."""

_SKIP: Final = re.compile(r"(?:\s+|--[^\n]*)*")
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_NUMBER: Final = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+)")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_ESCAPE: Final = re.compile(r"\\(?:(\d{1,3})|x([0-9a-fA-F]{2})|z\s*|(.))", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_WORDS: Final[dict[str, object]] = {"true": True, "false": False, "nil": None}
_DEEPEST: Final = 200


class LuaError(ValueError):
    """This is no data in Lua's notation; the text says where."""


def read_return(data: bytes) -> object:
    """The value of a file that is ``return VALUE;``.

    Raises:
        LuaError: it is not.
    """
    reader = _Reader(data)
    reader.word("return")
    value = reader.value()
    reader.end()
    return value


def read_items(data: bytes) -> Iterator[object]:
    """The values of a file that is ``item(VALUE);`` again and again.

    Raises:
        LuaError: it is not.
    """
    reader = _Reader(data)
    while not reader.at_end():
        reader.word("item")
        reader.sign("(")
        yield reader.value()
        reader.sign(")")
        reader.separator()


class _Reader:
    """A place in a text.

    Bytes become characters one by one, and strings text when they are complete: they may be written with
    escapes for single bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._text = data.decode("latin-1")
        self._at = 0
        self._depth = 0

    def at_end(self) -> bool:
        self._skip()
        return self._at == len(self._text)

    def end(self) -> None:
        self.separator()
        if not self.at_end():
            raise self._error("something follows the value")

    def word(self, word: str) -> None:
        self._skip()
        found = _WORD.match(self._text, self._at)
        if found is None or found[0] != word:
            raise self._error(f"expected {word}")
        self._at = found.end()

    def sign(self, sign: str) -> None:
        if not self._take(sign):
            raise self._error(f"expected {sign}")

    def separator(self) -> bool:
        return self._take(";") or self._take(",")

    def value(self) -> object:
        self._skip()
        if self._text.startswith("{", self._at):
            return self._table()
        if found := _STRING.match(self._text, self._at):
            self._at = found.end()
            return _unescaped(found[1])
        if found := _NUMBER.match(self._text, self._at):
            self._at = found.end()
            text = found[0]
            if "x" in text.lower():
                return int(text, 16)
            return float(text) if any(sign in text for sign in ".eE") else int(text)
        found = _WORD.match(self._text, self._at)
        if found is None or found[0] not in _WORDS:
            raise self._error("expected a value")
        self._at = found.end()
        return _WORDS[found[0]]

    def _table(self) -> Table:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error("tables are nested too deep")
        self.sign("{")
        table: Table = {}
        place = 1
        while not self._take("}"):
            if self._take("["):
                key = self.value()
                self.sign("]")
                self.sign("=")
                if isinstance(key, dict):
                    raise self._error("a table is no key here")
                table[_key(key)] = self.value()
            elif (found := _WORD.match(self._text, self._at)) and found[0] not in _WORDS:
                self._at = found.end()
                self.sign("=")
                table[found[0]] = self.value()
            else:
                table[place] = self.value()
                place += 1
            if not self.separator():
                self.sign("}")
                break
        self._depth -= 1
        return table

    def _take(self, sign: str) -> bool:
        self._skip()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def _skip(self) -> None:
        found = _SKIP.match(self._text, self._at)
        if found is not None:
            self._at = found.end()

    def _error(self, what: str) -> LuaError:
        return LuaError(f"line {self._text.count(chr(10), 0, self._at) + 1}: {what}")


def _key(key: object) -> object:
    # Python takes True for 1 and False for 0.
    return f"<{key}>".lower() if isinstance(key, bool) else key


def _unescaped(text: str) -> str:
    if "\\" in text:
        text = _ESCAPE.sub(_character, text)
    return text.encode("latin-1").decode(errors="replace")


def _character(found: re.Match[str]) -> str:
    number, hexadecimal, letter = found.groups()
    if number:
        return chr(int(number) & 0xFF)
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    return _ESCAPES.get(letter, letter) if letter else ""
