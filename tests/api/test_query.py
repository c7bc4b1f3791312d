"""Queries: what is quoted, what passes, what is refused."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_twitter.api.endpoints import ALL, RECENT
from airflow_twitter.api.errors import QueryError
from airflow_twitter.api.query import Term, build_query, check_query, parse


@pytest.mark.parametrize(
    ("keyword", "query"),
    [
        ("sevdesk", "sevdesk"),
        ("  sevdesk  ", "sevdesk"),
        ("Ärger", "Ärger"),
        ("請求書", "請求書"),
        ("coca-cola", '"coca-cola"'),
        ("new  york", '"new york"'),
        ("C#", '"C#"'),
        ("🎉", '"🎉"'),
        ("f(x)", '"f(x)"'),
        (":-)", '":-)"'),
        ("$5 off", '"$5 off"'),
        ("#1", '"#1"'),
        ("https://example.com/a", '"https://example.com/a"'),
        ("note: this", '"note: this"'),
        ("to: you", '"to: you"'),
        ("auto:x", '"auto:x"'),
        ("OR", '"OR"'),
        ("cat OR", '"cat OR"'),
        ('5" disk', '"5 disk"'),
        ("a\\b\\", '"a b"'),
        ("Ga\u0308rten", "Gärten"),
    ],
)
def test_plain_keyword_is_quoted_as_x_needs_it(keyword: str, query: str) -> None:
    """One word goes bare; punctuation, symbols and several words make a phrase in quotes."""
    assert build_query(keyword) == query


@pytest.mark.parametrize(
    "keyword",
    [
        "from:example",
        "cat FROM:example",
        "-from:example cat",
        "#tag",
        "cat #2026x",
        "@example",
        "$ABC",
        "a OR b",
        '"new york" hotel',
        "(cat dog) OR bird",
        "cat (dog OR bird)",
        "cat -dog",
        'url:"https://example.com"',
        "point_radius:[2.35 48.86 16km]",
        "conversation_id:123 lang:de",
        "cat min_likes:10",
    ],
)
def test_keyword_with_operators_passes_as_it_is(keyword: str) -> None:
    """A keyword written in X's query language is not quoted."""
    assert build_query(keyword) == keyword


def test_raw_query_wins_and_passes_as_it_is() -> None:
    """A query is sent as written, whatever the keyword is."""
    assert build_query("cats", query="cat dog -bird") == "cat dog -bird"


@pytest.mark.parametrize(
    ("keyword", "query"),
    [
        ("sevdesk", "sevdesk lang:de"),
        ("new york", '"new york" lang:de'),
        ("a OR b", "(a OR b) lang:de"),
        ("(a OR b) -c", "((a OR b) -c) lang:de"),
    ],
)
def test_language_holds_for_the_whole_query(keyword: str, query: str) -> None:
    """lang: binds more tightly than OR, so alternatives are grouped first."""
    assert build_query(keyword, language="de") == query


@pytest.mark.parametrize("language", ["de", "en", "ckb", "zh-TW", "hi-Latn", "und"])
def test_language_codes_are_accepted(language: str) -> None:
    """X's codes have two or three letters, some with a suffix."""
    assert build_query("cat", language=language) == f"cat lang:{language}"


@pytest.mark.parametrize("language", ["german", "de OR cat", "d", "de\nen", "de_DE", "-"])
def test_what_is_no_language_code_is_refused(language: str) -> None:
    """A language cannot smuggle operators in."""
    with pytest.raises(QueryError, match="no language code"):
        build_query("cat", language=language)


def test_second_language_is_refused() -> None:
    """A post has one language: two would silently find nothing."""
    with pytest.raises(QueryError, match="lang: of its own"):
        build_query("cat lang:en", language="de")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ('""', "only operators|empty"),
        ("()", "empty"),
        ("cat ()", "empty group"),
        ("-cat", "only excludes"),
        ("-cat -from:example", "only excludes"),
        ("has:media", "need another one"),
        ("has:links OR is:retweet", "need another one"),
        ("lang:de -cat", "need another one"),
        ("min_likes:5", "need another one"),
        ("HAS:media", "need another one"),
        ("skiing -(snow OR day)", "negated groups"),
        ("OR cat", "nothing before"),
        ("(OR cat)", "nothing before"),
        ("cat OR", "nothing after"),
        ("(cat OR) dog", "nothing after"),
        ("cat OR OR dog", "nothing after"),
        ('cat "dog', "never closed"),
        ("(cat", "do not match"),
        ("cat)", "do not match"),
        (")cat(", "do not match|empty"),
        ("cat\tdog", "control character"),
        ("cat\x00", "control character"),
        ("cat\ud800", "control character"),
    ],
)
def test_query_that_x_would_refuse_is_refused_saying_why(query: str, why: str) -> None:
    """Nothing is sent that X would only answer with 400."""
    with pytest.raises(QueryError, match=why):
        check_query(query)


@pytest.mark.parametrize("keyword", [None, "", "  ", '"', '""', "-x", "has:media", "a\nb", "a\x7fb"])
def test_keyword_that_makes_no_query_is_refused(keyword: str | None) -> None:
    """Empty keywords, exclusions alone and control characters are errors, not empty searches."""
    with pytest.raises(QueryError):
        build_query(keyword)


@pytest.mark.parametrize(
    "query",
    [
        "cat has:media",
        "(cat OR has:media) -dog",
        '"X data" has:mentions (has:media OR has:links)',
        "from:example",
        "cat or dog",
        r'"say \"hi\"" cat',
        "list:123 -is:retweet",
        "cat-dog",
    ],
)
def test_query_that_x_takes_passes(query: str) -> None:
    """One standalone term that is not negated is enough."""
    check_query(query)


def test_length_is_limited_by_the_endpoint() -> None:
    """Recent search takes 512 characters, full archive 1024, enterprise 4096; quotes and lang: count."""
    assert len(build_query("a" * 512)) == 512
    with pytest.raises(QueryError, match="513 characters; recent search takes 512"):
        build_query("a" * 513)
    with pytest.raises(QueryError, match="514 characters"):
        build_query("a-" * 256)
    with pytest.raises(QueryError, match="516 characters"):
        build_query("a" * 508, language="de")
    assert build_query("a" * 1024, endpoint=ALL)
    with pytest.raises(QueryError, match="all search takes 1024"):
        build_query("a" * 1025, endpoint=ALL)
    assert build_query("a" * 4096, endpoint=replace(RECENT, query_max_length=4096))


def test_terms_are_told_apart() -> None:
    """Operators, negations, phrases and words are recognised; unknown prefixes are words."""
    assert parse('-From:a "b c" x:y url:"z"') == [
        Term("from", "a", True),
        Term(None, '"b c"', False),
        Term(None, "x:y", False),
        Term("url", '"z"', False),
    ]


@given(st.text(max_size=60))
def test_any_keyword_gives_a_query_that_passes_or_a_query_error(keyword: str) -> None:
    """Whatever is typed into the form ends in a sendable query or a refusal, never in another error."""
    with suppress(QueryError):
        query = build_query(keyword)
        assert parse(query)
        assert 1 <= len(query.encode().decode()) <= RECENT.query_max_length


@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"]), min_size=1, max_size=60))
def test_words_are_one_term(keyword: str) -> None:
    """A keyword of letters, digits and spaces never turns into several terms."""
    with suppress(QueryError):
        query = build_query(keyword)
        assert len(parse(query)) == 1 or " OR " in " ".join(keyword.split())
