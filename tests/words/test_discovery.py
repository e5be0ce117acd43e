"""XEP-0115 §5: the examples of the specification, and what must not change a hash."""

from __future__ import annotations

from burble.discovery import Identity, Info
from burble.forms import Form
from burble.namespaces import DISCO_INFO, DISCO_ITEMS

MUC = "http://jabber.org/protocol/muc"
CAPS = "http://jabber.org/protocol/caps"


def psi() -> Info:
    """§5.3: two languages and a form, everything in another order than the hash wants it."""
    form = Form("result", "urn:xmpp:dataforms:softwareinfo")
    form.add("software_version", value="0.11")
    form.add("software", value="Psi")
    form.add("os_version", value="10.5.1")
    form.add("os", value="Mac")
    form.add("ip_version", "text-multi", value=["ipv6", "ipv4"])
    return Info(
        [Identity("client", "pc", "en", "Psi 0.11"), Identity("client", "pc", "el", "Ψ 0.11")],
        [MUC, DISCO_ITEMS, DISCO_INFO, CAPS],
        [form],
    )


def test_the_simple_example() -> None:
    """§5.2."""
    exodus = Info(
        [Identity("client", "pc", name="Exodus 0.9.1")],
        [CAPS, DISCO_INFO, DISCO_ITEMS, MUC],
    )
    assert exodus.verification_string() == "QgayPKawpkPSDYmwT/WM94uAlu0="


def test_the_complex_example() -> None:
    """§5.3."""
    assert psi().verification_string() == "q07IKJEyjvHSyhy//CH0CxmKi8w="


def test_forms_are_hashed_in_the_order_of_their_form_type() -> None:
    """§5.1, steps 6 and 7."""
    one, other = Form("result", "urn:example:b"), Form("result", "urn:example:a")
    identities = [Identity("server", "im")]
    there = Info(identities, [], [one, other]).verification_string()
    back = Info(identities, [], [other, one]).verification_string()
    assert there == back
    assert there != Info(identities, [], [one]).verification_string()


def test_another_hash() -> None:
    """§5.1, step 9: the algorithm is the sender's to choose."""
    assert len(psi().verification_string("sha256")) == 44


def test_the_element_says_it_all_once() -> None:
    """No feature twice, which would make a hash ill-formed (XEP-0115 §5.4); the node mirrored."""
    info = psi()
    info.features.append(MUC)
    element = info.to_element("http://psi-im.org#q07IKJEyjvHSyhy//CH0CxmKi8w=")
    assert info.verification_string() == "q07IKJEyjvHSyhy//CH0CxmKi8w="
    assert element.get("node") == "http://psi-im.org#q07IKJEyjvHSyhy//CH0CxmKi8w="
    assert [each.get("var") for each in element.elements("feature")] == [CAPS, DISCO_INFO, DISCO_ITEMS, MUC]
    assert [each.attrs for each in element.elements("identity")] == [
        {"category": "client", "type": "pc", "xml:lang": "en", "name": "Psi 0.11"},
        {"category": "client", "type": "pc", "xml:lang": "el", "name": "Ψ 0.11"},
    ]
    hidden = element.child("x")
    assert hidden is not None
    assert hidden.get("type") == "result"
