"""What is found out about a post before anything is sent: its text, its video, its price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_twitter.accounts.form import PostFormError, moment
from airflow_twitter.accounts.settings import Account
from airflow_twitter.api.prices import PRICES, Prices
from airflow_twitter.publishing.record import Captions, Content
from airflow_twitter.publishing.text import check_text


@dataclass(frozen=True)
class Checked:
    """A post that X would take: its content, what it costs in dollars, and what X merely advises against.

    `video` says where the video lies in the data store, with its size, duration and the like; None without one.
    """

    content: Content
    length: int
    links: int
    price: float
    warnings: tuple[str, ...]
    video: dict[str, Any] | None = None


def approval_wanted(post: Mapping[str, Any], account: Account) -> bool:
    """Tell whether somebody has to approve a post: it asks for that, or its account does."""
    return bool(post["approval"]) or account.approval == "always"


def without_signatures(post: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a post as they are kept: without the queries of its addresses, which may let anybody in."""
    return {
        **post,
        **{name: post[name].partition("?")[0] for name in ("video", "captions") if _is_https(post.get(name))},
    }


def _is_https(source: Any) -> bool:
    return isinstance(source, str) and source.lower().startswith(("https://", "http://"))


def refuse_hopeless(post: Mapping[str, Any], account: Account, author: str | None, now: datetime) -> None:
    """Raise PostFormError for a post that has expired already, or that nobody may approve."""
    expires_at = moment(post, "expires_at")
    if expires_at and expires_at <= now:
        raise PostFormError(f"{post['expires_at']} has passed", "expires_at")
    if approval_wanted(post, account) and account.approvers == (author,) and not account.author_may_approve:
        raise PostFormError(
            f"{author} queued this post, and nobody else may approve it. Name others in accounts.yaml",
            "approval",
        )


def check_post(
    post: Mapping[str, Any],
    video: dict[str, Any] | None,
    prices: Prices = PRICES,
    captions: dict[str, Any] | None = None,
) -> Checked:
    """Check the text of a post beside its video and captions, and price it. Raises TextRejectedError."""
    text = check_text(post["text"], has_media=video is not None).require()
    warnings = [str(finding) for finding in text.findings]
    unit = "post_with_url_created" if text.links else "post_created"
    if text.links:
        warnings.append(
            f"The text holds a link, so the post costs ${prices.post_with_url_created:.3f} in place of "
            f"${prices.post_created:.3f}."
        )
    return Checked(
        content=Content(
            text=text.text,
            media_sha256=None if video is None else video["sha256"],
            captions=None
            if captions is None
            else Captions(sha256=captions["sha256"], language=captions["language"]),
            made_with_ai=post["made_with_ai"],
            paid_partnership=post["paid_partnership"],
        ),
        length=text.length,
        links=len(text.links),
        price=prices.cost({unit: 1}),
        warnings=tuple(
            [*warnings, *(each for brought in (video, captions) if brought for each in brought["warnings"])]
        ),
        video=video,
    )
