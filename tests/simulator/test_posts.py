"""What the posts say."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable
from typing import Any

from airflow_twitter.simulator import Topic


def test_texts_are_awkward(start: Callable[..., Any]) -> None:
    """Escaped entities, emoji, line breaks, U+2028, many languages, edits and equal texts all occur."""
    caller = start({"busy": Topic(total=600)})
    fields = "lang,entities,attachments,referenced_tweets"
    posts = [
        post for page in caller.pages("busy", max_results=100, tweet_fields=fields) for post in page["data"]
    ]
    text = "".join(post["text"] for post in posts)
    entities = ("&amp;", "&lt;", "&gt;")
    for awkward in (*entities, *'\n\t\u2028\u2029\\"🧵日عß', "👩\u200d👩\u200d👧\u200d👦"):
        assert awkward in text, awkward
    assert "<" not in text
    assert len({post["lang"] for post in posts}) > 12
    assert Counter(post["text"] for post in posts).most_common(1)[0][1] > 20
    assert sum(len(post["edit_history_tweet_ids"]) == 2 for post in posts) > 10
    assert all(post["edit_history_tweet_ids"][-1] == post["id"] for post in posts)
    for field in ("entities", "attachments", "referenced_tweets"):
        assert 20 < sum(field in post for post in posts) < 580
    assert all("busy" in html.unescape(post["text"]) for post in posts)
