"""x"""

from __future__ import annotations


class DemoError(Exception):
    pass


def run() -> None:
    raise DemoError("not yet")
