"""Whatever stands in a field of a run's conf, or of a Connection: it is taken, or refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from airflow_twitter.api.errors import ConfigError, QueryError
from airflow_twitter.collecting.form import FIELDS, FormError
from airflow_twitter.collecting.request import search_request
from airflow_twitter.hooks.twitter import TwitterHook
from airflow_twitter.hooks.user_auth import SECRET_EXTRAS
from airflow_twitter.simulator import Simulator

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
FEWER = settings(BOUNDED, max_examples=30)


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


TEXTS = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.text(st.characters(categories=["Cs", "Cc", "Zl", "L"]), max_size=10),
    st.sampled_from(["", " ", "a\nb: c", "x" * 100_000, "{{ x }}", "../../x", "\ud800", "%00", "123-a"]),
)
FIELDS_OF_APP = {"login": TEXTS, "password": TEXTS}
FIELDS_OF_PLACE = {
    "host": TEXTS
    | st.sampled_from(["https://[", "http://x.com", "//x", "https://u:p@x.com", "file:///etc", "a" * 70_000]),
    "schema": TEXTS | st.sampled_from(["ftp", "http", "://"]),
    "port": st.none() | st.integers() | st.sampled_from(["80", "x", 1.5, [1], True]),
}
NAMES = (*SECRET_EXTRAS, "oauth2_client_id", "oauth2_account")
EXTRA = st.one_of(
    st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, TEXTS)).map(json.dumps),
    st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, ANYTHING)).map(json.dumps),
    ANYTHING.map(json.dumps),
    st.sampled_from(
        ["", "{", "nonsense", "[" * 100_000, "\x00", '{"bearer_token": "a", "bearer_token": 5}', "1" * 5000]
    ),
)
PLAIN = {"host": None, "schema": None, "port": None, "login": None, "password": None, "extra": None}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A simulator that knows none of what is tried."""
    with Simulator(credentials=("key", "secret")) as running:
        yield running


def hook(**fields: Any) -> TwitterHook:
    """Return a hook whose Connection has these fields, of whatever type."""
    made = TwitterHook()
    made.get_connection = lambda conn_id: SimpleNamespace(**{**PLAIN, **fields})  # type: ignore[method-assign]
    return made


@FEWER
@given(
    st.fixed_dictionaries(
        {"extra": EXTRA},
        optional={
            **{name: ANYTHING | texts for name, texts in FIELDS_OF_APP.items()},
            **{name: ANYTHING | texts for name, texts in FIELDS_OF_PLACE.items()},
        },
    )
)
@example({"extra": '{"oauth2_client_id": "a", "oauth2_account": "../../x"}'})
@example({"extra": "{}", "login": "a", "password": "b", "port": "x"})
@example({"extra": "{}", "login": "a", "password": "b", "port": -1, "host": "x.com"})
def test_any_connection(fields: dict[str, Any]) -> None:
    """Fields of any type and text make a client of the app and of an account, or are refused in a sentence."""
    for make in (hook(**fields).get_conn, hook(**fields).get_user_conn):
        said = None
        try:
            make().close()
        except ConfigError as error:
            said = str(error)
        assert said is None or 20 < len(said) < 600
        assert (said or "").isprintable()


@FEWER
@given(st.fixed_dictionaries({"extra": EXTRA}, optional=FIELDS_OF_APP))
@example({"login": "a\ud800", "password": "b", "extra": ""})
@example(
    {"login": "a", "password": "b", "extra": '{"access_token": "1-\\ud800", "access_token_secret": "\\n"}'}
)
@example({"login": "a", "password": "b", "extra": '{"oauth2_user_token": "a\\nX-Other: b"}'})
def test_any_secrets(simulator: Simulator, fields: dict[str, Any]) -> None:
    """Whatever stands for keys and tokens is sent as such, or refused; the Test button says so in a line."""
    extra = json.loads(fields["extra"]) if fields["extra"].startswith('{"') else {}
    assume(not extra.get("oauth2_client_id"))  # its tokens lie in Airflow's database
    good, said = hook(**fields, host=simulator.url).test_connection()
    assert not good
    assert 20 < len(said) < 600
    assert said.isprintable()
    for secret in (fields.get("login"), fields.get("password"), *extra.values()):
        assert not isinstance(secret, str) or len(secret) < 6 or secret not in said
