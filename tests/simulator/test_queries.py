"""What a query finds, and which queries are refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from airflow_twitter.simulator.people import user
from airflow_twitter.simulator.posts import Post
from airflow_twitter.simulator.queries import QueryError, parse_query


def post(text: str, lang: str = "en", **changed: object) -> Post:
    """Return a post that says something; author 7, neither reply nor quote."""
    return Post(2_123_353_140_157_988_885, 1, 1 << 40, lang, text, 7, changed)


def finds(query: str, text: str, **fields: str) -> bool:
    """Say whether a query finds a post."""
    return parse_query(query, 512).matches(post(text, **fields))


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("sevdesk", "I like SevDesk!", True),
        ("sevdesk", "sevdesks", False),
        ("sev desk", "a desk by sev", True),
        ('"sev desk"', "a desk by sev", False),
        ('"sev desk"', "my Sev-Desk", True),
        ("größe", "die Grösse", True),
        ("straße", "STRASSE", True),
        ("cafe", "un café", True),
        ("café", "a cafe", True),
        ("cat OR dog", "a dog", True),
        ("cat dog OR bird", "cat bird", True),
        ("cat dog OR bird", "cat only", False),
        ("cat (dog OR bird)", "cat bird", True),
        ("cat (dog OR bird)", "bird", False),
        ("cat -dog", "cat", True),
        ("cat -dog", "cat and dog", False),
        ('cat -"hot dog"', "cat, dog, hot", True),
        ("#Sale", "big #sale", True),
        ("#sale", "big sale", False),
        ("sale", "big #sale", True),
        ("@Someone", "hi @someone", True),
        ("$SIMX", "buy $simx", True),
        ("🤔", "hm 🤔", True),
        ("👩‍👩‍👧‍👦", "we 👩‍👩‍👧‍👦 are", True),
        ("日本語", "これは 日本語 です", True),
        ('"and"', "this and that", True),
        ("semi-detached", "a semi-detached house", True),
        ("cat lang:de", "cat", False),
        ("cat lang:en", "cat", True),
        ("cat has:links", "cat https://t.co/abc", True),
        ("cat has:links", "cat", False),
        ("cat has:hashtags", "cat #a", True),
        ("cat has:mentions", "cat @a", True),
        ("cat has:cashtags", "cat $A", True),
        ("cat -is:retweet", "cat", True),
        ("cat is:retweet", "cat", False),
        ("cat -is:nullcast", "cat", True),
        ("from:sim_0007", "anything", True),
        ("from:@SIM_0007", "anything", True),
        ("from:sim_0008", "anything", False),
        ("cat url:example", "cat", False),
    ],
)
def test_what_is_found(query: str, text: str, found: bool) -> None:
    """Words, phrases, OR before AND by parentheses only, negation, tags and operators."""
    assert finds(query, text) is found


def test_operators_read_the_fields() -> None:
    """is:, has:, to:, from: and conversation_id: follow what the post's fields say."""
    reply = post(
        "cat", referenced_tweets=[{"type": "replied_to", "id": "5"}], in_reply_to_user_id=user(3)["id"]
    )
    for query in ("cat is:reply", "to:sim_0003", f"to:{user(3)['id']}", "in_reply_to_tweet_id:5"):
        assert parse_query(query, 512).matches(reply), query
    for query in (
        "cat is:quote",
        "quotes_of_tweet_id:5",
        "to:sim_0004",
        "cat is:verified",
        "conversation_id:9",
    ):
        assert not parse_query(query, 512).matches(reply), query
    assert parse_query("cat conversation_id:2123353140157988885", 512).matches(post("cat"))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "can not be empty"),
        ("   ", "can not be empty"),
        ("a" * 513, "too long: 513 characters, at most 512"),
        ("-cat", "at least one positive"),
        ("-cat -dog", "at least one positive"),
        ("lang:en", "at least one positive"),
        ("has:media is:reply", "at least one positive"),
        ("cat OR lang:en", "at least one positive"),
        ("cat -(dog OR bird)", "Negated groups"),
        ("cat AND dog", "Ambiguous use of and"),
        ("cat and dog", "Ambiguous use of and"),
        ("cat or dog", "Ambiguous use of or"),
        ("cat near:berlin", "invalid operator 'near'"),
        ("cat is:sunny", "invalid operator 'is:sunny'"),
        ("cat is:nullcast", "must be negated"),
        ("(cat", "missing ')'"),
        ("cat)", "missing EOF"),
        ("cat OR", "no viable alternative"),
        ("OR cat", "no viable alternative"),
        ("()", "no viable alternative"),
        ('"cat', "no viable alternative"),
        ("cat !!!", "no viable alternative"),
        ("--cat", "no viable alternative"),
    ],
)
def test_what_is_refused(query: str, message: str) -> None:
    """X refuses these, and so does the simulator, saying why."""
    with pytest.raises(QueryError, match=message.replace("(", r"\(").replace(")", r"\)")):
        parse_query(query, 512)


def test_the_position_of_an_error_is_named() -> None:
    """X counts positions from 1."""
    with pytest.raises(QueryError, match=r"invalid operator 'near'.*\(at position 5\)"):
        parse_query("cat near:berlin", 512)


def test_a_topic_that_cannot_match_is_skipped() -> None:
    """could_match looks at words alone, and never says no to what might match."""
    vocabulary = frozenset({"cat", "dog"})
    for query, possible in {
        "cat": True,
        "bird": False,
        "cat bird": False,
        "cat OR bird": True,
        "cat -bird": True,
        '"cat dog"': True,
        "#bird": True,
        "cat lang:de": True,
    }.items():
        assert parse_query(query, 512).could_match(vocabulary) is possible, query


PIECES = some.sampled_from([*'-()":@\\ ', "cat", "OR", "AND", "lang:", "lang:de", "is:reply", "#a"])


@given(some.one_of(some.text(max_size=40), some.lists(PIECES, max_size=12).map(" ".join)))
def test_any_text_is_a_query_or_refused(query: str) -> None:
    """Whatever is sent, the parser returns a tree that can be asked, or refuses with X's error."""
    with suppress(QueryError):
        tree = parse_query(query, 512)
        tree.matches(post("cat #a"))
        tree.could_match(frozenset({"cat"}))
