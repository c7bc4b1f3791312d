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


def test_links_are_compared_by_where_they_lead() -> None:
    """The same words with another link are another post, where X tells where its links lead."""
    ours = "see example.com/one and https://www.example.org/?a=b&c=d"
    from_x = "see https://t.co/a1 and https://t.co/b2"
    led = (("https://t.co/a1", "http://example.com/one"), ("https://t.co/b2", "https://example.org/?a=b&c=d"))
    assert same_text(ours, from_x, links=led)
    assert same_text(ours, from_x, links=led[:1])
    assert not same_text(ours, from_x, links=(("https://t.co/a1", "http://example.com/two"), led[1]))


def test_link_to_the_media_does_not_count() -> None:
    """The link that X puts behind a text with media is not one of ours."""
    led = (
        ("https://t.co/a1", "https://example.com/"),
        ("https://t.co/m", "https://x.com/a/status/1/video/1"),
    )
    assert same_text("see example.com", "see https://t.co/a1 https://t.co/m", links=led, has_media=True)
    assert not same_text("see example.com", "see https://t.co/m", links=led, has_media=True)
