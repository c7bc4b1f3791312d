"""Names from any text: safe, stable, and another one for every other text."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_twitter.posts.slugs import MAX_SEGMENT_BYTES, safe_segment, slugify
from airflow_twitter.posts.store import check_key

SLUG = re.compile(r"[a-z0-9_-]{1,64}")
ANY_TEXT = st.text(max_size=600)


@pytest.mark.parametrize("keyword", ["sevdesk", "accounting", "a", "year_2026", "e-invoice", "x" * 64])
def test_plain_keyword_is_its_own_slug(keyword: str) -> None:
    """A keyword that is a safe name stays readable as it is."""
    assert slugify(keyword) == keyword


@pytest.mark.parametrize(
    ("keyword", "slug"),
    [
        ("Sevdesk", "sevdesk-0fc9f02b"),
        ("tax return", "tax-return-"),
        ("Müller & Söhne", "muller-sohne-"),
        ("../../etc/passwd", "etc-passwd-"),
        ("🧾", "keyword-"),
        ("", "keyword-e3b0c442"),
        ("請求書", "keyword-"),
        ("x" * 500, "x" * 55 + "-"),
    ],
)
def test_other_keywords_get_what_is_readable_of_them_and_a_hash(keyword: str, slug: str) -> None:
    """What is lost from a keyword is made up for by a hash of it."""
    assert slugify(keyword).startswith(slug)
    assert re.fullmatch(r".*-[0-9a-f]{8}", slugify(keyword))


def test_lookalikes_stay_apart() -> None:
    """Case, accents, spaces and letters of other alphabets make other slugs."""
    keywords = [
        "cafe",
        "Cafe",
        "café",
        "cafe ",
        " cafe",
        "c\u0430fe",
        "ca-fe",
        "ca fe",
        "ca/fe",
        "CAFE",
        "cafe\u0301 ",
    ]
    assert len({slugify(keyword) for keyword in keywords}) == len(keywords)


def test_a_keyword_cannot_pass_for_the_slug_of_another() -> None:
    """Whoever types the slug of another keyword gets a slug of their own."""
    slug = slugify("Tax Return")
    assert slugify(slug) != slug


def test_same_text_in_another_unicode_form_is_the_same_keyword() -> None:
    """Composed and decomposed letters give one slug."""
    assert slugify("Cafe\u0301") == slugify("Caf\u00e9")


@given(ANY_TEXT)
def test_any_keyword_gives_a_safe_slug(keyword: str) -> None:
    """Every slug is a safe file name and part of a DAG id, and always the same."""
    slug = slugify(keyword)
    assert SLUG.fullmatch(slug)
    assert slug == slugify(keyword)
    check_key(f"posts/{slug}/2026-11-01.jsonl")


@given(ANY_TEXT, ANY_TEXT)
def test_different_keywords_have_different_slugs(one: str, other: str) -> None:
    """Two keywords share a slug only when they are the same text."""
    same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    assert (slugify(one) == slugify(other)) is same


@pytest.mark.parametrize(
    "text", ["twitter_search__sevdesk", "manual__2026-11-22T00:00:00+00:00", "scheduled__2026-11-22", "a.b"]
)
def test_ids_of_airflow_stay_readable(text: str) -> None:
    """A DAG id and a run id are folder names as they are."""
    assert safe_segment(text) == text


@pytest.mark.parametrize(
    ("text", "segment"), [("..", "%2E."), (".", "%2E"), ("", "%"), ("a/b", "a%2Fb"), ("50%", "50%25")]
)
def test_unsafe_ids_are_escaped(text: str, segment: str) -> None:
    """What would be another folder, or a hidden one, is escaped."""
    assert safe_segment(text) == segment


@given(ANY_TEXT)
def test_any_text_gives_a_safe_segment(text: str) -> None:
    """Every segment is one short, visible folder name."""
    segment = safe_segment(text)
    check_key(segment)
    assert "/" not in segment
    assert len(segment.encode()) <= MAX_SEGMENT_BYTES


@given(ANY_TEXT, ANY_TEXT)
def test_different_texts_have_different_segments(one: str, other: str) -> None:
    """No two runs share a folder."""
    assert (safe_segment(one) == safe_segment(other)) is (one == other)
