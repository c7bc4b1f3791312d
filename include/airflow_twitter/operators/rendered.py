"""What a template rendered, which is text, as the value that it stands for."""

from __future__ import annotations


def is_true(value: bool | str) -> bool:
    """Tell whether a field of a form is switched on."""
    return str(value).lower() == "true"
