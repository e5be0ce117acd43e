"""The table [auth]: what a method needs, for each host."""

from pathlib import Path

import pytest

from burble.config import ConfigError, Settings, load

HOSTS = 'hosts = ["example.org", "example.net"]\n'


def read(directory: Path, text: str) -> Settings:
    file = directory / "burble.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def test_a_host_shares_the_options_it_does_not_name(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        HOSTS + '[auth.script]\ncommand = ["/a"]\ntimeout = 3.0\n'
        '[host."example.net".auth]\nmethod = "script"\n'
        '[host."example.net".auth.script]\nprocesses = 7',
    )
    general, own = settings.for_host("example.org").auth, settings.for_host("example.net").auth
    assert (general.method, own.method) == ("internal", "script")
    assert (own.script.command, own.script.timeout, own.script.processes) == (["/a"], 3.0, 7)
    assert general.script.processes == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[auth]\nmethod = "script"', 'auth.script.command: method = "script" needs the program to ask'),
        (
            '[auth]\nmethod = "script"\nscript.command = [""]',
            'auth.script.command: method = "script" needs the program to ask',
        ),
        ('[auth]\nmethod = "http"', 'auth.http.url: method = "http" needs the URL of the service to ask'),
        (
            HOSTS + '[host."example.net".auth]\nmethod = "http"',
            'host."example.net".auth.http.url: method = "http" needs the URL of the service to ask',
        ),
        (
            '[auth]\nmethod = "script"\nmechanisms = ["SCRAM-SHA-256"]\nscript.command = ["/a"]',
            'auth.mechanisms: method = "script" needs PLAIN: it can only be shown passwords',
        ),
    ],
)
def test_a_method_without_what_it_needs_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert caught.value.problems == [(None, problem)]


@pytest.mark.parametrize(
    "url",
    ["example.org", "ftp://a/", "http://", "http://a:b@c/", "http://a/?b", "http://a/#b", "http://a b/"],
)
def test_the_service_has_a_plain_url(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"auth\.http\.url: expected a URL such as"):
        read(tmp_path, f'[auth]\nhttp.url = "{url}"')
