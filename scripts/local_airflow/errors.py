"""What a command ends with after one clear line."""

from __future__ import annotations


class LocalError(Exception):
    """A command cannot go on; the sentence says why and what to do."""
