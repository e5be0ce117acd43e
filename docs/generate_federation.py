"""Write the table of docs/federation.md from tests with real servers: `python docs/generate_federation.py`.

It takes some minutes, and needs Prosody and ejabberd.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).with_name("federation.md")
BEGIN, END = (
    "<!-- What follows is written by docs/generate_federation.py. -->\n\n",
    "\n<!-- The end of it. -->",
)


def main() -> None:
    """Run the tests, with all 10,000 messages, and put the table into the page."""
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ["BURBLE_TEST_LONG"] = "1"
    from tests.federation.table import Outcomes  # only now is the root in the path

    outcomes = Outcomes()
    pytest.main(["tests/federation", "-m", "service", *sys.argv[1:]], plugins=[outcomes])
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + BEGIN + outcomes.table() + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
