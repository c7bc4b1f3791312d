"""What can end or hold up a post, beside what X answers (api/errors.py):

LookAgain                     nothing is wrong: call again at a stated moment
└── BusyError                 another worker has this post in hand
PublishingError
├── RejectedError             the post breaks rules; `findings` say which, by how much, and the mend
│   ├── TextRejectedError
│   └── VideoRejectedError
├── InvalidPostError          the form of the post is filled in wrongly
├── SourceError               the video cannot be fetched
│   ├── SourceRefusedError        it may not be fetched from there, or is too large
│   └── SourceUnreachableError    it may be there later
├── MediaFailedError          X could not process the video
├── RecordError               the post's record is missing, damaged, or of another content
├── DuplicateError            the same is posted, or about to be; `post_url`, `first`
├── UnknownOutcomeError       the post may exist or not: a person decides
└── ClosedError               the post is not to be sent any more
    ├── CancelledError
    ├── ExpiredError
    └── NotApprovedError
"""

from __future__ import annotations

from datetime import datetime

from airflow_twitter.publishing.findings import Finding


class LookAgain(Exception):
    """Say that there is nothing to do before `at` (aware UTC); `reason` is for people.

    `progress` is a share from 0 to 1, None where there is none.
    """

    def __init__(self, at: datetime, reason: str, progress: float | None = None) -> None:
        super().__init__(at, reason, progress)
        self.at = at
        self.reason = reason
        self.progress = progress

    def __str__(self) -> str:
        return f"{self.reason} Next look at {self.at:%H:%M:%S} UTC."


class BusyError(LookAgain):
    """Another worker has this post in hand."""


class PublishingError(Exception):
    """Say what happened, why, and what to do next."""


class RejectedError(PublishingError):
    """The post breaks rules: `findings` are all that was found, refusals and warnings."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(findings)
        self.findings = findings

    def __str__(self) -> str:
        return " ".join(str(finding) for finding in self.findings if finding.refuses)


class TextRejectedError(RejectedError):
    """The text breaks X's rules."""


class VideoRejectedError(RejectedError):
    """The video breaks X's rules, or is none."""


class InvalidPostError(PublishingError):
    """The form of the post is filled in wrongly."""


class SourceError(PublishingError):
    """The video cannot be fetched."""


class SourceRefusedError(SourceError):
    """The video may not be fetched from there, is not there, or is too large."""


class SourceUnreachableError(SourceError):
    """The video could not be fetched now; trying again may help."""


class MediaFailedError(PublishingError):
    """X could not process the video, again and again."""


class RecordError(PublishingError):
    """The record of a post is missing, damaged, or belongs to another content."""


class DuplicateError(PublishingError):
    """The same content is posted already, or another run is about to.

    `post_url` is the post that exists, `first` the key of the record that came first; None when unknown.
    """

    def __init__(self, message: str, *, post_url: str | None = None, first: str | None = None) -> None:
        super().__init__(message)
        self.post_url = post_url
        self.first = first


class UnknownOutcomeError(PublishingError):
    """The post may exist or not, and nothing can tell: a person decides."""


def unknown(key: str, why: str) -> UnknownOutcomeError:
    """Return the error of a post in doubt that nothing will clear up by itself."""
    return UnknownOutcomeError(
        f"The post {key} was sent, X's answer was lost, and {why}. It may still appear. Look at the account: if it "
        "is there, mark it as posted; if not, mark it as not posted and it will be sent again."
    )


class ClosedError(PublishingError):
    """The post is not to be sent any more."""


class CancelledError(ClosedError):
    """Somebody cancelled the post."""


class ExpiredError(ClosedError):
    """The time until which the post made sense is over."""


class NotApprovedError(ClosedError):
    """The approver said no, or nobody has said yes."""
