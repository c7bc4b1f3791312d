"""What the API takes and gives, as pydantic models: its OpenAPI document is made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from airflow_twitter.accounts.form import FIELDS
from airflow_twitter.http_api.changing import EDITABLE

_POST = {name: field for name, field in FIELDS.items() if name != "account"}


def _schema(names: tuple[str, ...], required: list[str]) -> dict[str, Any]:
    properties = {
        name: {
            key: value for key, value in _POST[name].items() if key not in ("section", "default", "format")
        }
        for name in names
    }
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


NewPost = Annotated[dict[str, Any], WithJsonSchema(_schema(tuple(_POST), ["text"]))]
"""The fields of the form of twitter_publish, all but the account, which the address names."""

Changes = Annotated[dict[str, Any], WithJsonSchema({**_schema(EDITABLE, []), "minProperties": 1})]
"""Those fields that can be changed while a post waits."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Move(_Strict):
    """A place in the queue."""

    place: int = Field(ge=1, le=10_000, strict=True, description="1: the first of those that have not begun.")


class Posted(_Strict):
    """Where a post is that is out."""

    link: str | None = Field(None, max_length=300, description="Its address or id on X; may stay unknown.")


class PostState(BaseModel):
    """How a post stands. The keys up to `simulated` are those of the entry `state` of its tasks."""

    success: bool
    state: str
    error_type: str | None
    error: str | None
    retry_after: int | None = Field(description="Seconds until it goes on by itself.")
    will_retry: bool
    progress: float | None = Field(description="A share from 0 to 1.")
    video_url: str | None
    post_url: str | None
    simulated: bool
    id: str
    account: str
    sentence: str = Field(description="The same for people.")
    place: int | None = Field(description="1 for the next one; null when it does not wait.")
    not_before: datetime | None
    expires_at: datetime | None
    text: str | None


class Cancelled(PostState):
    """What became of a cancellation."""

    outcome: str = Field(description="cancelled, too_late (post_url says where it is), unknown, or over.")


class HeldFor(BaseModel):
    """Why and since when an account is held."""

    since: datetime
    error_type: str
    error: str
    post: str


class Queue(BaseModel):
    """An account's queue, in the order in which the posts go out."""

    account: str
    dag_id: str
    paused: bool | None
    held: HeldFor | None
    total: int
    posts: list[PostState]


class Released(BaseModel):
    """Whether an account was held, and what for."""

    released: bool
    held_for: HeldFor | None


class Limit(BaseModel):
    """What X said last of one limit. Whatever it did not say is null; `observed_at` is null when it never did."""

    endpoint: str
    scope: str | None
    limit: int | None
    remaining: int | None
    resets_at: datetime | None
    refused: bool
    observed_at: datetime | None


class Limits(BaseModel):
    """What holds an account back. Nothing was asked of X for this."""

    account: str
    queue_max: int
    waiting: int
    distance_s: float
    next_post_at: datetime | None
    limits: list[Limit]
