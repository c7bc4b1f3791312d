"""How a post is shown to a person who is to decide about it: Markdown, for Airflow's own form."""

from __future__ import annotations

import re

from airflow_twitter.accounts.addresses import frame_url, video_url
from airflow_twitter.publishing.record import Record

_NOTE_MAX = 500


def approval_body(record: Record) -> str:
    """Return what an approver looks at: the text exactly as it is, the video, the price, and what to mind."""
    details = record.details
    lines = [
        *(["**SIMULATED: this goes to a simulator, not to X.**", ""] if record.simulated else []),
        f"{details['author'] or 'Somebody'} wants to post this as **{record.account}**:",
        "",
        fenced(record.content.text),
        "",
        f"- {details['length']} of 280 characters",
        f"- costs ${details['price']:.3f}",
    ]
    if video := details.get("video"):
        lines.append(f"- with a video: [{video['summary']}]({video_url(record.account, record.key)})")
    if captions := details.get("captions"):
        lines.append(f"- with {captions['count']} captions, language {captions['language']}")
    if record.content.made_with_ai:
        lines.append("- marked as made with AI")
    if record.content.paid_partnership:
        lines.append("- marked as a paid partnership")
    if video:
        lines += ["", f"![A picture of the video]({frame_url(record.account, record.key)})", ""]
    lines += [f"- mind: {_one_line(warning)}" for warning in details["warnings"]]
    return "\n".join(lines)


def run_note(record: Record) -> str:
    """Return what the UI shows beside a run of the queue, so that people see which post it is."""
    lines = ["**SIMULATED**"] if record.simulated else []
    video = record.details.get("video")
    text = record.content.text
    if len(text) > _NOTE_MAX:  # a long link, which X counts as 23; Airflow takes notes of 1000 characters
        text = f"{text[:_NOTE_MAX]}…"
    return "\n".join([*lines, fenced(text), *([f"with a video: {video['summary']}"] if video else [])])


def fenced(text: str) -> str:
    """Return text as a block that Markdown shows as it is, whatever it holds."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _one_line(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>])", r"\\\1", " ".join(text.split()))
