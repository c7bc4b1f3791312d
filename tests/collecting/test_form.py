"""The form: what a user can ask for, and how text becomes values."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from airflow_twitter.collecting.form import FIELDS, FormError, parse


def field(name: str, value: Any) -> Any:
    """What becomes of one field beside a keyword."""
    return parse({"keyword": "sevdesk", name: value})[name]


@pytest.mark.parametrize("name", FIELDS)
def test_field_is_described(name: str) -> None:
    """Every field has a valid schema with type, title, help; the keyword alone must be given, outside the sections."""
    schema = FIELDS[name]

    Draft202012Validator.check_schema(schema)
    assert schema["type"]
    assert all(schema[key].strip() for key in ("title", "description"))
    assert bool(schema.get("section")) == (name != "keyword")
    assert ("default" in schema) == (name != "keyword")


def test_defaults() -> None:
    """Missing fields take their defaults, which are valid themselves."""
    parsed = parse({"keyword": "sevdesk"})

    assert list(parsed) == list(FIELDS)
    assert parsed == {"keyword": "sevdesk"} | {n: s["default"] for n, s in FIELDS.items() if "default" in s}
    assert parse(parsed) == parsed


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("max_results", "20", 20),
        ("page_max", "3", 3),
        ("page_max", "", None),
        ("settle_s", "12.5", 12.5),
        ("overlap_s", "0", 0.0),
        ("refetch", "True", True),
        ("refetch", "false", False),
        ("start_time", "", None),
        ("start_time", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"),
        ("query", "", None),
        ("query", "0123", "0123"),
        ("deadline", "5", 5),
        ("deadline", "PT6H", "PT6H"),
        ("deadline", "", None),
        ("continue_from_run", "", None),
        ("continue_from_run", "manual__2026-11-22T00:00:00+00:00", "manual__2026-11-22T00:00:00+00:00"),
        ("bad_share_max", "0.5", 0.5),
    ],
)
def test_rendered_text(name: str, text: str, value: Any) -> None:
    """Text, as templates render it, becomes the field's type; empty text becomes None where that is allowed."""
    parsed = field(name, text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_keyword_that_looks_like_a_number() -> None:
    """A keyword stays the text that it is."""
    assert parse({"keyword": "2026"})["keyword"] == "2026"
    assert parse({"keyword": "true"})["keyword"] == "true"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("keyword", ""),
        ("keyword", "x" * 501),
        ("keyword", 5),
        ("keyword", None),
        ("max_results", 9),
        ("max_results", 501),
        ("max_results", "ten"),
        ("max_results", 10.5),
        ("max_results", True),
        ("max_results", ""),
        ("page_max", 0),
        ("page_max", "-1"),
        ("endpoint", "everything"),
        ("language", "german"),
        ("language", "DE"),
        ("refetch", "yes"),
        ("refetch", 1),
        ("refetch", None),
        ("settle_s", -1),
        ("settle_s", "nan"),
        ("settle_s", "inf"),
        ("overlap_s", float("nan")),
        ("bad_share_max", 1.1),
        ("bad_share_max", "nan"),
        ("vocabulary", "toot"),
        ("start_time", 1700000000),
        ("deadline", 1.5),
    ],
)
def test_refused(name: str, value: Any) -> None:
    """What the schema does not allow is refused, and the error names the field."""
    with pytest.raises(FormError) as caught:
        field(name, value)

    assert caught.value.field == name
    assert str(caught.value).startswith(f"{name}: ")


def test_unknown_fields() -> None:
    """Unknown fields are refused by name: a typing error must not be ignored."""
    with pytest.raises(FormError, match=r"^Unknown fields: keywrod, max_result\. Known are: keyword, query"):
        parse({"keywrod": "sevdesk", "max_result": 10})


def test_keyword_is_missing() -> None:
    """Without a keyword nothing can be searched."""
    with pytest.raises(FormError, match="keyword"):
        parse({})


def test_white_space_around_a_keyword_means_nothing() -> None:
    """A keyword typed with a space at its end names the same dataset."""
    assert parse({"keyword": " sevdesk "})["keyword"] == "sevdesk"
    with pytest.raises(FormError, match="keyword"):
        parse({"keyword": "   "})
