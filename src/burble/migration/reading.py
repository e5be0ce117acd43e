"""Read large XML files of other servers, piece by piece, and without what XML can do to who reads it.

A file is taken apart where the caller says; only one of its parts is in memory at a time. DTDs are refused,
so that there are no entities; so are parts that are too large or too deep.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol
from xml.parsers import expat

from burble.xml import Element, qualify_attributes, split_name

__all__ = ["Splitter", "TransferFailed", "split_file"]

_CHUNK: Final = 64 * 1024
#: A vCard with a picture fits in, and the roster of somebody with very many contacts.
_LARGEST: Final = 16 * 1024 * 1024
_DEEPEST: Final = 100
# Expat looks at a tag from its start again with each piece that it gets of it.
_TAG: Final = 1024 * 1024


class TransferFailed(Exception):
    """A file can't be read any further; the text says which, where and why."""


class Splitter(Protocol):
    """Says where a file is taken apart."""

    def opened(self, ns: str, name: str, attrs: dict[str, str]) -> bool:
        """An element begins that is not within a part.

        Returns:
            Whether it is only opened, so that its children are asked about in turn; else it is a part itself.

        Raises:
            ValueError: it has no business here.
        """

    def part(self, element: Element) -> None:
        """A part, as a whole. May raise ValueError."""

    def closed(self) -> None:
        """What was opened last ends."""


class _Parser:
    """Expat, and the part it is in."""

    def __init__(self, splitter: Splitter) -> None:
        self._splitter = splitter
        self._stack: list[Element] = []
        self._start = 0
        parser = expat.ParserCreate(None, " ")
        parser.buffer_text = True
        parser.StartElementHandler = self._opened
        parser.EndElementHandler = self._closed
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse
        self.parser = parser

    def check(self, read: int) -> None:
        """Make sure that what is half read is not too large."""
        if self._stack and read - self._start > _LARGEST:
            raise ValueError(f"an element of more than {_LARGEST} bytes")
        if read - self.parser.CurrentByteIndex > _TAG:
            raise ValueError(f"a tag of more than {_TAG} bytes")

    def _opened(self, name: str, attrs: dict[str, str]) -> None:
        # Called for each element of files that have millions: hence no calls that can be done without.
        ns, local = split_name(name)
        if attrs and " " in "".join(attrs):
            attrs = qualify_attributes(attrs)
        stack = self._stack
        if stack:
            if len(stack) >= _DEEPEST:
                raise ValueError(f"elements are nested more than {_DEEPEST} deep")
            element = Element(local, ns, attrs)
            stack[-1].children.append(element)
            stack.append(element)
        elif not self._splitter.opened(ns, local, attrs):
            self._start = self.parser.CurrentByteIndex
            stack.append(Element(local, ns, attrs))

    def _closed(self, name: str) -> None:
        stack = self._stack
        if not stack:
            self._splitter.closed()
            return
        element = stack.pop()
        if not stack:
            self._splitter.part(element)

    def _text(self, data: str) -> None:
        if self._stack:
            self._stack[-1].children.append(data)

    def _refuse(self, *_: object) -> None:
        raise ValueError("a DTD, which such a file has no need of")


def split_file(path: Path, splitter: Splitter) -> Iterator[None]:
    """Read a file to its end, and let the splitter know; stops after each piece, so that others can work.

    Raises:
        TransferFailed: it can't be read, is not well-formed, or asks too much.
    """
    parser = _Parser(splitter)
    read = 0
    try:
        with path.open("rb") as file:
            while data := file.read(_CHUNK):
                read += len(data)
                parser.parser.Parse(data, False)
                parser.check(read)
                yield
            parser.parser.Parse(b"", True)
            yield
    except OSError as error:
        raise TransferFailed(f"{path} can't be read: {(error.strerror or str(error)).lower()}") from error
    except expat.ExpatError as error:
        raise TransferFailed(f"{path}: not well-formed XML: {error}") from None
    except ValueError as error:
        raise TransferFailed(f"{path}, line {parser.parser.CurrentLineNumber}: {error}") from None
