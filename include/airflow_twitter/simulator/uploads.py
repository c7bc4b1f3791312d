"""Answer requests for media.

https://docs.x.com/x-api/media/introduction
"""

from __future__ import annotations

from collections.abc import Callable

from airflow_twitter.simulator import problems
from airflow_twitter.simulator.answers import Answer, json_answer
from airflow_twitter.simulator.asked import Asked, check
from airflow_twitter.simulator.asks import Checks
from airflow_twitter.simulator.costs import COSTS
from airflow_twitter.simulator.media import Media, MediaError, MediaStore, describe
from airflow_twitter.simulator.request import read_segment, read_upload

SEGMENTS = 1000
SEGMENT_MAX_BYTES = 5_000_000
MEDIA_MAX_BYTES = 16 * 1024**3
MEDIA_TYPES = (
    *("video/mp4", "video/webm", "video/mp2t", "video/quicktime", "text/srt", "text/vtt"),
    *("image/jpeg", "image/gif", "image/bmp", "image/png", "image/webp", "image/pjpeg", "image/tiff"),
    *("model/gltf-binary", "model/vnd.usdz+zip"),
)
CATEGORIES = (
    *("amplify_video", "tweet_gif", "tweet_image", "tweet_video"),
    *("dm_gif", "dm_image", "dm_video", "subtitles"),
)
VIDEOS = ("TweetVideo", "AmplifyVideo")
# What media of a category are taken for when they come in one request, which names no type.
ONE_SHOT = {
    "tweet_image": "image/png",
    "dm_image": "image/png",
    "tweet_gif": "image/gif",
    "dm_gif": "image/gif",
    "tweet_video": "video/mp4",
    "dm_video": "video/mp4",
    "subtitles": "text/srt",
}
FAILED = {"code": 1, "name": "InvalidMedia", "message": "Unsupported video format."}


class Uploads:
    """The endpoints of media. `now_s` returns the server's Unix seconds."""

    def __init__(self, media: MediaStore, now_s: Callable[[], float]) -> None:
        self.media = media
        self._now_s = now_s

    def initialize(self, ask: Asked) -> Answer:
        """Begin an upload."""
        wanted = ask.json()
        media_type, category = wanted.get("media_type"), wanted.get("media_category")
        size = wanted.get("total_bytes")
        check("media_type", media_type, media_type in MEDIA_TYPES)
        check("media_category", category, category in CATEGORIES)
        check("total_bytes", size, type(size) is int and 0 < size <= MEDIA_MAX_BYTES)
        media = self.media.initialize(ask.owner.id, str(media_type), str(category), int(str(size)))
        ask.entry.made.append(media.id)
        return self._described(media)

    def append(self, ask: Asked) -> Answer:
        """Take a segment, as multipart or as base64 in JSON."""
        media = self.found(ask, ask.names["id"])
        if len(ask.request.body) > SEGMENT_MAX_BYTES:
            return Answer(413, b"")
        index, data = read_segment(ask.request)
        number = int(index) if str(index).isdecimal() else -1
        check("segment_index", index, 0 <= number < SEGMENTS)
        check("media", "", bool(data))
        self.media.append(media, number, data or b"")
        if ask.rule("no_body"):
            return Answer(204, b"")
        return json_answer(200, {"data": {"expires_at": int(media.expires_at)}})

    def finalize(self, ask: Asked) -> Answer:
        """Put the segments together; a second time it says the same, unless a rule forbids it."""
        ask.json()
        media = self.found(ask, ask.names["id"])
        if media.finalized_at is not None and ask.rule("finalized_once"):
            raise MediaError(400, "id", "The upload has been finalized.")
        if ask.rule("failed_processing"):
            media.fails = dict(FAILED)
        if slow := ask.rule("slow_processing"):
            media.processing_s = float(slow["processing_s"])
        self.media.finalize(media)
        return self._described(media)

    def upload(self, ask: Asked) -> Answer:
        """Take small media in one request (https://docs.x.com/x-api/media/media-upload)."""
        category, data = read_upload(ask.request)
        check("media_category", category, category in ONE_SHOT)
        check("media", "", bool(data))
        media = self.media.initialize(ask.owner.id, ONE_SHOT[category], category, len(data or b""))
        self.media.append(media, 0, data or b"")
        self.media.finalize(media)
        ask.entry.made.append(media.id)
        return self._described(media)

    def describe(self, ask: Asked) -> Answer:
        """Give media an alternative text (https://docs.x.com/x-api/media/metadata-create); videos take none."""
        wanted = ask.json()
        metadata = wanted.get("metadata")
        alt_text = metadata.get("alt_text") if isinstance(metadata, dict) else None
        text = alt_text.get("text") if isinstance(alt_text, dict) else None
        media = self.found(ask, str(wanted.get("id")))
        check("metadata.alt_text.text", text, isinstance(text, str) and 0 < len(text) <= 1000)
        check("id", media.id, media.media_type.startswith("image/"))
        media.alt_text = str(text)
        ask.entry.cost = COSTS["media_metadata"]
        return json_answer(200, {"data": {"id": media.id, "associated_metadata": metadata}})

    def status(self, ask: Asked) -> Answer:
        """Say how far the processing is; media that are not finalized have no status."""
        checks = Checks(None, ask.params, 0)
        checks.names(("media_id", "command"))
        checks.listed("command", ("STATUS",))
        checks.raise_errors()
        media = self.found(ask, ask.params.get("media_id", ""), "media_id")
        if media.finalized_at is None:
            raise MediaError(404, "media_id", "Not finalized.")
        return self._described(media)

    def add_captions(self, ask: Asked) -> Answer:
        """Join captions, which are media themselves, to a video.

        https://docs.x.com/x-api/media/create-media-subtitles
        """
        wanted = ask.json()
        track = wanted.get("subtitles") or {}
        check("subtitles", track, isinstance(track, dict))
        for name in wanted:
            check(name, wanted[name], name in ("id", "media_category", "subtitles"))
        for name in track:
            check(f"subtitles.{name}", track[name], name in ("id", "language_code", "display_name"))
        language, shown = str(track.get("language_code", "")), track.get("display_name")
        check("media_category", wanted.get("media_category"), wanted.get("media_category") in VIDEOS)
        check("subtitles.language_code", language, 2 <= len(language) <= 35)
        check("subtitles.display_name", shown, isinstance(shown, str) and bool(shown.strip()))
        video = self.found(ask, str(wanted.get("id")))
        captions = self.found(ask, str(track.get("id")), "subtitles.id")
        check("id", video.id, video.media_type.startswith("video/"))
        check(
            "subtitles.id",
            captions.id,
            captions.category == "subtitles" and captions.finalized_at is not None,
        )
        video.captions[language] = captions.id
        data = {"id": video.id, "media_category": wanted["media_category"], "associated_subtitles": track}
        return json_answer(200, {"data": data})

    def found(self, ask: Asked, media_id: str, parameter: str = "id") -> Media:
        """Return the account's media; raise MediaError."""
        if ask.rule("expired_media"):
            self.media.expire(media_id)
        return self.media.find(ask.owner.id, media_id, parameter)

    def _described(self, media: Media) -> Answer:
        return json_answer(200, {"data": describe(media, self._now_s())})


def refuse(error: MediaError, ask: Asked) -> Answer:
    """Return the answer for media that are not there, or not in order."""
    media_id = ask.names.get("id", ask.params.get("media_id", ""))
    if error.status == 404:
        return json_answer(404, problems.missing(media_id, error.parameter, "media"))
    entry = problems.parameter_error(error.parameter, media_id, str(error))
    return json_answer(400, problems.invalid_request([entry]))
