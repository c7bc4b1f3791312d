"""The names that requests may use: fields and expansions of both vocabularies.

https://docs.x.com/x-api/fundamentals/fields and https://docs.x.com/x-api/fundamentals/expansions
"""

from __future__ import annotations

from collections.abc import Mapping


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_COMMON_FIELDS = _names(
    "article attachments card_uri community_id context_annotations conversation_id created_at "
    "display_text_range edit_controls entities geo id lang media_metadata non_public_metrics "
    "organic_metrics possibly_sensitive promoted_metrics public_metrics reply_settings scopes source "
    "suggested_source_links text withheld"
)
_USER_FIELDS = _names(
    "confirmed_email connection_status created_at description entities id is_identity_verified location name "
    "parody profile_banner_url profile_image_url protected public_metrics receives_your_dm subscribes_to_you "
    "subscription subscription_type url username verified verified_followers_count verified_type withheld"
)
_MEDIA_FIELDS = _names(
    "alt_text duration_ms height media_key non_public_metrics organic_metrics preview_image_url "
    "promoted_metrics public_metrics type url variants width"
)

# Parameter -> its values, for requests in the `tweet.fields` vocabulary.
TWEET: Mapping[str, tuple[str, ...]] = {
    "tweet.fields": (
        *_COMMON_FIELDS,
        *_names("author_id edit_history_tweet_ids in_reply_to_user_id note_tweet referenced_tweets username"),
    ),
    "user.fields": (*_USER_FIELDS, "affiliation", "most_recent_tweet_id", "pinned_tweet_id"),
    "media.fields": _MEDIA_FIELDS,
    "poll.fields": _names("duration_minutes end_datetime id options voting_status"),
    "place.fields": _names("contained_within country country_code full_name geo id name place_type"),
    "expansions": _names(
        "article.cover_media article.media_entities attachments.media_keys attachments.media_source_tweet "
        "attachments.poll_ids author_id author_screen_name edit_history_tweet_ids entities.mentions.username "
        "entities.note.mentions.username geo.place_id in_reply_to_user_id referenced_tweets.id "
        "referenced_tweets.id.attachments.media_keys referenced_tweets.id.author_id"
    ),
}

# The same in the `post.fields` vocabulary.
POST: Mapping[str, tuple[str, ...]] = {
    "post.fields": (
        *_COMMON_FIELDS,
        *_names(
            "article_title matched_media_notes note_post note_request_suggestions paid_partnership "
            "suggested_source_links_with_counts"
        ),
    ),
    "user.fields": _USER_FIELDS,
    "media.fields": _MEDIA_FIELDS,
    "poll.fields": TWEET["poll.fields"],
    "place.fields": TWEET["place.fields"],
    "expansions": _names(
        "article.cover_media article.media_entities attachments.media_keys attachments.media_source_tweet "
        "attachments.poll_ids author_id edit_history_post_ids entities.mentions.username geo.place_id "
        "in_reply_to_user_id referenced_posts username"
    ),
}

WINDOW = _names("query start_time end_time since_id until_id next_token pagination_token")
SEARCH = (*WINDOW, "max_results", "sort_order")
COUNTS = (*WINDOW, "granularity", "search_count.fields")
COUNT_FIELDS = ("end", "post_count", "start")
USAGE = ("days", "usage.fields")
USAGE_FIELDS = _names(
    "cap_reset_day daily_client_app_usage daily_project_usage project_cap project_id project_usage"
)


def vocabulary_of(params: Mapping[str, str]) -> str:
    """Return "post" when the request speaks of posts, else "tweet", which is X's older default."""
    expansions = set(params.get("expansions", "").split(","))
    only_post = set(POST["expansions"]) - set(TWEET["expansions"])
    if "post.fields" in params or "search_count.fields" in params or expansions & only_post:
        return "post"
    return "tweet"


def names_of(vocabulary: str) -> Mapping[str, tuple[str, ...]]:
    """Return the field parameters of a vocabulary with their values."""
    return POST if vocabulary == "post" else TWEET
