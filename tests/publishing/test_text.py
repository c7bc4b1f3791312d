"""A post's text is counted, and searched for links and cashtags, as X does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_twitter.publishing.errors import TextRejectedError
from airflow_twitter.publishing.text import check_text, normalise, weighted_length

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("plain", 5),
        ("Grüße", 5),
        ("Жизнь", 5),
        ("שלום", 4),
        ("สวัสดี", 6),
        ("日本語", 6),
        ("한국어", 6),
        ("ﷺ", 2),
        ("e\u0301", 1),
        ("\u1112\u1161\u11ab", 2),
        ("a\r\nb\rc\nd", 7),
        ("\u2013 \u2018x\u2019 \u201cx\u201d", 9),
        ("\u2026", 2),
        ("\u20ac", 2),
        ("\u200b", 1),
        ("\U0001d400", 2),
        ("\U0001f600", 2),
        ("\U0001f600\U0001f600", 4),
        (FAMILY, 2),
        ("\U0001f44d\U0001f3fd", 2),
        ("\U0001f469\U0001f3fd\u200d\U0001f680", 2),
        ("\U0001f1e9\U0001f1ea", 2),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 4),
        (SCOTLAND, 2),
        ("1\ufe0f\u20e3", 2),
        ("\u2764\ufe0f", 2),
        ("\u2764", 2),
        ("\u00a9", 2),
        ("#1", 2),
    ],
)
def test_weights(text: str, length: int) -> None:
    """Alphabets weigh 1, everything else 2, an emoji 2 however many code points make it; after NFC."""
    assert weighted_length(text) == length


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://example.com/a/very/long/path?with=query&and=more#there now", 1),
        ("see http://example.com", 1),
        ("see example.com", 1),
        ("see www.example.co.uk/path.", 1),
        ("(example.com)", 1),
        ("münchen.de", 1),
        ("https://例え.jp/ですね", 1),
        ("https://example.com:8080/x", 1),
        ("https://en.wikipedia.org/wiki/X_(disambiguation)", 1),
        ("t.co/abc123", 1),
        ("a.example.com and b.example.org/x, c.example.net!", 3),
        ("end of one.Next sentence", 1),
        ("version 1.2.3", 0),
        ("file.txt", 0),
        ("someone@example.com", 0),
        ("http://localhost/x", 0),
        ("https://example.invalidtld/x", 0),
        ("例え.jp", 0),
        ("#example.com", 0),
        ("no link", 0),
    ],
)
def test_links(text: str, links: int) -> None:
    """What ends in a top-level domain is a link, with a scheme or without; other dots are not."""
    assert len(check_text(text).links) == links


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("Look: https://example.com/a?b=c.", "https://example.com/a?b=c"),
        ("Look: https://example.com/a, then", "https://example.com/a"),
        ("Look (https://example.com/a)", "https://example.com/a"),
        ("https://example.com日本", "https://example.com"),
        ("日本example.com/a日本", "example.com/a"),
        ("https://t.co/abc/more", "https://t.co/abc"),
        ("EXAMPLE.COM!", "EXAMPLE.COM"),
    ],
)
def test_link_ends_where_x_ends_it(text: str, url: str) -> None:
    """Punctuation behind a link, and what cannot be part of it, counts as text."""
    (link,) = check_text(text).links
    assert link.url == url
    assert text[link.start : link.end] == url
    outside = text[: link.start] + text[link.end :]
    assert weighted_length(text) == 23 + weighted_length(outside)


@pytest.mark.parametrize(
    ("text", "cashtags"),
    [
        ("$ABC rises", ("$ABC",)),
        ("$ABC and $DEF.", ("$ABC", "$DEF")),
        ("$BRK.B", ("$BRK.B",)),
        ("costs $5", ()),
        ("US$ABC", ()),
        ("$TOOLONGNAME", ()),
    ],
)
def test_cashtags(text: str, cashtags: tuple[str, ...]) -> None:
    """One to six letters behind a dollar sign, standing alone."""
    assert check_text(text).cashtags == cashtags


def test_280_fit_and_281_do_not() -> None:
    """The limit is exact, and the refusal says how much to cut."""
    assert not check_text("a" * 280).findings
    assert not check_text("日" * 140).findings
    assert not check_text("a" * 256 + " https://example.com/" + "x" * 500).findings
    with pytest.raises(TextRejectedError, match=r"Length: the text counts 281 .* at most 280\. Cut 1 char"):
        check_text("a" * 281).require()


def test_two_cashtags_are_refused() -> None:
    """X takes one cashtag; the refusal names those that were found."""
    with pytest.raises(TextRejectedError, match=r"\$ABC, \$DEF.*without the dollar sign"):
        check_text("$ABC $DEF").require()
    check_text("$ABC costs $5").require()


@pytest.mark.parametrize("text", ["", "  \n"])
def test_nothing_to_say_needs_a_video(text: str) -> None:
    """A post needs a text or a video."""
    with pytest.raises(TextRejectedError):
        check_text(text).require()
    check_text(text, has_media=True).require()


@pytest.mark.parametrize("char", ["\ufeff", "\ufffe", "\uffff", "\ud83d"])
def test_unshowable_characters_are_refused(char: str) -> None:
    """X refuses byte order marks and the like; a lone surrogate could not even be sent."""
    with pytest.raises(TextRejectedError, match="Characters"):
        check_text(f"a{char}b").require()


@given(st.text(max_size=300))
def test_any_text_is_counted(text: str) -> None:
    """Nothing that can be typed breaks the count, and counting what is normalised changes nothing."""
    check = check_text(text, has_media=True)
    assert 0 <= check.length <= 2 * len(check.text) + 23 * len(check.links)
    assert weighted_length(normalise(text)) == check.length


def test_hostile_text_is_counted_in_time() -> None:
    """Texts made to be slow to search are not: 25,000 characters of what almost is a link."""
    for piece in (
        "a.",
        "https://a",
        "(",
        "/(a",
        "-.",
        "$A",
        "\u200d\U0001f600",
        "http://a.com/((",
        "1\ufe0f",
    ):
        check_text((piece * 25_000)[:25_000])
