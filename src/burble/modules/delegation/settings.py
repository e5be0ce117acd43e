"""The options of delegation: ``[modules.delegation]``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from burble.config import Table
from burble.config.fields import Domain, expected
from burble.module import ModuleSettings
from burble.namespaces import DELEGATION
from burble.xml import Element

__all__ = ["ANY_INFO", "ANY_ITEMS", "Delegated", "DelegationSettings"]

#: Stand for disco#info and disco#items requests about accounts that nobody else answers (§6.2.4, §6.2.5).
ANY_INFO: Final = f"{DELEGATION}:bare:disco#info:*"
ANY_ITEMS: Final = f"{DELEGATION}:bare:disco#items:*"


def _delegable(namespace: str) -> str:
    if namespace in ("", DELEGATION):
        raise expected(f"a namespace other than {DELEGATION}, which can't be delegated")
    return namespace


class Delegated(Table):
    """What the component NAME answers in the place of the server and its accounts (XEP-0355)."""

    namespaces: dict[Annotated[str, AfterValidator(_delegable)], list[str]] = Field(
        default={},
        description="The requests, by the namespace of what is asked, each with the attributes that must be "
        f"there for it: `[]` for all of the namespace. `{ANY_INFO}` and `{ANY_ITEMS}` stand for service "
        "discovery of what the server does not know.",
    )

    def element(self) -> Element | None:
        """The ``<delegation/>`` that tells it what it answers; None where that is nothing."""
        if not self.namespaces:
            return None
        delegation = Element("delegation", DELEGATION)
        for namespace, attributes in self.namespaces.items():
            delegated = delegation.add("delegated", attrs={"namespace": namespace})
            for attribute in attributes:
                delegated.add("attribute", attrs={"name": attribute})
        return delegation


class DelegationSettings(ModuleSettings):
    """Which components answer for the server."""

    timeout: float = Field(
        default=30.0, gt=0, description="How long a component may take for an answer, seconds."
    )
    at_once: int = Field(
        default=1_000,
        ge=1,
        description="Requests that components may have to answer at the same time; more are refused.",
    )
    entities: dict[Domain, Delegated] = Field(default={})

    @model_validator(mode="after")
    def _each_has_one(self) -> Self:
        seen: set[str] = set()
        for namespace, _, _ in self.delegated():
            if namespace in seen:
                raise ValueError(f"{namespace} is delegated to two components")
            seen.add(namespace)
        return self

    def delegated(self) -> Iterator[tuple[str, str, list[str]]]:
        """Each namespace with its component and the attributes that must be there."""
        for entity, each in self.entities.items():
            for namespace, attributes in each.namespaces.items():
                yield namespace, entity, attributes
