"""Making hats and letting people wear them, by ad-hoc commands to a room (XEP-0317 §3, XEP-0050)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from burble.errors import StanzaError
from burble.forms import Form, Validation
from burble.jid import JID
from burble.modules.muc import affiliations, presences
from burble.modules.muc.config import HatSetting
from burble.modules.muc.owner import notice
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Hat, Room
from burble.namespaces import COMMANDS, DATA_FORMS
from burble.stanza import Iq, Stanza
from burble.xml import Element

__all__ = ["commanded"]

#: How many hats a room can have, and an account wear.
MOST: Final = 50

_PREFIX: Final = "urn:xmpp:hats:commands:"
_FORM_TYPE: Final = "urn:xmpp:hats:commands"
_TITLE: Final = "hats#title"
_URI: Final = "hats#uri"
_HUE: Final = "hats#hue"
_JID: Final = "hats#jid"


def commanded(room: Room, request: Iq, now: float) -> list[Stanza]:
    """Answer an ad-hoc command to a room.

    No state is kept between the two steps of a command: the form that is submitted has all that is needed.

    Args:
        room: the room.
        request: of type ``set``, with ``<command/>``.
        now: the time, seconds since the epoch.

    Returns:
        The result, with a form to be filled in or what was asked for; then what occupants are told.

    Raises:
        StanzaError: item-not-found, where there is no such command; forbidden, where the sender may not use
            it; bad-request or not-acceptable, where action or form make no sense.
    """
    command = request.child("command", COMMANDS)
    assert command is not None
    assert request.from_ is not None
    node = command.get("node", "") or ""
    known = _COMMANDS.get(node.removeprefix(_PREFIX)) if node.startswith(_PREFIX) else None
    if known is None:
        raise StanzaError("item-not-found", "a room has no such command")
    if room.affiliation(request.from_) < known.least:
        raise StanzaError("forbidden", f"this takes at least the affiliation {known.least}")
    action = command.get("action", "execute")
    if request.type != "set" or action not in ("execute", "complete", "next", "cancel"):
        raise StanzaError("bad-request", "a command is executed, completed or cancelled")
    answer = Element("command", COMMANDS, {"node": node})
    answer.attrs["sessionid"] = command.get("sessionid") or str(uuid.uuid4())
    if action == "cancel":
        answer.attrs["status"] = "canceled"
        return [request.reply(answer)]
    form = known.form(room)
    submission = command.child("x", DATA_FORMS)
    answer.attrs["status"] = "completed"
    if known.run is None:
        answer.append(form.to_element())
        return [request.reply(answer)]
    if submission is None:
        answer.attrs["status"] = "executing"
        answer.add("actions", attrs={"execute": "complete"}).add("complete")
        answer.append(form.to_element())
        return [request.reply(answer)]
    return [request.reply(answer), *known.run(room, form.accept(submission))]


# ---- the hats a room has


def _create_form(room: Room) -> Form:
    form = Form("form", _FORM_TYPE, title="Creating a hat", instructions="One with the same URI is replaced.")
    form.add(_TITLE, label="Title", required=True)
    form.add(_URI, label="URI", required=True, validation=Validation("xs:anyURI"))
    hue = Validation("xs:decimal", minimum=0, maximum=360)
    form.add(_HUE, label="Angle of its colour", validation=hue)
    return form


def _create(room: Room, values: dict[str, Any]) -> list[Stanza]:
    title, uri, hue = values[_TITLE], values[_URI], values.get(_HUE)
    if len(title) > 100 or len(uri) > 500:
        raise StanzaError("not-acceptable", "title or URI are too long")
    others = [hat for hat in room.config.hats if hat.uri != uri]
    if len(others) >= MOST:
        raise StanzaError("not-acceptable", f"a room has at most {MOST} hats")
    new = HatSetting(uri=uri, title=title, hue="" if hue is None else str(hue)[:20])
    room.configure(room.config.model_copy(update={"hats": (*others, new)}))
    return [*_rehatted(room, uri, _worn(new)), *notice(room, [104])]


def _choice(title: str) -> Callable[[Room], Form]:
    def build(room: Room) -> Form:
        form = Form("form", _FORM_TYPE, title=title)
        _add_choice(form, room)
        return form

    return build


def _destroy(room: Room, values: dict[str, Any]) -> list[Stanza]:
    uri = _hat(room, values).uri
    left = tuple(hat for hat in room.config.hats if hat.uri != uri)
    room.configure(room.config.model_copy(update={"hats": left}))
    return [*_rehatted(room, uri, None), *notice(room, [104])]


def _list(room: Room) -> Form:
    form = _table("Hats", (_TITLE, _URI, _HUE))
    for hat in room.config.hats:
        form.add_item({_TITLE: hat.title, _URI: hat.uri, _HUE: hat.hue})
    return form


# ---- who wears them


def _wearer_form(title: str) -> Callable[[Room], Form]:
    def build(room: Room) -> Form:
        form = Form("form", _FORM_TYPE, title=title)
        form.add(_JID, "jid-single", label="Address", required=True)
        _add_choice(form, room)
        return form

    return build


def _assign(room: Room, values: dict[str, Any]) -> list[Stanza]:
    jid, hat = values[_JID].bare, _worn(_hat(room, values))
    others = tuple(each for each in room.hats.get(jid, ()) if each.uri != hat.uri)
    return _wear(room, jid, (*others, hat))


def _unassign(room: Room, values: dict[str, Any]) -> list[Stanza]:
    jid, uri = values[_JID].bare, _hat(room, values).uri
    return _wear(room, jid, tuple(each for each in room.hats.get(jid, ()) if each.uri != uri))


def _list_assigned(room: Room) -> Form:
    form = _table("Who wears hats", (_JID, _URI, _TITLE, _HUE))
    for jid, hats in sorted(room.hats.items()):
        for hat in hats:
            form.add_item({_JID: jid, _URI: hat.uri, _TITLE: hat.title, _HUE: hat.hue})
    return form


# ---- what they have in common


def _add_choice(form: Form, room: Room) -> None:
    options = {hat.uri: hat.title for hat in room.config.hats}
    form.add(_URI, "list-single", label="Hat", options=options, required=True)


def _table(title: str, names: Iterable[str]) -> Form:
    form = Form("result", title=title)
    form.reported = [Form().add(name) for name in names]
    return form


def _hat(room: Room, values: dict[str, Any]) -> HatSetting:
    # The form takes no other hat than those of the room.
    return next(hat for hat in room.config.hats if hat.uri == values[_URI])


def _worn(hat: HatSetting) -> Hat:
    return Hat(hat.uri, hat.title, hue=hat.hue)


def _rehatted(room: Room, uri: str, hat: Hat | None) -> list[Stanza]:
    """Let all who wear a hat wear what has become of it."""
    sent: list[Stanza] = []
    for jid, hats in list(room.hats.items()):
        if any(each.uri == uri for each in hats):
            kept = [hat if each.uri == uri else each for each in hats]
            sent += _wear(room, jid, tuple(each for each in kept if each is not None))
    return sent


def _wear(room: Room, jid: JID, hats: tuple[Hat, ...]) -> list[Stanza]:
    if room.hats.get(jid, ()) == hats:
        return []
    room.wear(jid, hats)
    sent: list[Stanza] = []
    for occupant in affiliations.occupants_of(room, jid):
        sent += presences.changed(room, occupant)
    return sent


class _Command(NamedTuple):
    least: Affiliation
    form: Callable[[Room], Form]
    run: Callable[[Room, dict[str, Any]], list[Stanza]] | None


_COMMANDS: Final = {
    "create": _Command(Affiliation.OWNER, _create_form, _create),
    "destroy": _Command(Affiliation.OWNER, _choice("Destroying a hat"), _destroy),
    "list": _Command(Affiliation.NONE, _list, None),
    "assign": _Command(Affiliation.ADMIN, _wearer_form("Assigning a hat"), _assign),
    "unassign": _Command(Affiliation.ADMIN, _wearer_form("Removing a hat"), _unassign),
    "list-assigned": _Command(Affiliation.ADMIN, _list_assigned, None),
}
