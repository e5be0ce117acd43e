"""The program `emanagement` of Social Stream, for rosters, messages and rooms."""

from burble.faces.emanagement.program import emanagement, main

__all__ = ["emanagement", "main"]
