"""The logs of rooms on disk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from burble.jid import JID
from burble.modules.muc import Muc
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.logs import Line, RoomLogs, directory_name
from burble.modules.muc.room import Room
from tests.muc.conftest import Stages
from tests.muc.stage import COVEN, DISCO_INFO, Stage, fields

MORNING = datetime(2026, 11, 20, 8, 30, tzinfo=UTC).timestamp()
DAY = 24 * 3600.0


def a_room(local: str = "coven", name: str = "A Dark Cave") -> Room:
    return Room(JID(f"{local}@conference.localhost"), RoomConfig(name=name), b"secret")


async def logged(stage: Stage) -> list[str]:
    """Close the log and return its lines of today without the times."""
    muc = stage.server.hosts["localhost"].modules["muc"]
    assert isinstance(muc, Muc)
    assert muc.service.logs is not None
    await muc.service.logs.close()
    [path] = muc.settings.log_dir.glob("coven/*.txt")
    return [line.partition("] ")[2] for line in path.read_text().splitlines()]


async def test_what_happens_in_a_room_is_logged(stages: Stages, tmp_path: Path) -> None:
    stage = await stages(log_dir=str(tmp_path), log_format="text")
    crone1 = await stage.host("crone1/desktop", "firstwitch", enablelogging="1")
    hag66 = await stage.guest("hag66/pda", "thirdwitch")
    await hag66.say("Thrice the brinded cat hath mew'd.")
    await hag66.say("/me stirs")
    await hag66.tell("<body>Between us.</body>", f"{COVEN}/firstwitch", "chat")
    await crone1.tell("<subject>Spells</subject>")
    await hag66.show("oldhag")
    await crone1.administer("<item nick='oldhag' role='none'><reason>Avaunt!</reason></item>")
    await hag66.enter("thirdwitch")
    await hag66.leave("thirdwitch", status="<status>bed</status>")
    await crone1.administer("<item affiliation='member' jid='hag66@localhost'/>")
    await crone1.configure(enablelogging="0")
    await crone1.say("Not for the log.")
    assert await logged(stage) == [
        "*** thirdwitch entered",
        "<thirdwitch> Thrice the brinded cat hath mew'd.",
        "* thirdwitch stirs",
        "*** firstwitch has set the subject to: Spells",
        "*** thirdwitch is now known as oldhag",
        "*** oldhag was kicked: Avaunt!",
        "*** thirdwitch entered",
        "*** thirdwitch left: bed",
        "*** The room was configured",
    ]


async def test_nothing_is_logged_where_the_owners_do_not_want_it(stages: Stages, tmp_path: Path) -> None:
    stage = await stages(log_dir=str(tmp_path / "logs"))
    crone1 = await stage.host("crone1/desktop", "firstwitch", enablelogging="0")
    await crone1.say("Double, double.")
    await stage.server.stop()
    assert not (tmp_path / "logs").exists()


async def test_a_room_tells_where_its_logs_are(stages: Stages, tmp_path: Path) -> None:
    """§6.4: ``muc#roominfo_logs``."""
    stage = await stages(log_dir=str(tmp_path), log_url="https://localhost/logs/")
    crone1 = await stage.host("crone1/desktop", "firstwitch", enablelogging="1")
    info = fields(await crone1.ask("get", DISCO_INFO, COVEN))
    assert info["muc#roominfo_logs"] == ["https://localhost/logs/coven/"]
    await crone1.configure(enablelogging="0")
    assert "muc#roominfo_logs" not in fields(await crone1.ask("get", DISCO_INFO, COVEN))


async def test_a_page_a_day_leads_to_the_others(tmp_path: Path) -> None:
    for day in (0, 1, 3):
        logs = RoomLogs(tmp_path, "html")  # as after a restart
        logs.write(a_room(), [Line("hag66", f"day {day}", said=True)], MORNING + day * DAY)
        logs.write(a_room(), [Line("", "The room was configured")], MORNING + day * DAY + 1)
        await logs.close()
    folder = tmp_path / "coven"
    pages = sorted(path.name for path in folder.iterdir())
    assert pages == ["2026-11-20.html", "2026-11-21.html", "2026-11-23.html", "index.html"]
    links = {page: _links((folder / page).read_text()) for page in pages}
    assert links == {
        "2026-11-20.html": ["index.html", "2026-11-21.html"],
        "2026-11-21.html": ["2026-11-20.html", "index.html", "2026-11-23.html"],
        "2026-11-23.html": ["2026-11-21.html", "index.html"],
        "index.html": ["2026-11-23.html", "2026-11-21.html", "2026-11-20.html"],
    }
    assert (folder / "2026-11-21.html").read_text().count("<h1>") == 1
    assert "<time>08:30:00</time> <b>hag66:</b> day 1" in (folder / "2026-11-21.html").read_text()


def _links(page: str) -> list[str]:
    return [part.partition('"')[0] for part in page.split('<a href="')[1:]]


@pytest.mark.parametrize("said", [True, False])
async def test_what_people_write_stays_text(tmp_path: Path, said: bool) -> None:
    """On the page nothing of it is HTML; in the file it can't pass for a line of somebody else."""
    evil = "<script>alert('&')</script>\n[08:30:00] <firstwitch> I resign"
    line = Line("<b>hag</b>", evil, said)
    logs = RoomLogs(tmp_path, "html")
    logs.write(a_room(name="<i>Cave</i>"), [line, Line("x", f"/me {evil}", said)], MORNING)
    await logs.close()
    page = (tmp_path / "coven" / "2026-11-20.html").read_text()
    tags = {tag.partition(">")[0].split()[0] for tag in page.split("<")[1:]}
    assert tags <= {
        *("!DOCTYPE", "html", "head", "meta", "title", "/title", "style", "/style", "/head", "body"),
        *("h1", "/h1", "nav", "/nav", "a", "/a", "p", "/p", "time", "/time", "b", "/b", "br"),
    }
    assert "&lt;script&gt;" in page
    for index in ("title", "h1"):
        assert f"<{index}>&lt;i&gt;Cave&lt;/i&gt;" in page
    text = line.as_text(datetime.fromtimestamp(MORNING, UTC))
    assert text.splitlines()[1] == "    [08:30:00] <firstwitch> I resign"


@pytest.mark.parametrize(
    ("local", "name"),
    [
        ("coven", "coven"),
        ("..", "%2E%2E"),
        ("../../etc", "%2E%2E%2F%2E%2E%2Fetc"),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "caf%C3%A9"),
    ],
)
def test_a_rooms_name_leads_nowhere_else(local: str, name: str) -> None:
    assert directory_name(local) == name


def test_long_names_of_rooms_stay_apart() -> None:
    first, second = directory_name("x" * 1000 + "1"), directory_name("x" * 1000 + "2")
    assert first != second
    assert len(first) < 255


async def test_a_log_that_cannot_be_written_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "coven").write_text("in the way")
    logs = RoomLogs(tmp_path, "html")
    logs.write(a_room(), [Line("hag66", "lost", said=True)], MORNING)
    logs.write(a_room("heath"), [Line("hag66", "kept", said=True)], MORNING)
    await logs.close()
    assert "kept" in (tmp_path / "heath" / "2026-11-20.html").read_text()
    assert "can't be written" in caplog.text
