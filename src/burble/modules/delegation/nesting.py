"""What components can do for the server and its accounts, told as their own (XEP-0355 §6.2)."""

from __future__ import annotations

from collections.abc import Iterable

from burble.discovery import Identity, Info
from burble.forms import Form, FormError
from burble.namespaces import DATA_FORMS, DISCO_INFO
from burble.xml import Element

__all__ = ["merge", "read_info"]


def read_info(query: Element) -> Info:
    """What the payload of an answer to a disco#info request tells; what is no such thing is left out."""
    info = Info()
    for child in query.elements():
        if child.ns == DATA_FORMS and child.name == "x":
            try:
                info.forms.append(Form.from_element(child))
            except FormError:
                continue
        elif child.ns == DISCO_INFO and child.name == "feature":
            info.features.append(child.get("var", "") or "")
        elif child.ns == DISCO_INFO and child.name == "identity":
            parts = [child.get(key, "") or "" for key in ("category", "type", "xml:lang", "name")]
            info.identities.append(Identity(*parts))
    return info


def merge(into: Info, namespaces: Iterable[str], nested: Iterable[Info]) -> None:
    """Put what components can do in the place of what the server itself can (§6.2.1, §6.2.3).

    Args:
        into: what the server tells.
        namespaces: those that are delegated.
        nested: what the components have told.
    """
    prefixes = tuple(f"{namespace}#" for namespace in namespaces)
    own = set(namespaces)
    into.features = [each for each in into.features if each not in own and not each.startswith(prefixes)]
    into.forms = [
        form
        for form in into.forms
        if form.form_type is None or (form.form_type not in own and not form.form_type.startswith(prefixes))
    ]
    for info in nested:
        into.identities += info.identities
        into.features += info.features
        into.forms += info.forms
