"""Media on their way to a post: segments, their whole, and its processing.

https://docs.x.com/x-api/media/quickstart/media-upload-chunked
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from airflow_twitter.simulator.snowflake import id_at

EXPIRES_S = 86_400.0
PROCESSED = ("video/mp4", "video/quicktime", "video/webm", "video/mp2t", "image/gif")
# The number that a media key begins with: docs.x.com/x-api/fundamentals/data-dictionary#media
KINDS = {"tweet_image": "3", "tweet_gif": "16", "tweet_video": "7", "amplify_video": "13", "subtitles": "7"}


class MediaError(Exception):
    """A request for media that cannot be met: `status` 404 when there are none, else 400, and the parameter."""

    def __init__(self, status: int, parameter: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.parameter = parameter


@dataclass
class Media:
    """One upload. `received` counts every byte that came, also of segments that came again."""

    id: str
    owner: str
    media_type: str
    category: str
    total_bytes: int
    expires_at: float
    processing_s: float
    fails: dict[str, Any] | None = None
    received: int = 0
    requests: int = 0
    segments: dict[int, bytes] = field(default_factory=dict)
    finalized_at: float | None = None
    sha256: str | None = None
    segment_sizes: dict[int, int] = field(default_factory=dict)
    captions: dict[str, str] = field(default_factory=dict)
    alt_text: str | None = None

    @property
    def key(self) -> str:
        """Return the media key."""
        return f"{KINDS.get(self.category, '3')}_{self.id}"

    @property
    def is_processed(self) -> bool:
        """Tell whether media of this kind are processed after they have come."""
        return self.media_type in PROCESSED

    def state(self, now_s: float) -> str:
        """Return uploading, pending, in_progress, succeeded or failed."""
        if self.finalized_at is None:
            return "uploading"
        passed = now_s - self.finalized_at
        if not self.is_processed or passed >= self.processing_s:
            return "failed" if self.fails else "succeeded"
        return "pending" if passed < self.processing_s / 4 else "in_progress"

    def to_json(self, now_s: float) -> dict[str, Any]:
        """Return what a test wants to know."""
        return {
            "id": self.id,
            "key": self.key,
            "owner": self.owner,
            "media_type": self.media_type,
            "category": self.category,
            "total_bytes": self.total_bytes,
            "received_bytes": self.received,
            "append_requests": self.requests,
            "segments": dict(sorted(self.segment_sizes.items())),
            "state": self.state(now_s),
            "sha256": self.sha256,
            "captions": dict(self.captions),
            "alt_text": self.alt_text,
        }


class MediaStore:
    """All media of all accounts. `now_s` returns the server's Unix seconds."""

    def __init__(self, now_s: Callable[[], float], processing_s: float) -> None:
        self._now_s = now_s
        self.processing_s = processing_s
        self._lock = Lock()
        self._media: dict[str, Media] = {}

    @property
    def all(self) -> list[Media]:
        """All media, the oldest first."""
        with self._lock:
            return list(self._media.values())

    def clear(self) -> None:
        """Forget all media."""
        with self._lock:
            self._media.clear()

    def initialize(self, owner: str, media_type: str, category: str, total_bytes: int) -> Media:
        """Begin an upload."""
        now = self._now_s()
        with self._lock:
            number = id_at(int(now * 1000), len(self._media))
            while str(number) in self._media:
                number += 1
            made = Media(
                str(number), owner, media_type, category, total_bytes, now + EXPIRES_S, self.processing_s
            )
            self._media[made.id] = made
            return made

    def find(self, owner: str, media_id: str, parameter: str = "id") -> Media:
        """Return media of this owner that have not expired; raise MediaError."""
        with self._lock:
            media = self._media.get(media_id)
        if media is None or media.owner != owner:
            raise MediaError(404, parameter, f"Could not find media with id: [{media_id}].")
        if self._now_s() >= media.expires_at:
            raise MediaError(404, parameter, f"The media with id [{media_id}] has expired.")
        return media

    def expire(self, media_id: str) -> None:
        """Let media expire now."""
        with self._lock:
            if media_id in self._media:
                self._media[media_id].expires_at = self._now_s()

    def append(self, media: Media, index: int, data: bytes) -> None:
        """Keep a segment; one that comes again replaces the one before."""
        with self._lock:
            if media.finalized_at is not None:
                raise MediaError(400, "id", "The upload has been finalized.")
            media.segments[index] = data
            media.segment_sizes[index] = len(data)
            media.received += len(data)
            media.requests += 1

    def finalize(self, media: Media) -> None:
        """Put the segments together; a second time changes nothing. Raise MediaError when bytes are missing."""
        with self._lock:
            if media.finalized_at is not None:
                return
            indexes = sorted(media.segments)
            size = sum(media.segment_sizes.values())
            if indexes != list(range(len(indexes))) or size != media.total_bytes:
                message = "Segments do not add up to provided total file size."
                raise MediaError(400, "total_bytes", message)
            digest = hashlib.sha256()
            for index in indexes:
                digest.update(media.segments[index])
            media.sha256 = digest.hexdigest()
            media.segments.clear()
            media.finalized_at = self._now_s()


def describe(media: Media, now_s: float) -> dict[str, Any]:
    """Return `data` of the answers of initialize, finalize and status."""
    data: dict[str, Any] = {
        "id": media.id,
        "media_key": media.key,
        "expires_after_secs": max(0, int(media.expires_at - now_s)),
    }
    if media.finalized_at is None:
        return data
    data["size"] = media.total_bytes
    if media.is_processed:
        data["processing_info"] = _processing(media, now_s)
    if media.media_type.startswith("video/"):
        data["video"] = {"video_type": media.media_type}
    return data


def _processing(media: Media, now_s: float) -> dict[str, Any]:
    state = media.state(now_s)
    info: dict[str, Any] = {"state": state}
    left = media.processing_s - (now_s - (media.finalized_at or now_s))
    match state:
        case "pending":
            info["check_after_secs"] = max(1, math.ceil(min(left, 5)))
        case "in_progress":
            info["check_after_secs"] = max(1, math.ceil(min(left, 5)))
            info["progress_percent"] = min(99, max(1, int(100 * (1 - left / media.processing_s))))
        case "succeeded":
            info["progress_percent"] = 100
        case "failed":
            info["error"] = media.fails
    return info
