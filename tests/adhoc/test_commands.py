"""XEP-0050: commands with data forms, step by step."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from burble.errors import StanzaError
from burble.fields import FormError
from burble.forms import Form
from burble.jid import JID
from burble.modules.adhoc import Adhoc, Ask, CommandsRequested, Done, Note, Steps
from burble.server import Server
from burble.xml import Element
from tests.adhoc.calls import (
    COMMANDS,
    INFO,
    NODE,
    actions,
    call,
    complete,
    done,
    fields,
    form,
    info,
    listed,
    notes,
    refusal,
    send,
    text,
)
from tests.conftest import Connect


class Services:
    """The commands of the examples: a list, a configuration in two stages; and some that misbehave."""

    def __init__(self) -> None:
        self.configured: list[tuple[str, list[str], str]] = []
        self.begun = 0
        self.gate = asyncio.Event()
        self.rule = ""

    def offer(self, event: CommandsRequested) -> None:
        event.offer("list", "List Service Configurations", self.list)
        event.offer("config", "Configure Service", self.config)
        event.offer(
            "secret", "Secret", self.list, lambda asker: "" if asker.local == "romeo" else "only romeo"
        )
        event.offer("unlisted", "Unlisted", self.list, listed=False)
        event.offer("revoked", "Revoked", self.config, lambda asker: self.rule)
        event.offer("early", "Enough at any time", self.early)
        event.offer("slow", "Slow", self.slow)
        event.offer("picky", "Picky", self.picky)
        event.offer("broken", "Broken", self.broken)
        event.offer("silent", "Silent", self.silent)

    async def list(self, asker: JID) -> Steps:
        form = Form("result", title="Available Services")
        form.add("service", value="httpd")
        yield Done(form, Element("url", "urn:example"), Note("One is down.", "warn"))

    async def config(self, asker: JID) -> Steps:
        self.begun += 1
        form = Form(title="Configure Service")
        form.add("service", "list-single", options=["httpd", "jabberd"], required=True)
        form.add("pin", "text-private")
        first = yield Ask(form, more=True)
        form = Form(title=f"Select the run modes of {first['service']}")
        form.add("runlevel", "list-multi", value=["3", "5"], options=["1", "2", "3", "5"])
        form.add("state", "list-single", value="off", options={"off": "Active", "on": "Inactive"})
        second = yield Ask(form)
        self.configured.append((first["service"], second["runlevel"], second["state"]))
        yield Done(f"Service {first['service']!r} has been configured.")

    async def early(self, asker: JID) -> Steps:
        form = Form()
        form.add("name")
        answer = yield Ask(form, more=True, enough=True)
        if answer.action == "next":
            answer = yield Ask(form, "And the second one?")
        yield Done(f"{answer['name']} by {answer.action}")

    async def slow(self, asker: JID) -> Steps:
        form = Form()
        form.add("name")
        answer = yield Ask(form)
        await self.gate.wait()
        self.configured.append((answer["name"], [], ""))
        yield Done()

    async def picky(self, asker: JID) -> Steps:
        form = Form()
        form.add("colour")
        answer = yield Ask(form)
        if answer["colour"] == "green":
            raise StanzaError("conflict", "green is taken")
        if answer["colour"] != "blue":
            raise FormError("colour", "blue is the only one")
        yield Done("blue")

    async def broken(self, asker: JID) -> Steps:
        yield Ask(Form())
        raise RuntimeError("a mistake")

    async def silent(self, asker: JID) -> Steps:
        yield Ask(Form())


@pytest.fixture
def services(server: Server) -> Iterator[Services]:
    services = Services()
    off = server.hosts["localhost"].hooks.on(CommandsRequested, services.offer)
    yield services
    off()


def adhoc(server: Server) -> Adhoc:
    found = server.hosts["localhost"].modules["adhoc"]
    assert isinstance(found, Adhoc)
    return found


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(server: Server) -> Clock:
    made = adhoc(server).executions.clock = Clock()
    return made


# ---- discovery (§2.1, §2.2)


async def test_the_server_says_that_it_has_commands(connect: Connect) -> None:
    juliet = await connect("juliet")
    answer = await juliet.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "localhost")
    assert NODE in [feature.get("var") for feature in answer.iter(f"{INFO}feature")]


async def test_the_list_has_what_the_asker_may_call(services: Services, connect: Connect) -> None:
    services.rule = "never"
    juliet, romeo = await connect("juliet"), await connect("romeo")
    shown = await listed(juliet)
    assert shown["config"] == "Configure Service"
    assert "secret" not in shown
    assert "unlisted" not in shown
    assert "revoked" not in shown
    assert (await listed(romeo))["secret"] == "Secret"


async def test_the_list_is_empty_where_nothing_is_offered(connect: Connect) -> None:
    assert await listed(await connect("juliet")) == {}


async def test_what_a_command_is(services: Services, connect: Connect) -> None:
    juliet = await connect("juliet")
    answer = await info(juliet, "config")
    (identity,) = answer.iter(f"{INFO}identity")
    assert identity.attrib == {"category": "automation", "type": "command-node", "name": "Configure Service"}
    assert {f.get("var") for f in answer.iter(f"{INFO}feature")} == {NODE, "jabber:x:data"}
    (identity,) = (await info(juliet, NODE)).iter(f"{INFO}identity")
    assert (identity.get("category"), identity.get("type")) == ("automation", "command-list")
    assert refusal(await info(juliet, "secret")) == ("forbidden", "")
    assert refusal(await info(juliet, "nonsense")) == ("item-not-found", "")


async def test_accounts_have_no_commands(services: Services, connect: Connect) -> None:
    juliet = await connect("juliet")
    query = f"<query xmlns='http://jabber.org/protocol/disco#items' node='{NODE}'/>"
    assert refusal(await juliet.ask("get", query, "juliet@localhost")) == ("item-not-found", "")
    answer = await juliet.ask("set", f"<command xmlns='{NODE}' node='list'/>", "juliet@localhost")
    assert refusal(answer) == ("service-unavailable", "")


# ---- executing (§2.4)


async def test_a_command_without_questions_is_completed_at_once(services: Services, connect: Connect) -> None:
    juliet = await connect("juliet")
    command = await call(juliet, "list", "execute")
    assert command.get("status") == "completed"
    assert command.get("sessionid")
    assert command.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert fields(command) == {"service": ["httpd"]}
    assert command.find("{urn:example}url") is not None
    assert notes(command) == [("warn", "One is down.")]
    assert command.find(f"{COMMANDS}actions") is None


async def test_two_stages(services: Services, connect: Connect) -> None:
    """§2.4.2: the actions of each stage, and what ``execute`` stands for."""
    juliet = await connect("juliet")
    first = await call(juliet, "config")
    session = first.get("sessionid")
    assert first.get("status") == "executing"
    assert actions(first) == ("next", ["next"])
    second = await call(juliet, "config", "", session, {"service": "httpd"})
    assert second.get("sessionid") == session
    assert actions(second) == ("complete", ["prev", "complete"])
    assert fields(second) == {"runlevel": ["3", "5"], "state": ["off"]}
    assert services.configured == []
    last = await call(juliet, "config", "execute", session, {"runlevel": ["3"], "state": "on"})
    assert last.get("status") == "completed"
    assert notes(last) == [("info", "Service 'httpd' has been configured.")]
    assert services.configured == [("httpd", ["3"], "on")]


async def test_back_to_the_first_stage_with_what_was_filled_in(services: Services, connect: Connect) -> None:
    """§2.4.2: but without passwords; and on again with another answer."""
    juliet = await connect("juliet")
    session = (await call(juliet, "config")).get("sessionid")
    await call(juliet, "config", "next", session, {"service": "jabberd", "pin": "1234"})
    first = await call(juliet, "config", "prev", session)
    assert actions(first) == ("next", ["next"])
    assert fields(first) == {"service": ["jabberd"], "pin": []}
    await call(juliet, "config", "next", session, {"service": "httpd"})
    await call(juliet, "config", "complete", session, {"runlevel": ["1"], "state": "off"})
    assert services.configured == [("httpd", ["1"], "off")]


async def test_canceling(services: Services, server: Server, connect: Connect) -> None:
    """§2.4.3: whatever the stage; the session is over then."""
    juliet = await connect("juliet")
    session = (await call(juliet, "config")).get("sessionid")
    canceled = await call(juliet, "config", "cancel", session)
    assert (canceled.get("status"), canceled.get("sessionid"), len(canceled)) == ("canceled", session, 0)
    assert len(adhoc(server).executions) == 0
    answer = await send(juliet, "config", "next", session, form({"service": "httpd"}))
    assert refusal(answer) == ("not-allowed", "session-expired")


async def test_a_stage_that_may_be_the_last(services: Services, connect: Connect) -> None:
    """§3.4: the user chooses between ``next`` and ``complete``."""
    juliet = await connect("juliet")
    first = await call(juliet, "early")
    assert actions(first) == ("next", ["next", "complete"])
    last = await call(juliet, "early", "complete", first.get("sessionid"), {"name": "one"})
    assert notes(last) == [("info", "one by complete")]
    session = (await call(juliet, "early")).get("sessionid")
    second = await call(juliet, "early", "next", session, {"name": "one"})
    assert notes(second) == [("info", "And the second one?")]
    last = await call(juliet, "early", "complete", session, {"name": "two"})
    assert notes(last) == [("info", "two by complete")]


async def test_a_command_that_ends_without_a_word(services: Services, connect: Connect) -> None:
    last = await done(await connect("juliet"), "silent", {})
    assert (last.get("status"), len(last)) == ("completed", 0)


async def test_a_form_of_type_cancel_counts_as_submitted(services: Services, connect: Connect) -> None:
    """§3.5.1."""
    juliet = await connect("juliet")
    session = (await call(juliet, "early")).get("sessionid")
    answer = await send(juliet, "early", "complete", session, form({"name": "x"}, type="cancel"))
    assert notes(answer[0]) == [("info", "x by complete")]


async def test_sessions_of_one_command_do_not_mix(services: Services, connect: Connect) -> None:
    """§3.3: even those of one user."""
    juliet = await connect("juliet")
    one = (await call(juliet, "config")).get("sessionid")
    two = (await call(juliet, "config")).get("sessionid")
    assert one != two
    await call(juliet, "config", "next", one, {"service": "httpd"})
    await call(juliet, "config", "next", two, {"service": "jabberd"})
    await call(juliet, "config", "complete", one, {"runlevel": ["1"], "state": "on"})
    await call(juliet, "config", "complete", two, {"runlevel": ["2"], "state": "off"})
    assert services.configured == [("httpd", ["1"], "on"), ("jabberd", ["2"], "off")]


# ---- what is refused (§4.4)


async def test_who_may_not_call_a_command_is_told_the_rule(services: Services, connect: Connect) -> None:
    juliet = await connect("juliet")
    answer = await send(juliet, "secret")
    assert refusal(answer) == ("forbidden", "")
    assert text(answer) == "only romeo"
    error = answer.find("{jabber:client}error")
    assert error is not None
    assert error.get("type") == "cancel"
    assert answer[0].tag == f"{COMMANDS}command"
    assert answer[0].attrib == {"node": "secret"}


async def test_who_loses_the_right_can_t_go_on(services: Services, connect: Connect) -> None:
    juliet = await connect("juliet")
    session = (await call(juliet, "revoked")).get("sessionid")
    services.rule = "not any more"
    answer = await send(juliet, "revoked", "next", session, form({"service": "httpd"}))
    assert (refusal(answer), text(answer)) == (("forbidden", ""), "not any more")


async def test_commands_that_are_not_there(services: Services, connect: Connect) -> None:
    juliet = await connect("juliet")
    assert refusal(await send(juliet, "nonsense")) == ("item-not-found", "")
    assert refusal(await send(juliet, "")) == ("bad-request", "")
    answer = await juliet.ask("get", f"<command xmlns='{NODE}' node='list'/>", "localhost")
    assert refusal(answer) == ("not-allowed", "")


async def test_actions_that_do_not_fit(services: Services, connect: Connect) -> None:
    juliet = await connect("juliet")
    assert refusal(await send(juliet, "config", "dance")) == ("bad-request", "malformed-action")
    session = (await call(juliet, "config")).get("sessionid")
    for action in ("prev", "complete"):
        answer = await send(juliet, "config", action, session, form({"service": "httpd"}))
        assert refusal(answer) == ("bad-request", "bad-action")
        assert answer[0].attrib == {"node": "config", "sessionid": session, "action": action}
    answer = await send(juliet, "config", "dance", session)
    assert refusal(answer) == ("bad-request", "malformed-action")
    # Nothing of that has moved it.
    await call(juliet, "config", "next", session, {"service": "httpd"})
    answer = await send(juliet, "config", "next", session, form({"state": "on"}))
    assert refusal(answer) == ("bad-request", "bad-action")


async def test_languages(services: Services, connect: Connect) -> None:
    """§3.7: a language demanded of the command itself; that of the stanza is but the user's."""
    juliet = await connect("juliet")
    assert refusal(await send(juliet, "list", extra=" xml:lang='fr-ca'")) == ("bad-request", "bad-locale")
    assert (await send(juliet, "list", extra=" xml:lang='en-GB'")).get("type") == "result"
    juliet.write(
        f"<iq type='set' id='fr' to='localhost' xml:lang='fr'><command xmlns='{NODE}' node='list'/></iq>"
    )
    assert (await juliet.next()).get("type") == "result"


async def test_session_ids_of_others_and_of_nobody(services: Services, connect: Connect) -> None:
    juliet, romeo = await connect("juliet"), await connect("romeo")
    session = (await call(juliet, "config")).get("sessionid")
    assert session is not None
    submitted = form({"service": "httpd"})
    for made_up in ("", "x", session[:-1] + "-", "0" * len(session)):
        answer = await send(juliet, "config", "next", made_up, submitted)
        assert refusal(answer) == ("bad-request", "bad-sessionid")
    assert refusal(await send(romeo, "config", "next", session, submitted)) == (
        "bad-request",
        "bad-sessionid",
    )
    assert refusal(await send(juliet, "early", "next", session, submitted)) == (
        "bad-request",
        "bad-sessionid",
    )
    assert refusal(await send(juliet, "config", "cancel")) == ("bad-request", "bad-sessionid")
    await call(juliet, "config", "next", session, {"service": "httpd"})


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "<x xmlns='urn:example'/>",
        "<x xmlns='jabber:x:data' type='form'/>",
        "<x xmlns='jabber:x:data' type='wrong'/>",
        form({}),
        form({"service": ""}),
        form({"service": "sendmail"}),
        form({"service": ["httpd", "jabberd"]}),
    ],
)
async def test_a_form_that_won_t_do_can_be_sent_again(
    services: Services, connect: Connect, payload: str
) -> None:
    juliet = await connect("juliet")
    session = (await call(juliet, "config")).get("sessionid")
    answer = await send(juliet, "config", "next", session, payload)
    assert refusal(answer) == ("bad-request", "bad-payload")
    second = await call(juliet, "config", "next", session, {"service": "httpd"})
    assert second.get("status") == "executing"


async def test_a_command_refuses_an_answer_and_asks_again(services: Services, connect: Connect) -> None:
    juliet = await connect("juliet")
    session = (await call(juliet, "picky")).get("sessionid")
    answer = await send(juliet, "picky", "complete", session, form({"colour": "red"}))
    assert refusal(answer) == ("bad-request", "bad-payload")
    assert "blue is the only one" in text(answer)
    assert notes(await call(juliet, "picky", "complete", session, {"colour": "blue"})) == [("info", "blue")]


async def test_an_error_of_the_command_ends_it(services: Services, connect: Connect) -> None:
    juliet = await connect("juliet")
    session = (await call(juliet, "picky")).get("sessionid")
    answer = await send(juliet, "picky", "complete", session, form({"colour": "green"}))
    assert (refusal(answer), text(answer)) == (("conflict", ""), "green is taken")
    answer = await send(juliet, "picky", "complete", session, form({"colour": "blue"}))
    assert refusal(answer) == ("not-allowed", "session-expired")
    assert refusal(await complete(juliet, "broken", {})) == ("internal-server-error", "")


# ---- sessions (§3.3)


async def test_a_form_submitted_twice_counts_once(services: Services, connect: Connect) -> None:
    juliet = await connect("juliet")
    session = (await call(juliet, "slow")).get("sessionid")
    request = f"<command xmlns='{NODE}' node='slow' sessionid='{session}'>{form({'name': 'x'})}</command>"
    for number in (1, 2):
        juliet.write(f"<iq type='set' id='slow{number}' to='localhost'>{request}</iq>")
    await juliet.sync()
    services.gate.set()
    answers = {answer.get("id"): answer for answer in (await juliet.next(), await juliet.next())}
    assert answers["slow1"][0].get("status") == "completed"
    assert refusal(answers["slow2"]) == ("not-allowed", "session-expired")
    assert services.configured == [("x", [], "")]


async def test_a_session_after_its_timeout(
    services: Services, server: Server, connect: Connect, clock: Clock
) -> None:
    juliet = await connect("juliet")
    session = (await call(juliet, "config")).get("sessionid")
    clock.now += 599
    await call(juliet, "config", "next", session, {"service": "httpd"})  # which gives it its time anew
    clock.now += 599
    await call(juliet, "config", "prev", session)
    clock.now += 600
    answer = await send(juliet, "config", "next", session, form({"service": "httpd"}))
    assert refusal(answer) == ("not-allowed", "session-expired")
    await call(juliet, "config")
    assert len(adhoc(server).executions) == 1
    answer = await send(juliet, "config", "next", session, form({"service": "httpd"}))
    assert refusal(answer) == ("not-allowed", "session-expired")


async def limit(server: Server, **settings: float) -> None:
    """Give the module other settings."""
    module = adhoc(server)
    await module.configure(module.settings.model_copy(update=settings))


async def test_the_session_that_waited_longest_gives_way(
    services: Services, server: Server, connect: Connect
) -> None:
    await limit(server, sessions_per_user=2)
    balcony, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    romeo = await connect("romeo")
    his = (await call(romeo, "config")).get("sessionid")
    first = (await call(balcony, "config")).get("sessionid")
    second = (await call(chamber, "config")).get("sessionid")
    await call(balcony, "config", "next", first, {"service": "httpd"})
    await call(balcony, "config")
    answer = await send(chamber, "config", "next", second, form({"service": "httpd"}))
    assert refusal(answer) == ("not-allowed", "session-expired")
    await call(balcony, "config", "prev", first)
    await call(romeo, "config", "next", his, {"service": "httpd"})


async def test_one_that_is_worked_on_does_not_give_way(
    services: Services, server: Server, connect: Connect
) -> None:
    await limit(server, sessions_per_user=1)
    juliet = await connect("juliet")
    session = (await call(juliet, "slow")).get("sessionid")
    request = f"<command xmlns='{NODE}' node='slow' sessionid='{session}'>{form({'name': 'x'})}</command>"
    juliet.write(f"<iq type='set' id='slow' to='localhost'>{request}</iq>")
    assert refusal(await send(juliet, "config")) == ("resource-constraint", "")
    services.gate.set()
    assert (await juliet.next())[0].get("status") == "completed"
    await call(juliet, "config")


async def test_sessions_end_with_the_client(services: Services, server: Server, connect: Connect) -> None:
    juliet, romeo = await connect("juliet"), await connect("romeo")
    await call(juliet, "config")
    await call(romeo, "config")
    juliet.write("</stream:stream>")
    await juliet.closed()
    assert [each.asker.local for each in adhoc(server).executions.of()] == ["romeo"]


async def test_other_limits_hold_at_once(
    services: Services, server: Server, connect: Connect, clock: Clock
) -> None:
    juliet = await connect("juliet")
    await limit(server, session_timeout=5.0)
    session = (await call(juliet, "config")).get("sessionid")
    clock.now += 5
    answer = await send(juliet, "config", "next", session, form({"service": "httpd"}))
    assert refusal(answer) == ("not-allowed", "session-expired")


async def test_unloading_ends_what_is_under_way(services: Services, server: Server, connect: Connect) -> None:
    juliet = await connect("juliet")
    await call(juliet, "config")
    module = adhoc(server)
    await module.unload()
    assert refusal(await send(juliet, "config")) == ("service-unavailable", "")
    await module.load()
    assert ET.tostring(await call(juliet, "config"))
