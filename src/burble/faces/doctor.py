"""`burblectl doctor`: asks the running server how it is, or looks itself where no server runs."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from burble import paths
from burble.faces.client import Connection, NotRunning, data_dir
from burble.faces.options import FAILED, Ended, Options
from burble.faces.printing import field

__all__ = ["doctor"]

_MARKS: Final = {"ok": "ok     ", "warning": "WARNING", "error": "ERROR  "}


def doctor(options: Options) -> int:
    """Print what there is to say of the server.

    Returns:
        The exit status: 1 where there is an error.

    Raises:
        Ended: the settings can't be read, or the server does not answer as it should.
    """
    try:
        findings = _ask(options)
    except NotRunning:
        findings = _look(options)
    if options.json:
        print(json.dumps(findings, ensure_ascii=False))
    else:
        _print(findings)
    return FAILED if any(each["level"] == "error" for each in findings) else 0


def _ask(options: Options) -> list[dict[str, str]]:
    request: dict[str, Any] = {"command": "doctor", "arguments": options.arguments}
    if options.auth is not None:
        request["auth"] = options.auth
    with Connection(data_dir(options)) as connection:
        answer = connection.ask(request)
    if "error" in answer:
        raise Ended(FAILED, answer["error"]["text"])
    findings: list[dict[str, str]] = answer["result"]
    return findings


def _look(options: Options) -> list[dict[str, str]]:
    # Not before it is known that they are needed: they take longer to import than the server to answer.
    from dataclasses import asdict

    from burble import modules
    from burble.commands.checks import Finding, Subject, examine
    from burble.config import ConfigError, load
    from burble.config.added import read_added
    from burble.config.fields import prepare_domain
    from burble.faces.starting import is_held

    file = options.config or paths.find_settings_file()
    try:
        settings = load(file, module_settings=modules.settings_models())
        if options.data_dir is not None:
            settings = settings.model_copy(update={"data_dir": options.data_dir.absolute()})
        subject = Subject.stopped(settings, read_added(settings.data_dir))
    except ConfigError as error:
        raise Ended(FAILED, f"the server does not run, and could not start:\n{error}") from None
    hosts = subject.settings.hosts
    if options.arguments:
        hosts = [name for name in hosts if name == prepare_domain(options.arguments[0])]
        if not hosts:
            raise Ended(FAILED, f"{options.arguments[0]} is not among the hosts of the settings")
    if is_held(settings.data_dir):
        stopped = Finding("error", "server", "it does not answer", "wait: it starts or stops just now")
    else:
        stopped = Finding("error", "server", "it does not run", "start it: burblectl start, or the service")
    return [asdict(each) for each in (stopped, *asyncio.run(examine(subject, hosts)))]


def _print(findings: list[dict[str, str]]) -> None:
    for each in findings:
        print(f"{_MARKS[each['level']]} {field(each['subject'])}: {field(each['text'])}")
        if each["advice"]:
            print(f"        -> {field(each['advice'])}")
    errors = sum(each["level"] == "error" for each in findings)
    warnings = sum(each["level"] == "warning" for each in findings)
    if errors or warnings:
        print(f"\n{_count(errors, 'error')}, {_count(warnings, 'warning')}")
    else:
        print("\nAll is well.")


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
