"""The video of a post, and a picture of it, for users who may read the DAG of its account."""

from __future__ import annotations

import os
from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import APIRouter, HTTPException, Path, status
from fastapi.responses import FileResponse

from airflow_twitter.dag_ids import post_dag_id
from airflow_twitter.data_folder import data_store
from airflow_twitter.pages.access import ReaderDep
from airflow_twitter.posts.store import Store, StoreError
from airflow_twitter.publishing.errors import RecordError
from airflow_twitter.publishing.media import media_file
from airflow_twitter.publishing.records import Records

HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; media-src 'self'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

router = APIRouter(prefix="/posts/{account}/{key}")

AccountName = Annotated[str, Path(pattern="^[a-z0-9_]{1,40}$")]
PostKey = Annotated[str, Path(max_length=250)]


@router.get("/video")
def video(account: AccountName, key: PostKey, session: SessionDep, reader: ReaderDep) -> FileResponse:
    """Return the video; browsers may ask for parts of it."""
    store = data_store()
    return _file(store, media_file(_sha256(store, account, key, session, reader)), "video/mp4")


@router.get("/frame")
def frame(account: AccountName, key: PostKey, session: SessionDep, reader: ReaderDep) -> FileResponse:
    """Return a picture of the video."""
    store = data_store()
    return _file(store, f"media/frames/{_sha256(store, account, key, session, reader)}.jpg", "image/jpeg")


def _sha256(store: Store, account: str, key: str, session: SessionDep, reader: ReaderDep) -> str:
    """Return the hash of a post's video. Whoever may not read the account learns no more than that there is none."""
    dag_id = post_dag_id(account)
    if dag_id not in reader.readable([dag_id], session):
        raise _not_found()
    try:
        record = Records(store).find(account, key)
    except (RecordError, StoreError):
        raise _not_found() from None
    if record is None or record.content.media_sha256 is None:
        raise _not_found()
    return record.content.media_sha256


def _file(store: Store, where: str, media_type: str) -> FileResponse:
    try:
        path = store.url(where)
    except StoreError:
        raise _not_found() from None
    if not os.path.isfile(path):
        raise _not_found()
    return FileResponse(path, media_type=media_type, headers=HEADERS)


def _not_found() -> HTTPException:
    return HTTPException(status.HTTP_404_NOT_FOUND, "There is no such video, or it has been cleaned away.")
