"""What a person or a program can do to a post that waits, beside the decisions of publishing/decisions.py.

Plain functions on the store: they know no Airflow, so that pages, tasks and an HTTP API can use them alike.
"""

from __future__ import annotations

from msgspec.structs import replace

from airflow_twitter.accounts.preparing import check_post
from airflow_twitter.api.prices import PRICES, Prices
from airflow_twitter.publishing.record import Content, Record
from airflow_twitter.publishing.records import Records


def change_text(records: Records, record: Record, text: str, *, by: str, prices: Prices = PRICES) -> Record:
    """Check another text for a post that has not been sent, take it over, and return the record with its new price.

    Raises TextRejectedError, DuplicateError when another post says the same, and RecordError when it was sent.
    """
    before = record.content
    asked = {
        "text": text,
        "made_with_ai": before.made_with_ai,
        "paid_partnership": before.paid_partnership,
    }
    checked = check_post(asked, record.details.get("video"), prices, record.details.get("captions"))
    content = replace(before, text=checked.content.text)
    records.open(record.account, record.key, content, allow_duplicate=record.allow_duplicate)
    with records.change(record.account, record.key) as changed:
        changed.details = {
            **changed.details,
            "price": checked.price,
            "length": checked.length,
            "warnings": list(checked.warnings),
            "edited": {**changed.details.get("edited", {}), "text": text},
        }
        changed.note(changed.state, "The text was changed.", at=records.now(), by=by)
    return changed


def cancel_unprepared(records: Records, account: str, key: str, text: str, *, by: str) -> Record:
    """Cancel a post before anything of it was checked: its record says nothing else, and `prepare` heeds it."""
    return records.open_cancelled(account, key, Content(text=text), by=by)
