"""The REST interface keeps what its OpenAPI description says, whatever it is sent (schemathesis)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, CheckContext, GenerationMode, Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from burble.server import Server
from tests.faces.web import base, bearer, client

#: Commands that end the server, write the machine's files, or take away the caller's rights or its account.
DANGEROUS: Final = frozenset(
    {
        *("stop", "halt", "restart", "stop_kindly", "restart_kindly", "evacuate_kindly", "reload_config"),
        *("backup", "restore", "dump", "dump_table", "dump_config", "load", "install_fallback"),
        *("export_piefxis", "export_piefxis_host", "print_sql_schema"),
        *("delete_old_users", "delete_old_users_vhost", "set_access_list"),
        *("reopen_log", "rotate_log", "set_loglevel"),
    }
)
HOW: Final = {
    GenerationMode.POSITIVE: [],
    GenerationMode.NEGATIVE: [negative_data_rejection],
}


def no_mistake(context: CheckContext, response: Response, case: Case) -> None:
    """No mistake was made; the statuses from 501 on say that something can't be done here, or not now."""
    assert response.status_code not in (401, 500), response.text


CHECKS: Final = [
    no_mistake,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
#: Values with which a command has something to work on.
KNOWN: Final = {"host": "localhost", "localhost": "localhost", "user": "juliet", "localuser": "juliet"}


def operations(document: dict[str, Any], mode: GenerationMode) -> Iterator[APIOperation]:
    """What the description says can be called, but what is dangerous.

    Wrong values are only posted, for time's sake: what reads those in an URL is the same for all commands.
    """
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = result.ok()
        left_out = mode is GenerationMode.NEGATIVE and operation.method == "get"
        if operation.path.split("/")[2] not in DANGEROUS and not left_out:
            yield operation


def hammer(operation: APIOperation, mode: GenerationMode, url: str, session: requests.Session) -> None:
    """Call an operation with made-up arguments, half of the time for an account that is there."""

    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    @examples(
        max_examples=3,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def call(case: Case, known: bool) -> None:
        given = case.body if isinstance(case.body, dict) else case.query
        if known and mode is GenerationMode.POSITIVE and given:
            given |= {name: value for name, value in KNOWN.items() if name in given}
        case.call_and_validate(base_url=url, session=session, checks=[*CHECKS, *HOW[mode]])

    call()


@pytest.mark.parametrize("mode", HOW)
@pytest.mark.timeout(240)
async def test_the_interface_is_as_it_is_described(web: Server, mode: GenerationMode) -> None:
    async with client(web) as caller:
        document = (await caller.get("/api/openapi.json")).json()
        asked = {"jid": "admin@localhost", "ttl": 600, "scopes": ["*"]}
        token = (await caller.post("/api/oauth_issue_token", json=asked)).json()["token"]

    def hammer_all() -> list[str]:
        with requests.Session() as session:
            session.headers.update(bearer(token))
            return [
                f"{operation.label}: {error}"
                for operation in operations(document, mode)
                if (error := failure(hammer, operation, mode, base(web), session))
            ]

    assert not (failures := await asyncio.to_thread(hammer_all)), "\n\n".join(failures)


def failure(function: Callable[..., None], *arguments: Any) -> str:
    """What a function raises, as text."""
    try:
        function(*arguments)
    except (Exception, BaseExceptionGroup) as error:
        return f"{type(error).__name__}: {error}"
    return ""


async def test_what_is_left_out_is_there(web: Server) -> None:
    async with client(web) as caller:
        paths = (await caller.get("/api/openapi.json")).json()["paths"]
    assert sorted(name for name in DANGEROUS if f"/api/{name}" not in paths) == []
