"""The page docs/api.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from burble.config import load

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_its_settings_can_be_used(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        file = tmp_path / "burble.toml"
        file.write_text(example, encoding="utf-8")
        load(file)
