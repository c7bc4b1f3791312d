"""A video without a text: nothing but its media key tells which post is ours."""

from __future__ import annotations

import pytest
from desk import Desk, rule

from airflow_twitter.api import errors as x
from airflow_twitter.publishing.errors import UnknownOutcomeError
from airflow_twitter.publishing.media import keep
from airflow_twitter.publishing.record import Content
from airflow_twitter.simulator import Rule


@pytest.fixture
def bare(desk: Desk) -> Desk:
    """A video without a text, ready to be posted; meanwhile somebody has posted another one by hand."""
    stored = keep(desk.records.store, [b"ours" * 100])
    desk.records.open("acme", "film", Content(text="", media_sha256=stored.sha256))
    desk.ensure("film")
    media = desk.client.initialize_media("video/mp4", "tweet_video", 5)
    desk.client.append_media(media.id, 0, b"other")
    desk.client.finalize_media(media.id)
    desk.clock.pass_s(30)
    desk.simulator.post_by_hand("", media_ids=[media.id])
    return desk


def test_other_bare_video_is_not_ours(bare: Desk) -> None:
    """Another video without a text on the account is not taken for ours: ours goes out."""
    record = bare.create("film")
    assert (record.found, len(bare.posts), record.post_id) == (False, 2, bare.posts[-1])


def test_lost_answer(bare: Desk) -> None:
    """After a lost answer ours is found by its media key."""
    bare.simulator.add_rules([rule("lost_answer")])
    record = bare.create("film")
    assert (record.found, record.post_id, bare.sends) == (True, bare.posts[-1], 1)


def test_lost_request(bare: Desk) -> None:
    """A request that never came leaves a doubt, whatever other videos there are."""
    bare.simulator.add_rules([rule("reset_before")])
    with pytest.raises(UnknownOutcomeError):
        bare.until_done("film")
    assert len(bare.posts) == 1


def test_refused(bare: Desk) -> None:
    """A refusal is not explained by another video without a text."""
    bare.simulator.add_rules([Rule(endpoint="create_post", fault="forbidden", nth=1)])
    with pytest.raises(x.PostRefusedError):
        bare.until_done("film")
