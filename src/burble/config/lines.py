"""Find the line on which each key of a TOML document stands, which tomllib does not tell."""

import re
import tomllib
from collections.abc import Iterator
from typing import NamedTuple

Path = tuple[str | int, ...]
"""The way to a value: names of keys, and numbers of list items counted from 0."""

_TOKEN = re.compile(
    r"""
    (?P<skip>    [ \t\r]+ | \#[^\n]* )
  | (?P<newline> \n )
  | (?P<quoted>  \"{3}(?:[^\\]|\\.)*?\"{3}\"{0,2} | '{3}.*?'{3}'{0,2} | "(?:[^"\\\n]|\\.)*" | '[^'\n]*' )
  | (?P<mark>    [\[\]{}=,.] )
  | (?P<bare>    [^\s\#"'\[\]{}=,.]+ )
    """,
    re.VERBOSE | re.DOTALL,
)


_END = ""


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def key_lines(text: str) -> dict[Path, int]:
    """Return the line, counted from 1, of every table, key and list item of a valid TOML document.

    A table opened more than once keeps the line of its first header or key.
    """
    return _Scanner(text).scan()


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """Return the line of `path`, or of the nearest table around it that stands in the document."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind != "skip":
            yield _Token(kind, match.group(), line)
        line += match.group().count("\n")
    yield _Token("end", _END, line)


class _Scanner:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._now = next(self._tokens)
        self._lines: dict[Path, int] = {}
        self._items: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        while self._now.kind != "end":
            if self._now.kind == "newline":
                self._take()
            elif self._now.text == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _take(self) -> _Token:
        token, self._now = self._now, next(self._tokens, self._now)
        return token

    def _header(self) -> Path:
        line = self._take().line
        is_item = self._now.text == "["
        if is_item:
            self._take()
        *outer, last = self._key()
        path: Path = ()
        for name in outer:
            path = self._enter((*path, name), line)
            if path in self._items:
                path = (*path, self._items[path] - 1)
        path = self._enter((*path, last), line)
        if is_item:
            number = self._items.get(path, 0)
            self._items[path] = number + 1
            path = self._enter((*path, number), line)
        while self._now.kind not in ("newline", "end"):
            self._take()
        return path

    def _enter(self, path: Path, line: int) -> Path:
        self._lines.setdefault(path, line)
        return path

    def _key(self) -> list[str]:
        names = [_name(self._take())]
        while self._now.text == ".":
            self._take()
            names.append(_name(self._take()))
        return names

    def _pair(self, table: Path) -> None:
        line = self._now.line
        path = table
        for name in self._key():
            path = self._enter((*path, name), line)
        self._take()  # the "="
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._now.text == "[":
            self._array(path)
        elif self._now.text == "{":
            self._inline_table(path)
        else:
            # A number such as 1.5 and a date with a space are several tokens.
            self._take()
            while self._now.kind in ("bare", "quoted") or self._now.text == ".":
                self._take()

    def _array(self, path: Path) -> None:
        self._take()
        number = 0
        while self._now.text not in ("]", _END):
            if self._now.kind == "newline" or self._now.text == ",":
                self._take()
                continue
            self._value(self._enter((*path, number), self._now.line))
            number += 1
        self._take()

    def _inline_table(self, path: Path) -> None:
        self._take()
        while self._now.text not in ("}", _END):
            if self._now.kind == "newline" or self._now.text == ",":
                self._take()
            else:
                self._pair(path)
        self._take()


def _name(token: _Token) -> str:
    if token.kind == "quoted":
        return str(tomllib.loads(f"name = {token.text}")["name"])
    return token.text
