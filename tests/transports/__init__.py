"""Tests of what carries streams."""
