"""How the API says no: one form for every error, which repeats nothing of what was sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from airflow_twitter.publishing.decisions import TooLateError
from airflow_twitter.publishing.errors import BusyError, DuplicateError, PublishingError, RecordError
from airflow_twitter.publishing.reports import error_type

log = logging.getLogger(__name__)

BUSY_RETRY_S = 30


class Problem(BaseModel):
    """What went wrong. `error_type` is a word for machines, `field` names the one that is wrong."""

    detail: Any = Field(description="What happened, why, and what to do next; usually a sentence.")
    error_type: str | None = None
    field: str | None = None
    first: str | None = Field(default=None, description="The id of the post that says the same already.")
    post_url: str | None = None


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(
        self, status_code: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: str | None
    ) -> None:
        super().__init__(detail)
        self.status_code = status_code
        self.problem = Problem(detail=detail, **more)
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse(self.problem.model_dump(), self.status_code, self.headers)


def refused(error: Exception) -> ApiError:
    """Return the answer to an error of publishing: what is wrong with the post, or with the moment."""
    kind = error_type(error)
    if isinstance(error, BusyError):
        return ApiError(
            status.HTTP_409_CONFLICT,
            "A worker is sending this post just now. Ask again.",
            headers={"Retry-After": str(BUSY_RETRY_S)},
            error_type="busy",
        )
    if isinstance(error, DuplicateError):
        return ApiError(
            status.HTTP_409_CONFLICT, str(error), error_type=kind, first=error.first, post_url=error.post_url
        )
    if isinstance(error, TooLateError):
        return ApiError(
            status.HTTP_409_CONFLICT, str(error), error_type="too_late", post_url=error.record.post_url
        )
    if isinstance(error, RecordError):
        return ApiError(status.HTTP_409_CONFLICT, str(error), error_type=kind)
    return ApiError(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error), error_type=kind)


async def on_api_error(request: Request, error: Exception) -> JSONResponse:
    """Answer an ApiError."""
    assert isinstance(error, ApiError)
    return error.response()


async def on_publishing_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what publishing refuses."""
    assert isinstance(error, (PublishingError, BusyError))
    return refused(error).response()


async def on_store_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what the data folder refuses: a damaged file, a full disk."""
    log.error("%s", error)
    return ApiError(status.HTTP_503_SERVICE_UNAVAILABLE, str(error), error_type="storage").response()


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    """Say which fields are wrong, without the values: they may hold what no JSON can, or a secret."""
    assert isinstance(error, RequestValidationError)
    wrong = [{"loc": list(each["loc"]), "msg": each["msg"], "type": each["type"]} for each in error.errors()]
    problem = Problem(detail=wrong, error_type="invalid")
    return JSONResponse(problem.model_dump(), status.HTTP_422_UNPROCESSABLE_CONTENT)


def documented(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return these answers for the OpenAPI document, beside those that every address can give."""
    always = (400, 401, 403, 404, 413, 422, 503)
    return {code: {"model": Problem} for code in (*always, *codes)}
