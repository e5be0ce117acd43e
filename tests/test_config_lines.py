"""The lines on which the keys of a settings file stand."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from burble.config.lines import key_lines

DOCUMENT = r'''# line 1
top = "a # no comment" # 2
"quoted.key" = '\' # 3
"\u00e4\"" = 1.5e3 # 4
[table] # 5
  dotted . key = 1979-05-27 07:32:00 # 6
long = """
= [ { # \"""
"""" # 9 "] x = 1
after = [ 1, [2, # 10
   # a comment
   'three'], # 12
  { x = 1, "y".z = [ ] }, # 13
] # 14
[[items]] # 15
a = -inf # 16
[items.sub] # 17
b = '' # 18
[[items]] # 19
a = 2 # 20
[[items.sub]] # 21
c = """""" # 22
[table.dotted2.deep] # 23
last = """a\\""" # 24'''


def test_lines_of_a_document_with_everything() -> None:
    lines = key_lines(DOCUMENT.replace("\n", "\r\n"))
    assert tomllib.loads(DOCUMENT)['ä"'] == 1500
    assert lines == {
        ("top",): 2,
        ("quoted.key",): 3,
        ('ä"',): 4,
        ("table",): 5,
        ("table", "dotted"): 6,
        ("table", "dotted", "key"): 6,
        ("table", "long"): 7,
        ("table", "after"): 10,
        ("table", "after", 0): 10,
        ("table", "after", 1): 10,
        ("table", "after", 1, 0): 10,
        ("table", "after", 1, 1): 12,
        ("table", "after", 2): 13,
        ("table", "after", 2, "x"): 13,
        ("table", "after", 2, "y"): 13,
        ("table", "after", 2, "y", "z"): 13,
        ("items",): 15,
        ("items", 0): 15,
        ("items", 0, "a"): 16,
        ("items", 0, "sub"): 17,
        ("items", 0, "sub", "b"): 18,
        ("items", 1): 19,
        ("items", 1, "a"): 20,
        ("items", 1, "sub"): 21,
        ("items", 1, "sub", 0): 21,
        ("items", 1, "sub", 0, "c"): 22,
        ("table", "dotted2"): 23,
        ("table", "dotted2", "deep"): 23,
        ("table", "dotted2", "deep", "last"): 24,
    }


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path} | {found for key, each in inner for found in _paths(each, (*path, key))}


_texts = st.text("ab\\\"'#[]{}=,. \té", max_size=6)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_values = st.recursive(
    st.sampled_from(["1", "1.5", "true", "-inf", "07:32:00.5", "1979-05-27T07:32:00Z", "0xff", "1e-5"])
    | _texts.map(_quoted)
    | _texts.map(lambda text: '"""\n' + _quoted(text)[1:-1] + '\n"""')
    | _texts.map(lambda text: "'''\n" + text.replace("'", "") + "'''"),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[\n" + " , # c ]\n".join([*items, "]"]))
        | st.lists(inner, max_size=3).map(
            lambda items: "{ " + ", ".join(f"k{number} = {item}" for number, item in enumerate(items)) + "}"
        )
    ),
    max_leaves=6,
)


@given(st.dictionaries(_texts, _values, max_size=4), st.dictionaries(_texts, _values, max_size=4))
def test_every_key_of_any_document_has_a_line(top: dict[str, str], inner: dict[str, str]) -> None:
    parts = [f"{_quoted(key)} = {value}" for key, value in top.items()]
    parts += ["[ 'the table' ]  # [x]", *(f"{_quoted(key)} = {value}" for key, value in inner.items())]
    text = "\n".join(parts)
    lines = key_lines(text)
    assert set(lines) | {()} == _paths(tomllib.loads(text))
    for number, key in enumerate(top):
        assert lines[(key,)] == "\n".join(parts[:number]).count("\n") + (number > 0) + 1
