"""The video of a post, and a picture of it, for users who may read the DAG of its account."""

from __future__ import annotations

import os
import re
from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import APIRouter, HTTPException, Path, status
from fastapi.responses import FileResponse

from airflow_twitter.dag_ids import post_dag_id
from airflow_twitter.data_folder import data_store
from airflow_twitter.pages.access import ReaderDep
from airflow_twitter.posts.store import Store, StoreError
from airflow_twitter.publishing.errors import RecordError
from airflow_twitter.publishing.media import frame_file, media_file
from airflow_twitter.publishing.records import Records

HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; media-src 'self'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

_HASH = re.compile("[0-9a-f]{64}")

router = APIRouter(prefix="/posts/{account}/{key}")

AccountName = Annotated[str, Path(pattern="^[a-z0-9_]{1,40}$")]
PostKey = Annotated[str, Path(max_length=250)]


@router.api_route("/video", methods=["GET", "HEAD"])
def video(account: AccountName, key: PostKey, session: SessionDep, reader: ReaderDep) -> FileResponse:
    """Return the video; browsers may ask for parts of it."""
    sha256 = _sha256(data_store(), account, key, session, reader)
    return _file(data_store(), sha256, media_file(sha256), "video/mp4")


@router.api_route("/frame", methods=["GET", "HEAD"])
def frame(account: AccountName, key: PostKey, session: SessionDep, reader: ReaderDep) -> FileResponse:
    """Return a picture of the video."""
    sha256 = _sha256(data_store(), account, key, session, reader)
    return _file(data_store(), sha256, frame_file(sha256), "image/jpeg")


def _sha256(store: Store, account: str, key: str, session: SessionDep, reader: ReaderDep) -> str:
    """Return the hash of a post's video. Whoever may not read the account is not told what there is."""
    dag_id = post_dag_id(account)
    if dag_id not in reader.readable([dag_id], session):
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            f"You may not see the posts of {account}: ask for the right to read {dag_id}.",
        )
    try:
        record = Records(store).find(account, key)
    except (RecordError, StoreError):
        raise _not_found() from None
    if record is None or not _HASH.fullmatch(record.content.media_sha256 or ""):
        raise _not_found()
    return str(record.content.media_sha256)


def _file(store: Store, sha256: str, where: str, media_type: str) -> FileResponse:
    try:
        path = store.url(where)
    except StoreError:
        raise _not_found() from None
    if not os.path.isfile(path):
        raise HTTPException(
            status.HTTP_410_GONE,
            "The video of this post has been cleaned away. Its record is kept, and says its hash.",
        )
    # The hash is the file: a browser that goes on with a part of it is certain to go on with the same.
    return FileResponse(path, media_type=media_type, headers={**HEADERS, "ETag": f'"{sha256}"'})


def _not_found() -> HTTPException:
    return HTTPException(status.HTTP_404_NOT_FOUND, "There is no such video.")
