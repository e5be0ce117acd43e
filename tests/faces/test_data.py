"""Commands about files of data, called over HTTP and from a shell, with what they say there."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from burble.server import Server
from burble.testing import port_of
from tests.client import ScriptedClient
from tests.faces.programs import burblectl
from tests.faces.web import client


async def test_backup_and_restore_over_rest(web: Server, admin: httpx.AsyncClient, tmp_path: Path) -> None:
    file = str(tmp_path / "saved")
    answer = await admin.post("/api/backup", json={"file": file})
    assert answer.status_code == 200
    assert answer.json().startswith("Backup of ")
    await web.hosts["localhost"].register("mercutio", "secret")
    answer = await admin.post("/api/restore", json={"file": file})
    assert (answer.status_code, answer.json().partition(" rows of ")[2].partition("from ")[2]) == (200, file)
    answer = await admin.post("/api/registered_users", json={"host": "localhost"})
    assert answer.json() == ["admin", "juliet", "romeo"]
    answer = await admin.post("/api/restore", json={"file": "/etc/passwd"})
    assert answer.status_code == 400
    assert "it is no backup or dump of Burble" in answer.text


@pytest.mark.parametrize("name", ["backup", "restore", "dump", "load", "install_fallback", "import_piefxis"])
async def test_files_are_for_administrators(web: Server, tmp_path: Path, name: str) -> None:
    for auth, status in ((None, 401), (("romeo@localhost", "secret"), 403)):
        async with client(web, auth=auth) as caller:
            answer = await caller.post(f"/api/{name}", json={"file": str(tmp_path / "saved")})
        assert answer.status_code == status
    assert not (tmp_path / "saved").exists()


async def test_kept_messages_over_rest(web: Server, admin: httpx.AsyncClient) -> None:
    romeo = await (await ScriptedClient(port_of(web)).connect()).login("romeo", resource="orchard")
    romeo.write("<message to='juliet@localhost' type='chat'><body>hi</body></message>")
    await romeo.sync()
    await romeo.close()
    answer = await admin.post("/api/get_offline_messages", json={"user": "juliet", "host": "localhost"})
    (message,) = answer.json()
    assert (message["from"], message["to"]) == ("romeo@localhost/orchard", "juliet@localhost")
    answer = await admin.post("/api/delete_old_messages", json={"days": 1})
    assert (answer.status_code, answer.json()) == (200, 0)
    answer = await admin.post("/api/mnesia_list_tables", json={})
    sizes = {table["name"]: table["elements"] for table in answer.json()}
    assert sizes["offline_messages"] == 1


async def test_from_a_shell(server: Server, tmp_path: Path) -> None:
    directory = server.settings.data_dir

    async def ctl(*arguments: str) -> tuple[int, str, str]:
        ended = await burblectl(directory, "--data-dir", str(directory), *arguments)
        return ended.status, ended.out, ended.err

    status, out, _ = await ctl("backup", "saved")
    assert (status, out.partition(" written to ")[2]) == (0, f"{directory / 'saved'}\n")
    status, out, _ = await ctl("restore", "saved")
    assert (status, out.partition(" restored from ")[2]) == (0, f"{directory / 'saved'}\n")
    status, _, said = await ctl("restore", "secret")
    assert (status, said) == (1, f"burblectl: {directory / 'secret'}: it is no backup or dump of Burble\n")
    status, out, _ = await ctl("export_piefxis", "out")
    assert out.startswith("3 accounts exported to ")
    status, out, _ = await ctl("import_piefxis", out.split()[-1], "true")
    assert out == "0 accounts would be imported, with 0 rows; 3 are here already and stay as they are\n"
    assert (await ctl("set-master", "self"))[:2] == (
        0,
        "Nothing to do: this server is one node, and keeps all tables itself\n",
    )
    status, out, _ = await ctl("mnesia", "info")
    assert out.startswith("Database: ")
