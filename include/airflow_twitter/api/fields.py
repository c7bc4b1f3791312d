"""The two vocabularies of X, "tweet" and "post", as data: what to ask for and how answers name it.

Asked with `tweet.fields` X answers in the old words, asked with `post.fields` in the new ones
(docs.x.com/x-api/fundamentals/fields, docs.x.com/x-api/posts/search-recent-posts). Which one is asked for
is a setting; answers are read in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_twitter.api.errors import ConfigError

COUNT = ("tweet_count", "post_count")
TOTAL_COUNT = ("total_tweet_count", "total_post_count")

# Without context_annotations: full-archive search gives at most 100 posts a page when they are asked for.
# Without the private metrics: they need the author's own token.
_FIELDS = (
    "attachments",
    "conversation_id",
    "created_at",
    "display_text_range",
    "edit_controls",
    "entities",
    "geo",
    "id",
    "lang",
    "possibly_sensitive",
    "public_metrics",
    "reply_settings",
    "text",
    "withheld",
)
_USER_FIELDS = (
    "created_at",
    "description",
    "id",
    "location",
    "name",
    "profile_image_url",
    "protected",
    "public_metrics",
    "url",
    "username",
    "verified",
    "verified_type",
)
_MEDIA_FIELDS = (
    "alt_text",
    "duration_ms",
    "height",
    "media_key",
    "preview_image_url",
    "public_metrics",
    "type",
    "url",
    "variants",
    "width",
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Hold the words of one vocabulary: the fields parameter, its fields, and the billed expansions."""

    name: str
    fields_param: str
    fields: tuple[str, ...]
    expansions: tuple[str, ...]


TWEET = Vocabulary(
    name="tweet",
    fields_param="tweet.fields",
    fields=(*_FIELDS, "author_id", "in_reply_to_user_id", "note_tweet", "referenced_tweets"),
    expansions=("author_id", "attachments.media_keys", "referenced_tweets.id"),
)
# Here author_id, in_reply_to_user_id and referenced_posts are no fields but expansions, which X bills.
POST = Vocabulary(
    name="post",
    fields_param="post.fields",
    fields=(*_FIELDS, "note_post"),
    expansions=("author_id", "attachments.media_keys", "referenced_posts"),
)
VOCABULARIES = {vocabulary.name: vocabulary for vocabulary in (TWEET, POST)}


def request_fields(vocabulary: str, expand: bool = False) -> dict[str, str]:
    """Return the query parameters that ask for fields in `vocabulary` ("tweet" or "post").

    Fields of the post itself cost nothing more. With `expand`, authors, media and referenced posts come
    along in `includes`, and X bills them. In the post vocabulary `author_id` comes only with `expand`.
    Raises ConfigError for an unknown vocabulary.
    """
    words = VOCABULARIES.get(vocabulary)
    if words is None:
        raise ConfigError(f'There is no vocabulary {vocabulary!r}. Choose between "tweet" and "post".')
    params = {words.fields_param: ",".join(sorted(words.fields))}
    if expand:
        params["expansions"] = ",".join(words.expansions)
        params["user.fields"] = ",".join(_USER_FIELDS)
        params["media.fields"] = ",".join(_MEDIA_FIELDS)
    return params


def read_either(container: Mapping[str, Any], names: tuple[str, str]) -> Any:
    """Return the value that `container` has under either vocabulary's name, or None."""
    old, new = names
    return container.get(new, container.get(old))
