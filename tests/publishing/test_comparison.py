"""A text that X gives back is recognised as ours, and another is not."""

from __future__ import annotations

import pytest

from airflow_twitter.publishing.comparison import same_text


@pytest.mark.parametrize(
    ("ours", "from_x", "media"),
    [
        ("a text", "a text", False),
        ("this & that <b>", "this &amp; that &lt;b&gt;", False),
        ("literally &amp; so", "literally &amp;amp; so", False),
        ("see https://example.com/a?b=c&d=e now", "see https://t.co/AbC123 now", False),
        ("see example.com", "see https://t.co/AbC123", False),
        ("a  text\r\nwith lines ", "a text\nwith lines", False),
        ("cafe\u0301", "caf\u00e9", False),
        ("a text", "a text https://t.co/AbC123", True),
        ("", "https://t.co/AbC123", True),
        ("see example.com", "see https://t.co/AbC123 https://t.co/DeF456", True),
    ],
)
def test_same(ours: str, from_x: str, media: bool) -> None:
    """HTML escapes, t.co links, composition, white space and the link to media make no difference."""
    assert same_text(ours, from_x, has_media=media)


@pytest.mark.parametrize(
    ("ours", "from_x", "media"),
    [
        ("a text", "a text https://t.co/AbC123", False),
        ("a text", "another text", False),
        ("a text", "A text", False),
        ("", "a text", True),
        ("see example.com", "see", False),
    ],
)
def test_not_the_same(ours: str, from_x: str, media: bool) -> None:
    """A link more or less, or another letter, is another post."""
    assert not same_text(ours, from_x, has_media=media)
