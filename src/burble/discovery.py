"""What an entity says it is and can do (XEP-0030 §3), and the hash of it (XEP-0115 §5)."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple

from burble.forms import Form
from burble.namespaces import DISCO_INFO
from burble.xml import Element

__all__ = ["Identity", "Info"]


class Identity(NamedTuple):
    """One thing an entity is, by the registry of XEP-0030 §11.2.1: ``Identity("server", "im")``.

    Attributes:
        category: such as ``server``.
        type: such as ``im``.
        lang: the language of the name; "" where none is given.
        name: for people; "" for none.
    """

    category: str
    type: str
    lang: str = ""
    name: str = ""


@dataclass(slots=True)
class Info:
    """The answer to a disco#info request.

    Attributes:
        identities: what the entity is; at least one.
        features: the namespaces of what it can do; those that several parts of it can do are told once.
        forms: what else there is to say (XEP-0128), each with its own FORM_TYPE.
    """

    identities: list[Identity] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)

    def to_element(self, node: str = "") -> Element:
        """The ``<query/>`` that tells it, for the node that was asked for."""
        query = Element("query", DISCO_INFO, {"node": node} if node else None)
        for identity in self.identities:
            attrs = {"category": identity.category, "type": identity.type}
            if identity.lang:
                attrs["xml:lang"] = identity.lang
            if identity.name:
                attrs["name"] = identity.name
            query.add("identity", attrs=attrs)
        for feature in sorted(set(self.features)):
            query.add("feature", attrs={"var": feature})
        for form in self.forms:
            query.append(form.to_element())
        return query

    def verification_string(self, algorithm: str = "sha1") -> str:
        """The hash that stands for this information (XEP-0115 §5.1).

        Args:
            algorithm: a name that `hashlib` knows.
        """
        # Python compares strings by code point, which is the order of their UTF-8 octets ("i;octet").
        parts = ["/".join(identity) for identity in sorted(self.identities)]
        parts += sorted(set(self.features))
        for form in sorted(self.forms, key=lambda form: form.form_type or ""):
            parts.append(form.form_type or "")
            for each in sorted(form.fields, key=lambda each: each.var):
                parts += [each.var, *sorted(each.values)]
        text = "".join([part + "<" for part in parts])
        return base64.b64encode(hashlib.new(algorithm, text.encode()).digest()).decode()
