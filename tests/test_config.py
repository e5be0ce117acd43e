"""Settings: what a file means, and what is said about one that is wrong."""

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble.config import Address, ConfigError, Settings, Table, load

ROOT = Path(__file__).parent.parent


class OfflineOptions(Table):
    store: Literal["chat", "all"] = "chat"
    days: int = 30


class StrictOptions(Table):
    colours: tuple[str, ...]
    place: Path = Path()


MODULES: dict[str, type[Table]] = {"roster": Table, "offline": OfflineOptions, "strict": StrictOptions}


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Settings]:
    def read_text(text: str) -> Settings:
        file = tmp_path / "burble.toml"
        file.write_text(text, encoding="utf-8")
        return load(file, module_settings=MODULES)

    return read_text


@pytest.fixture
def problems(read: Callable[[str], Settings], tmp_path: Path) -> Callable[[str], list[str]]:
    """Return the lines of the error, without the directory of the file."""

    def problems_of(text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            read(text)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return problems_of


def test_no_file_means_loopback_only_with_registration_there() -> None:
    settings = load(None)
    assert settings.hosts == ["localhost"]
    assert {str(address) for address in settings.listen.c2s} == {"127.0.0.1:5222", "[::1]:5222"}
    assert {str(address) for address in settings.listen.c2s_tls} == {"127.0.0.1:5223", "[::1]:5223"}
    assert settings.registration.allows(loopback=True)
    assert not settings.registration.allows(loopback=False)


def test_with_a_file_registration_is_closed_unless_it_is_opened(read: Callable[[str], Settings]) -> None:
    assert not read("").registration.allows(loopback=True)
    assert read("[registration]\nopen = true").registration.allows(loopback=False)
    assert not read("[registration]\nopen = false").registration.allows(loopback=True)


@pytest.mark.parametrize(
    ("data_home", "directory"),
    [("/srv/data", "/srv/data/burble"), ("", "/home/juliet/.local/share/burble"), ("relative", None)],
)
def test_data_directory_follows_xdg(
    monkeypatch: pytest.MonkeyPatch, data_home: str, directory: str | None
) -> None:
    monkeypatch.setenv("HOME", "/home/juliet")
    monkeypatch.setenv("XDG_DATA_HOME", data_home)
    settings = load(None)
    assert str(settings.data_dir) == (directory or "/home/juliet/.local/share/burble")
    assert settings.database_url == f"sqlite:///{settings.data_dir}/burble.db"


def test_paths_start_at_the_directory_of_the_file(
    read: Callable[[str], Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/juliet")
    settings = read('data_dir = "data"\n[tls]\ncertificate = "/etc/a.crt"\nkey = "~/a.key"')
    assert settings.data_dir == tmp_path / "data"
    assert settings.tls.certificate == Path("/etc/a.crt")
    assert settings.tls.key == Path("/home/juliet/a.key")


def test_addresses_are_prepared(read: Callable[[str], Settings]) -> None:
    settings = read('hosts = ["EXAMPLE.org", "xn--mnchen-3ya.example"]\nadmins = ["JULIET@Example.ORG"]')
    assert settings.hosts == ["example.org", "münchen.example"]
    assert settings.admins == ["juliet@example.org"]
    assert settings.for_host("münchen.example").name == "münchen.example"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:5222", Address("0.0.0.0", 5222)),
        ("[::]:0", Address("::", 0)),
        ("[2001:DB8::1]:65535", Address("2001:db8::1", 65535)),
        ("chat.example.org:5222", Address("chat.example.org", 5222)),
    ],
)
def test_listening_addresses(read: Callable[[str], Settings], text: str, address: Address) -> None:
    settings = read(f'[listen]\nc2s = ["{text}"]\nc2s_tls = []')
    assert settings.listen.c2s == [address]
    assert settings.listen.c2s_tls == []
    assert str(address) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "::1:5222",
        "[::1]",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "1.2.3:5222",
        ":5222",
        "a b:1",
        "h:-1",
        "h:٣",
    ],
)
def test_wrong_listening_addresses(problems: Callable[[str], list[str]], text: str) -> None:
    assert problems(f'[listen]\nc2s = ["127.0.0.1:0",\n"{text}"]') == [
        "burble.toml:3: listen.c2s[1]: expected an address and a port such as "
        f'"127.0.0.1:5222" or "[::1]:5222"; got "{text}"'
    ]


HOSTS = """
hosts = ["example.org", "example.net"]
admins = ["romeo@example.net"]
[limits]
rate = 1000
roster_items = 7
[tls]
minimum_version = "TLSv1.3"
[modules]
load = ["roster"]
[modules.offline]
days = 3
[host."example.net"]
admins = ["juliet@example.org"]
tls = { certificate = "/a.crt", key = "/a.key" }
[host."example.net".limits]
roster_items = 8
[host."example.net".modules]
disable = ["roster"]
[host."example.net".modules.offline]
store = "all"
"""


def test_a_host_replaces_only_the_keys_it_names(read: Callable[[str], Settings]) -> None:
    settings = read(HOSTS)
    general, own = settings.for_host("example.org"), settings.for_host("example.net")
    assert (general.limits.rate, general.limits.roster_items) == (1000, 7)
    assert (own.limits.rate, own.limits.roster_items) == (1000, 8)
    assert own.limits.unauthenticated_timeout == settings.limits.unauthenticated_timeout
    assert (general.admins, own.admins) == (["romeo@example.net"], ["juliet@example.org"])
    assert (own.tls.certificate, own.tls.minimum_version) == (Path("/a.crt"), "TLSv1.3")
    assert general.tls.certificate is None
    assert (general.modules.load, general.modules.disable) == (["roster"], [])
    assert (own.modules.load, own.modules.disable) == (["roster"], ["roster"])
    assert general.modules.options("offline") == {"days": 3}
    assert own.modules.options("offline") == {"days": 3, "store": "all"}
    assert own.modules.options("roster") == {}


def test_a_host_can_set_a_key_back_to_its_default(read: Callable[[str], Settings]) -> None:
    settings = read("[registration]\nopen = true\n[host.localhost.registration]\nopen = false")
    assert not settings.for_host("localhost").registration.allows(loopback=True)


def test_settings_of_an_unknown_host() -> None:
    with pytest.raises(KeyError):
        load(None).for_host("example.org")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(None).limits.rate = 5


def test_module_options_may_be_paths_and_tuples(read: Callable[[str], Settings]) -> None:
    settings = read('[modules.strict]\ncolours = ["red"]\nplace = "/srv"')
    assert settings.modules.options("strict") == {"colours": ["red"], "place": "/srv"}


def test_without_models_module_names_are_not_checked(tmp_path: Path) -> None:
    file = tmp_path / "burble.toml"
    file.write_text('modules = { load = ["anything"], other = { key = 1 } }')
    assert load(file).modules.options("other") == {"key": 1}


WRONG = {
    # Unknown keys, near ones first.
    "\nadmin = []": '2: admin: unknown key; did you mean "admins"?',
    "[limits]\n\nstanza_byte = 5": '3: limits.stanza_byte: unknown key; did you mean "stanza_bytes"?',
    "limits.DEPTH = 5": '1: limits.DEPTH: unknown key; did you mean "depth"?',
    "limits = { rate = 1, depht = 5 }": '1: limits.depht: unknown key; did you mean "depth"?',
    "[lisen]\nc2s = []": '1: lisen: unknown key; did you mean "listen"?',
    "[registration]\nxyz = 1": '2: registration.xyz: unknown key; expected "open"',
    '["a b"]': '1: "a b": unknown key; expected "admins", "api", "auth", "component_of", "components", '
    '"data_dir", "database", "federation", "host", "hosts", "limits", "listen", "log", "modules", '
    '"registration" or "tls"',
    # Right keys in the wrong table.
    "c2s = []": '1: c2s: unknown key; "c2s" belongs in [listen]',
    "[auth]\nrate = 1": '2: auth.rate: unknown key; "rate" belongs in [limits]',
    "[tls]\nhosts = []": '2: tls.hosts: unknown key; "hosts" belongs above [tls]',
    "[host.localhost.limits]\nconnections_per_address = 1": "2: host.localhost.limits."
    'connections_per_address: unknown key; "connections_per_address" belongs in [limits]',
    # Values of the wrong type.
    "hosts = 'a.example'": '1: hosts: expected a list in brackets; got "a.example"',
    "hosts = [1]": "1: hosts[0]: expected text in quotes; got 1",
    "data_dir = 1": "1: data_dir: expected a path in quotes; got 1",
    "tls = true": "1: tls: expected a table; got true",
    "[[host]]\n": "1: host: expected a table; got [{}]",
    "limits.rate = '5'": '1: limits.rate: expected a whole number; got "5"',
    "limits.rate = 1.5": "1: limits.rate: expected a whole number; got 1.5",
    "limits.rate = true": "1: limits.rate: expected a whole number; got true",
    "tls.require = 1": "1: tls.require: expected true or false; got 1",
    "registration.open = 'lopback'": '1: registration.open: expected true or false or "loopback"; '
    'got "lopback"; did you mean "loopback"?',
    "log.file = ['a']": '1: log.file: expected a path in quotes; got ["a"]',
    "limits.unauthenticated_timeout = nan": "1: limits.unauthenticated_timeout: "
    "expected a finite number; got NaN",
    "limits.unauthenticated_timeout = inf": "1: limits.unauthenticated_timeout: "
    "expected a finite number; got Infinity",
    "log.level = 1979-05-27": '1: log.level: expected "debug", "info", "warning" or "error"; '
    'got "1979-05-27"',
    # Values out of range.
    "limits.unauthenticated_timeout = 0": "1: limits.unauthenticated_timeout: expected more than 0; got 0",
    "hosts = []": "1: hosts: expected 1 or more values; got []",
    "hosts = ['a.example', 'A.example']": '1: hosts: expected each value once, but "a.example" is repeated; '
    'got ["a.example", "A.example"]',
    "hosts = ['a b']": '1: hosts[0]: expected a domain name such as "example.org"; got "a b"',
    "hosts = ['me@example.org']": '1: hosts[0]: expected a domain name such as "example.org"; '
    'got "me@example.org"',
    "admins = ['example.org']": "1: admins[0]: expected the address of an account such as "
    '"juliet@example.org"; got "example.org"',
    "admins = ['a@b@c/d']": '1: admins[0]: expected the address of an account such as "juliet@example.org"; '
    'got "a@b@c/d"',
    "limits.stanza_bytes = 9999": "1: limits.stanza_bytes: expected 10000 or more; got 9999",
    "database.batch_interval = 2": "1: database.batch_interval: expected 1 or less; got 2",
    "auth.scram_iterations = 1": "1: auth.scram_iterations: expected 4096 or more; got 1",
    "log.level = 'warn'": '1: log.level: expected "debug", "info", "warning" or "error"; got "warn"; '
    'did you mean "warning"?',
    "tls.certificate = 'a'": "1: tls: certificate and key go together: give both or neither",
    # Hosts and modules that do not exist.
    "[host.localhots.limits]\nrate = 1": '1: host.localhots: "localhots" is not in hosts; '
    'did you mean "localhost"?',
    "hosts = ['example.org']\n[host.localhost]": '2: host.localhost: "localhost" is not in hosts; '
    'expected "example.org"',
    "[host.localhost]\n[host.LOCALHOST]": '2: host.LOCALHOST: the same host as "localhost"',
    "[modules]\nlaod = ['roster']": '2: modules.laod: unknown key; did you mean "load"?',
    "[modules]\nroster = 5": "2: modules.roster: expected a table; got 5",
    "[modules]\nload = [\n'roster',\n'ofline']": '4: modules.load[1]: unknown module "ofline"; '
    'did you mean "offline"?',
    "modules.disable = ['muc']": '1: modules.disable[0]: unknown module "muc"; '
    'expected "offline", "roster" or "strict"',
    "[modules.ofline]": '1: modules.ofline: unknown module; did you mean "offline"?',
    # Settings of modules.
    "[modules.offline]\ndasy = 1": '2: modules.offline.dasy: unknown key; did you mean "days"?',
    "[modules.offline]\nstore = 'al'": '2: modules.offline.store: expected "chat" or "all"; got "al"; '
    'did you mean "all"?',
    "[modules.strict]": "1: modules.strict.colours: this key is needed",
    "[host.localhost.modules.offline]\ndays = 'x'": "2: host.localhost.modules.offline.days: "
    'expected a whole number; got "x"',
    "[modules.offline]\ndays = 'x'\n[host.localhost.modules.offline]\nstore = 'all'": ""
    '2: modules.offline.days: expected a whole number; got "x"',
    # No TOML.
    "hosts = [\n'a.example'\nlimits": "3: not TOML: unclosed array",
    "a = 1\na = 2": "2: not TOML: cannot overwrite a value",
    "a = ": "1: not TOML: invalid value",
    "\n\nx": "3: not TOML: expected '=' after a key in a key/value pair",
}


@pytest.mark.parametrize(("text", "problem"), WRONG.items())
def test_what_is_wrong_is_named(problems: Callable[[str], list[str]], text: str, problem: str) -> None:
    assert problems(text) == [f"burble.toml:{problem}"]


def test_everything_wrong_is_named_at_once_in_order(problems: Callable[[str], list[str]]) -> None:
    lines = problems("log.level = 1\nx = 2\n[modules.nothing]\n[host.nowhere]\n[tls]\nrequire = 'no'")
    assert [line.split(": ")[:2] for line in lines] == [
        ["burble.toml:1", "log.level"],
        ["burble.toml:2", "x"],
        ["burble.toml:3", "modules.nothing"],
        ["burble.toml:4", "host.nowhere"],
        ["burble.toml:6", "tls.require"],
    ]


def test_passwords_in_urls_are_not_shown(problems: Callable[[str], list[str]]) -> None:
    assert problems("database.url = 'oracle://burble:s3:c@ret@db.example/burble'") == [
        "burble.toml:1: database.url: expected a URL such as sqlite:///PATH or "
        'postgresql://USER:PASSWORD@SERVER/NAME; got "oracle://burble:***@db.example/burble"'
    ]


def test_long_values_are_cut(problems: Callable[[str], list[str]]) -> None:
    (line,) = problems(f"log.level = '{'x' * 10_000}'")
    assert len(line) < 200


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "absent.toml"
    with pytest.raises(ConfigError, match=r"absent\.toml: the settings file cannot be read: no such file"):
        load(file)


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "burble.toml"
    file.write_bytes(b"# fine\n# \xff\n")
    with pytest.raises(ConfigError, match=r"burble\.toml:2: expected text in UTF-8"):
        load(file)


KEYS = {
    name: list(field.annotation.model_fields)
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Table) and name != "modules"
}


@given(st.data())
def test_a_misspelt_key_is_named_with_its_line_and_the_right_one(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    table = data.draw(st.sampled_from(sorted(KEYS)))
    key = data.draw(st.sampled_from([key for key in KEYS[table] if len(key) > 4] or KEYS[table]))
    place = data.draw(st.integers(1, len(key) - 1))
    wrong = key[:place] + "x" + key[place:]
    blank = data.draw(st.integers(0, 5))
    file = tmp_path_factory.getbasetemp() / "misspelt.toml"
    file.write_text("# a comment\n" * blank + f"[{table}]\n\n{wrong} = 1\n")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(caught.value) == f'{file}:{blank + 3}: {table}.{wrong}: unknown key; did you mean "{key}"?'


def test_the_settings_page_is_up_to_date() -> None:
    generator = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == generator["settings_page"](), "docs/settings.md is old: run `make docs`"


def test_the_example_holds_the_defaults(tmp_path: Path) -> None:
    generator = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    file = tmp_path / "burble.toml"
    file.write_text(generator["example_file"](), encoding="utf-8")
    assert load(file) == Settings()
    examples = re.findall(r"```toml\n(.*?)```", generator["settings_page"](), re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        file.write_text(example, encoding="utf-8")
        load(file)
