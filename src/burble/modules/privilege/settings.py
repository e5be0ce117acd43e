"""The options of privileged entities: ``[modules.privilege]``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from burble.config import Table
from burble.config.fields import Domain
from burble.module import ModuleSettings
from burble.namespaces import PRIVILEGE
from burble.xml import Element

__all__ = ["PrivilegeSettings", "Privileges"]

Access = Literal["none", "get", "set", "both"]


class Privileges(Table):
    """What the component NAME may do with the accounts of the host (XEP-0356).

    Grant only what a component needs, and only to one that you trust as you trust this server.
    """

    roster: Access = Field(
        default="none", description="Whether it may `get` or `set` the roster of any account, or do `both`."
    )
    push: bool = Field(
        default=True, description="Tell it of each change of a roster; with `roster` of `get` or `both`."
    )
    message: Literal["none", "outgoing"] = Field(
        default="none", description="`outgoing`: it may send messages in the name of the host or an account."
    )
    presence: Literal["none", "managed_entity", "roster"] = Field(
        default="none",
        description="Whether it is told who comes and goes: accounts (`managed_entity`), or their contacts "
        "as well (`roster`, which needs `roster` of `get` or `both`).",
    )
    iq: dict[str, Access] = Field(
        default={},
        description="Requests it may send in the name of an account, by the namespace of what is asked.",
    )

    @model_validator(mode="after")
    def _may_read_what_it_hears_of(self) -> Self:
        if self.presence == "roster" and not self.reads_rosters:
            raise ValueError('presence = "roster" needs roster = "get" or "both"')
        return self

    @property
    def reads_rosters(self) -> bool:
        """Whether it may get rosters."""
        return self.roster in ("get", "both")

    def may_ask(self, ns: str, type: str) -> bool:
        """Whether it may send a request for an account."""
        return self.iq.get(ns, "none") in (type, "both")

    def element(self) -> Element | None:
        """The ``<privilege/>`` that tells it what it may do; None where that is nothing."""
        privilege = Element("privilege", PRIVILEGE)
        if self.roster != "none":
            push = "true" if self.push and self.reads_rosters else "false"
            privilege.add("perm", attrs={"access": "roster", "type": self.roster, "push": push})
        for access in ("message", "presence"):
            if (type_ := getattr(self, access)) != "none":
                privilege.add("perm", attrs={"access": access, "type": type_})
        granted = {ns: type_ for ns, type_ in self.iq.items() if type_ != "none"}
        if granted:
            perm = privilege.add("perm", attrs={"access": "iq"})
            for ns, type_ in granted.items():
                perm.add("namespace", attrs={"ns": ns, "type": type_})
        return privilege if privilege.children else None


class PrivilegeSettings(ModuleSettings):
    """Which components are privileged."""

    entities: dict[Domain, Privileges] = Field(default={})
