"""Logging: lines a person can read or JSON objects, and credentials blanked in logged stanzas.

Nothing is set up at import. The program that owns the process calls `configure`; a server that is
embedded in another program leaves logging to it.
"""

import json
import logging
import re
import time
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

__all__ = [
    "HIDDEN",
    "LEVELS",
    "JsonFormatter",
    "TextFormatter",
    "configure",
    "level",
    "redact",
    "reopen",
    "rotate",
    "set_level",
]

HIDDEN = "[hidden]"
"""What stands in the place of a credential."""

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "notice": 25,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "alert": 53,
    "emergency": 56,
    "none": 100,
}
"""What the log can be limited to while the server runs: the levels of syslog by the names of ejabberd."""

_HANDLER_NAME = "burble"
_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"asctime", "message", "taskName"}
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPES = _CONTROLS | {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x2028: "\\u2028", 0x2029: "\\u2029"}

_ATTRIBUTES = r"""(?:[^"'<>/]|"[^"]*+"|'[^']*+'|/(?!>))*+"""
_CONTENT = r"(?:<!\[CDATA\[.*?(?:\]\]>|\Z)|(?!</(?P=name)\s*>).)*+"
_SECRET_ELEMENTS = (
    "auth|response|challenge|success|initial-response|additional-data|password|digest|handshake"
)
_SECRET = re.compile(
    rf"<(?P<name>(?:[^\s:<>/\"']+:)?(?:{_SECRET_ELEMENTS}))(?P<attributes>(?:\s{_ATTRIBUTES})?)>{_CONTENT}",
    re.DOTALL,
)
_FIELD = re.compile(
    rf"<(?P<name>(?:[^\s:<>/\"']+:)?field)(?P<attributes>\s{_ATTRIBUTES})>{_CONTENT}",
    re.DOTALL,
)
_SECRET_FIELD = re.compile(
    r"""\svar\s*=\s*(["'])[^"']*(?:password|secret)[^"']*\1|\stype\s*=\s*(["'])text-private\2"""
)


class TextFormatter(logging.Formatter):
    """Formats a record as `2026-01-02 10:11:12 INFO  burble.c2s  juliet@example.org/x logged in`.

    Times are local. Control characters in a message are escaped, so that what a client sends cannot
    begin a line of its own; a traceback follows, indented.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of `record`."""
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        message = record.getMessage().translate(_ESCAPES)
        line = f"{when} {record.levelname:<5} {record.name}  {message}"
        return "\n    ".join([line, *_trace(self, record).splitlines()])


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object: time (UTC), level, logger, message, exception, and its extras."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON object of `record`, on one line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace := _trace(self, record):
            entry["exception"] = trace
        extras = {key: value for key, value in vars(record).items() if key not in _STANDARD_ATTRIBUTES}
        return json.dumps(entry | {key: extras[key] for key in extras.keys() - entry.keys()}, default=str)


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info:
        parts.append(formatter.formatException(record.exc_info))
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return "\n".join(parts)


class _ReopeningHandler(logging.FileHandler):
    def reopen(self) -> None:
        before = self.setStream(self._open())
        if before is not None:
            before.close()


def configure(level: str = "info", *, as_json: bool = False, file: Path | None = None) -> None:
    """Send the process's log to `file`, or to the standard error when it is None.

    Args:
        level: the least important level that Burble reports: debug, info, warning or error. Of other
            libraries, warnings and errors are reported.
        as_json: write JSON objects instead of text.
        file: the file to append to.

    Raises:
        OSError: the file cannot be opened; logging stays as it was.

    A second call replaces what the first set up.
    """
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler()
    else:
        handler = _ReopeningHandler(file, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    for before in _own_handlers():
        root.removeHandler(before)
        before.close()
    handler.set_name(_HANDLER_NAME)
    root.addHandler(handler)
    set_level(level)


def level() -> str:
    """The least important level that Burble reports, one of `LEVELS`."""
    number = logging.getLogger("burble").getEffectiveLevel()
    return next((name for name, least in LEVELS.items() if number <= least), "none")


def set_level(level: str) -> None:
    """Report from now on what is at least as important as `level`, one of `LEVELS`.

    Raise KeyError when it is none of them. Of other libraries, warnings and errors are reported at most.
    """
    number = LEVELS[level]
    logging.getLogger().setLevel(max(number, logging.WARNING))
    logging.getLogger("burble").setLevel(number)


def reopen() -> None:
    """Open the log file anew after another program moved it away; nothing when there is no file.

    Raise OSError when it cannot be opened; the old file stays in use then.
    """
    for handler in _own_handlers():
        if isinstance(handler, _ReopeningHandler):
            handler.reopen()


def rotate() -> Path | None:
    """Rename the log file to one with the time behind its name, and begin another.

    Return the new name of the old one, or None when there is no file. Raise OSError when it can't be renamed.
    """
    moved = None
    for handler in _own_handlers():
        if isinstance(handler, _ReopeningHandler):
            file = Path(handler.baseFilename)
            name = f"{file.name}.{time.strftime('%Y%m%d-%H%M%S')}"
            others = (file.with_name(f"{name}-{number}") for number in count(2))
            moved = next(each for each in chain([file.with_name(name)], others) if not each.exists())
            file.rename(moved)
            handler.reopen()
    return moved


def _own_handlers() -> list[logging.Handler]:
    return [handler for handler in logging.getLogger().handlers if handler.get_name() == _HANDLER_NAME]


def redact(xml: bytes | str) -> str:
    """Return a stanza for the log, with what it holds of credentials replaced by `HIDDEN`.

    Blanked are the contents of SASL elements (RFC 6120 §6, XEP-0388), of <password/> and <digest/>
    (XEP-0077, XEP-0078), of a component's <handshake/> (XEP-0114), and form fields for passwords and
    secrets (XEP-0004), whatever the prefix. An element without its end is blanked up to the end of
    the text. The text should begin outside of any such element. Bytes that are not UTF-8 are escaped.
    """
    text = xml.decode("utf-8", "backslashreplace") if isinstance(xml, bytes) else xml
    return _FIELD.sub(_hidden_field, _SECRET.sub(_hidden, text))


def _hidden(match: re.Match[str]) -> str:
    start = f"<{match['name']}{match['attributes']}>"
    return start + HIDDEN if len(match[0]) > len(start) else start


def _hidden_field(match: re.Match[str]) -> str:
    return _hidden(match) if _SECRET_FIELD.search(match["attributes"]) else match[0]
