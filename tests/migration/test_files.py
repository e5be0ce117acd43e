"""Files of the portable format (XEP-0227) as they may be written, or may have been made to do harm."""

from __future__ import annotations

import resource
from collections import Counter
from pathlib import Path

import pytest

from burble.migration.accounts import AccountData
from burble.migration.pie import read_pie
from burble.migration.reading import TransferFailed

PIE = "xmlns='urn:xmpp:pie:0' xmlns:xi='http://www.w3.org/2001/XInclude'"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def server(content: str) -> str:
    return f"<?xml version='1.0'?><server-data {PIE}>{content}</server-data>"


def host(content: str, name: str = "capulet.com") -> str:
    return f"<host {PIE} jid='{name}'>{content}</host>"


def read(path: Path) -> tuple[list[AccountData], Counter[str]]:
    ignored: Counter[str] = Counter()
    return [each for each in read_pie(path, ignored) if each is not None], ignored


def names(path: Path) -> list[str]:
    return [account.bare() for account in read(path)[0]]


def test_the_layout_of_the_specification(tmp_path: Path) -> None:
    # §6.1
    write(
        tmp_path / "main.xml",
        server("<xi:include href='capulet.com.xml'/><xi:include href='montague%2enet.xml'/>"),
    )
    write(
        tmp_path / "capulet.com.xml",
        host("<xi:include href='capulet.com/juliet.xml'/>\n<xi:include href='capulet.com/mercutio.xml'/>"),
    )
    write(tmp_path / "montague.net.xml", host("<user name='romeo'/>", "montague.net"))
    write(
        tmp_path / "capulet.com" / "juliet.xml",
        f"<user {PIE} name='juliet'><xi:include href='card.xml'/></user>",
    )
    write(tmp_path / "capulet.com" / "card.xml", "<vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>")
    write(tmp_path / "capulet.com" / "mercutio.xml", f"<user {PIE} name='Mercutio'/>")
    accounts, ignored = read(tmp_path / "main.xml")
    assert [each.bare() for each in accounts] == [
        "juliet@capulet.com",
        "mercutio@capulet.com",
        "romeo@montague.net",
    ]
    assert [*accounts[0].rows] == ["vcards"]
    assert ignored == {}


def test_a_directory_of_files(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(tmp_path / f"{name}@capulet.com.xml", server(host(f"<user name='{name}'/>")))
    write(tmp_path / "notes.txt", "?")
    assert names(tmp_path) == ["a@capulet.com", "b@capulet.com"]


def test_included_user_data_is_data(tmp_path: Path) -> None:
    # §6: what a user stored is not looked into.
    text = "<query xmlns='jabber:iq:private'><xi:include href='/etc/passwd'/></query>"
    path = write(tmp_path / "main.xml", server(host(f"<user name='juliet'>{text}</user>")))
    ((account,), _) = read(path)
    (row,) = account.rows["private_xml"].values()
    assert (row["ns"], row["name"]) == ("http://www.w3.org/2001/XInclude", "include")


@pytest.mark.parametrize(
    "href",
    [
        "../secret.xml",
        "/etc/passwd",
        "file:///etc/passwd",
        "http://localhost/x.xml",
        "//localhost/x.xml",
        "%2e%2e/secret.xml",
        "link.xml",
        "",
        "x.xml?a",
        "x.xml#a",
    ],
)
def test_includes_that_lead_elsewhere(tmp_path: Path, href: str) -> None:
    write(tmp_path / "secret.xml", host("<user name='secret'/>"))
    path = write(tmp_path / "in" / "main.xml", server(f"<xi:include href='{href}'/>"))
    (tmp_path / "in" / "link.xml").symlink_to(tmp_path / "secret.xml")
    with pytest.raises(TransferFailed, match=r"not below|not just the name|without the name"):
        read(path)


def test_includes_that_go_round(tmp_path: Path) -> None:
    write(tmp_path / "host.xml", host("<xi:include href='host.xml'/>"))
    path = write(tmp_path / "main.xml", server("<xi:include href='host.xml'/>"))
    with pytest.raises(TransferFailed, match="includes itself"):
        read(path)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + server(""), "a DTD, which such a file has no need of"),
        ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'>" + server(""), "a DTD"),
        ("<users/>", "begins with <users/> and not with <server-data/>"),
        ("<user xmlns='urn:xmpp:pie:0' name='juliet'/>", "begins with <user/>"),
        ("", "not well-formed XML: no element found"),
        (server("<host jid='capulet.com'>"), "not well-formed XML: mismatched tag"),
        (server("<host jid='a@b'/>"), "a host whose name is none"),
        (server("<host/>"), "a host whose name is none"),
        (
            server(host("<user name='a'>" + "<b>" * 120 + "</b>" * 120 + "</user>")),
            "nested more than 100 deep",
        ),
        (server("<xi:include href='missing.xml'/>"), r"missing\.xml can't be read: no such file"),
        (server("<xi:include href='x.xml' parse='text'/>"), "an include that is not just"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str, wrong: str) -> None:
    path = write(tmp_path / "main.xml", text)
    with pytest.raises(TransferFailed, match=wrong):
        read(path)


def test_what_cannot_be_taken_over_is_counted(tmp_path: Path) -> None:
    content = """
    <user name='a@b'/><user/><group/>
    <user name='juliet' password='x'>
      <query xmlns='jabber:iq:roster'><item jid='@'/><item jid='juliet@capulet.com'/><item/>
        <item jid='romeo@montague.net' subscription='remove'/></query>
      <pubsub xmlns='http://jabber.org/protocol/pubsub'/>
      <presence xmlns='jabber:client' type='subscribed' from='a@b'/><presence type='subscribe'/>
      <offline-messages><message xmlns='jabber:client'/><presence/></offline-messages>
      <scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-MD5'/>
      <scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'><iter-count>1</iter-count>
        <salt>!</salt><server-key/><stored-key/></scram-credentials>
    </user>"""
    accounts, ignored = read(write(tmp_path / "main.xml", server(host(content))))
    assert [account.password for account in accounts] == ["x"]
    assert accounts[0].keys == {}
    assert [*accounts[0].rows] == ["roster_versions"]
    assert ignored == {
        "accounts whose name is none": 2,
        "elements group of urn:xmpp:pie:0": 1,
        "contacts that can't be": 4,
        "elements pubsub of http://jabber.org/protocol/pubsub": 1,
        "presence that is no subscription request": 2,
        "messages without content": 2,
        "credentials that can't be used": 2,
    }


def privacy(lists: str) -> str:
    return f"<user name='juliet'><query xmlns='jabber:iq:privacy'>{lists}</query></user>"


DENY = "<item type='jid' value='tybalt@example.com' action='deny' order='1'/>"


def test_a_privacy_list_that_only_blocks_is_the_block_list(tmp_path: Path) -> None:
    # As ejabberd keeps block lists (XEP-0191 §5).
    lists = f"<default name='Blocked contacts'/><list name='Blocked contacts'>{DENY}</list>"
    ((account,), ignored) = read(write(tmp_path / "main.xml", server(host(privacy(lists)))))
    assert ignored == {}
    assert [*account.rows] == ["blocklist"]
    assert [row["jid"] for row in account.rows["blocklist"].values()] == ["tybalt@example.com"]


def test_privacy_lists(tmp_path: Path) -> None:
    some = "<item action='deny' order='2'><message/></item>"
    lists = f"<default name='a'/><list name='a'>{DENY}{some}</list><list name='b'>{some}</list>"
    lists += "<list name='c'><item/></list>"
    ((account,), ignored) = read(write(tmp_path / "main.xml", server(host(privacy(lists)))))
    assert ignored == {"privacy lists that are none": 1}
    assert [row["jid"] for row in account.rows["blocklist"].values()] == ["tybalt@example.com"]
    rows = account.rows["privacy_lists"].values()
    assert [(row["name"], row["is_default"]) for row in rows] == [("a", True), ("b", False)]


def test_what_prosody_writes(tmp_path: Path) -> None:
    # A subscription request without a namespace of its own.
    text = (
        "<server-data xmlns='urn:xmpp:pie:0'><host jid='localhost'><user name='benvolio'>"
        "<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'>"
        "<server-key>2WTTp4f+dSl3Q8NYfsJPbUOItno=</server-key>"
        "<stored-key>VICGfNMauQJGxFiXIVlyI/hSOiY=</stored-key><iter-count>10000</iter-count>"
        "<salt>MmU3NzRhZGItZjdmMy00NDdiLWExMzgtZGE2MDFhMDRhNWJk</salt></scram-credentials>"
        "<query xmlns='jabber:iq:roster' version='3'><item subscription='both' name='Romeo' "
        "jid='romeo@localhost'><group>Friends</group></item></query>"
        "<presence type='subscribe' from='paris@localhost'/></user></host></server-data>"
    )
    ((account,), ignored) = read(write(tmp_path / "benvolio@localhost.xml", text))
    assert ignored == {}
    assert account.keys["SHA-1"].iterations == 10000
    (request,) = account.rows["subscription_requests"].values()
    assert request["stanza"].startswith(b"<presence type='subscribe'")


def test_memory_is_bounded_by_a_part_and_not_by_the_file(tmp_path: Path) -> None:
    path = tmp_path / "main.xml"
    with path.open("w") as file:
        file.write(f"<server-data {PIE}><host jid='capulet.com'><user name='juliet'><offline-messages>")
        for _ in range(40):
            message = "<message xmlns='jabber:client'><body>" + "x" * 1_000_000 + "</body></message>"
            file.write(message)
        file.write("</offline-messages></user></host></server-data>")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    messages = 0
    for account in read_pie(path, Counter()):
        if account is not None:
            messages += len(account.rows.get("offline_messages", ()))
            assert account.bare() == "juliet@capulet.com"
            account.rows.clear()
    assert messages == 40
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000


def test_an_element_without_end(tmp_path: Path) -> None:
    path = tmp_path / "main.xml"
    with path.open("w") as file:
        file.write(
            f"<server-data {PIE}><host jid='capulet.com'><user name='juliet'><vCard xmlns='vcard-temp'>"
        )
        for _ in range(18):
            file.write("x" * 1_000_000)
    with pytest.raises(TransferFailed, match="an element of more than"):
        read(path)
    with path.open("w") as file:
        file.write(f"<server-data {PIE}><host jid='")
        for _ in range(18):
            file.write("x" * 1_000_000)
    with pytest.raises(TransferFailed, match="a tag of more than"):
        read(path)
