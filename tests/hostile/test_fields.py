"""Whatever stands in a field of a run's conf: it is taken, or refused in a sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from airflow_twitter.api.errors import QueryError
from airflow_twitter.collecting.form import FIELDS, FormError
from airflow_twitter.collecting.request import search_request

NOW = datetime(2026, 12, 1, tzinfo=UTC)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
BOUNDED = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@BOUNDED
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, ANYTHING)))
@example({"keyword": "../../etc/passwd"})
@example({"keyword": "{{ conn.twitter_default.password }}"})
@example({"keyword": "a\nb\x00\x1b[31m\u2028\ud800"})
@example({"keyword": "x" * 100_000})
@example({"keyword": "x", "start_time": "9999-12-31T23:59:59+14:00"})
@example({"keyword": "x", "deadline": "P999999999999D"})
def test_any_conf(values: dict[str, Any]) -> None:
    """Any value of any type in any field makes a request to X, or an error of ours that says why not."""
    said, slug = "", "refused"
    try:
        slug = search_request(values, NOW).slug
    except (FormError, QueryError) as error:
        said = str(error)
    assert "/" not in slug
    assert slug not in ("", ".", "..")
    assert said == "" if slug != "refused" else len(said) > 10
