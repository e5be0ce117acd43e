"""The page docs/api.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from burble.config import ConfigError, load

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_its_settings_can_be_used(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        file = tmp_path / "burble.toml"
        file.write_text(example, encoding="utf-8")
        load(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("proxies = ['127.0.0.1/8']", 'expected an IP address or a network such as "127.0.0.0/8"'),
        ("[api.permissions.x]\nwho = ['everybody']", "who[0]: expected "),
        ("[api.permissions.x]\nwhat = []", "what: expected 1 or more values"),
        ("[api.permissions.x]\nwhere = []", "where: unknown key"),
    ],
)
def test_a_wrong_rule_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "burble.toml"
    file.write_text(f"[api]\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert said in str(caught.value)
