"""Fetch a video into the data store, where any worker finds it: from a folder, https, s3 or gs."""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import SplitResult, urljoin

import obstore
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import GCSStore, S3Store

from airflow_twitter import __version__
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.errors import SourceRefusedError, SourceUnreachableError
from airflow_twitter.publishing.media import Stored, keep
from airflow_twitter.publishing.sources import (
    Resolve,
    Sources,
    addresses,
    bucket_and_path,
    check_url,
    open_local,
    port_of,
    resolve_host,
)

log = logging.getLogger(__name__)

MAX_REDIRECTS = 5
_CHUNK_BYTES = 256 * 1024
_TIMEOUT_S = 30.0
_WHOLE_S = 3600.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIES = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}
_LATER = frozenset({408, 425, 429})

OnBytes = Callable[[int, int | None], None]


class _Reader(Protocol):
    def read1(self, size: int = ..., /) -> bytes: ...


def fetch(
    source: str,
    sources: Sources,
    store: Store,
    *,
    on_progress: OnBytes | None = None,
    resolve: Resolve = resolve_host,
    tls: ssl.SSLContext | None = None,
) -> Stored:
    """Fetch `source` into the store as media/<sha256> and return where it lies there.

    A source is an absolute or relative path, or an address that begins with https://, s3:// or gs://. Keys for
    s3 and gs come from where their own tools find them (environment, instance). It is written while it is
    read; on any trouble nothing is left. `on_progress` gets the bytes that came, and those expected if known.

    Raises SourceRefusedError for what `sources` does not allow, is not there, empty or too large, and
    SourceUnreachableError for what may work later.
    """
    scheme, separator, _ = source.partition("://")
    if not separator:
        chunks = _local(source, sources)
    elif scheme == "file":
        chunks = _local(source.removeprefix("file://"), sources)
    elif scheme in ("https", "http"):
        chunks = _web(source, sources, resolve, tls or ssl.create_default_context())
    elif scheme in ("s3", "gs"):
        chunks = _bucket(source, sources)
    else:
        raise SourceRefusedError(
            f"Videos cannot be fetched by {scheme}://; use a path, https://, s3:// or gs://."
        )
    stored = keep(store, _bounded(chunks, sources, on_progress))
    log.info("%s FETCHED: bytes=%d, sha256=%s", sources.what.upper(), stored.size, stored.sha256)
    return stored


# What comes is first told to be so many bytes (None: unknown), then come the bytes.
Chunks = Iterator[int | bytes | None]


def _bounded(chunks: Chunks, sources: Sources, on_progress: OnBytes | None) -> Iterator[bytes]:
    max_bytes = sources.max_bytes
    expected = next(chunks)
    assert not isinstance(expected, bytes)
    if expected is not None and expected > max_bytes:
        raise SourceRefusedError(f"The {sources.what} has {expected} bytes; at most {max_bytes} are fetched.")
    size = 0
    for chunk in chunks:
        assert isinstance(chunk, bytes)
        size += len(chunk)
        if size > max_bytes:
            raise SourceRefusedError(f"The {sources.what} has over {max_bytes} bytes; more are not fetched.")
        yield chunk
        if on_progress is not None:
            on_progress(size, expected)
    if size == 0:
        raise SourceRefusedError("The file is empty.")
    if expected is not None and size != expected:
        raise SourceUnreachableError(f"Only {size} of {expected} bytes came.")


def _local(source: str, sources: Sources) -> Chunks:
    file, size = open_local(source, sources)
    with file:
        yield size
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _web(url: str, sources: Sources, resolve: Resolve, tls: ssl.SSLContext) -> Chunks:
    deadline = time.monotonic() + _WHOLE_S
    for _ in range(MAX_REDIRECTS + 1):
        parts = check_url(url, sources)
        with closing(_connect(parts, resolve, tls)) as connection:
            try:
                answer = _ask(connection, parts)
                if answer.status not in _REDIRECTS:
                    yield from _read(answer, parts, deadline)
                    return
                url = urljoin(url, answer.headers.get("Location", ""))
            except (OSError, http.client.HTTPException) as error:
                raise SourceUnreachableError(
                    f"The {sources.what} could not be fetched from {parts.hostname}: {type(error).__name__}."
                ) from None
    raise SourceRefusedError(
        f"{parts.hostname} sends from one address to the next, over {MAX_REDIRECTS} times."
    )


def _connect(parts: SplitResult, resolve: Resolve, tls: ssl.SSLContext) -> http.client.HTTPConnection:
    """Return a connection to an address that was checked: the name is not looked up a second time."""
    allowed = addresses(parts, resolve)
    return _Pinned(str(parts.hostname), port_of(parts), allowed, tls if parts.scheme == "https" else None)


class _Pinned(http.client.HTTPConnection):
    """A connection to one of the given addresses, with TLS for the host's name. Knows no proxy."""

    def __init__(self, host: str, port: int, to: list[str], tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=_TIMEOUT_S)
        self._to = to
        self._tls = tls

    def connect(self) -> None:
        """Try the addresses one after the other."""
        for number, address in enumerate(self._to, start=1):
            try:
                self.sock = socket.create_connection((address, self.port), _TIMEOUT_S)
                break
            except OSError:
                if number == len(self._to):
                    raise
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)


def _ask(connection: http.client.HTTPConnection, parts: SplitResult) -> http.client.HTTPResponse:
    target = parts.path or "/"
    headers = {"User-Agent": f"airflow-twitter/{__version__}", "Accept-Encoding": "identity"}
    connection.request("GET", f"{target}?{parts.query}" if parts.query else target, headers=headers)
    return connection.getresponse()


def _read(answer: http.client.HTTPResponse, parts: SplitResult, deadline: float) -> Chunks:
    if answer.status >= 500 or answer.status in _LATER:
        raise SourceUnreachableError(f"{parts.hostname} answered {answer.status}; try again later.")
    if answer.status != 200:
        raise SourceRefusedError(
            f"{parts.hostname} answered {answer.status} for {parts.path}: look at the address."
        )
    yield answer.length
    yield from _drain(answer, deadline, str(parts.hostname))


def _drain(reader: _Reader, deadline: float, host: str) -> Iterator[bytes]:
    # A socket's timeout counts anew with every byte: an answer that drips would never end.
    while chunk := reader.read1(_CHUNK_BYTES):
        if time.monotonic() > deadline:
            raise SourceUnreachableError(f"The video did not come from {host} within {_WHOLE_S:g} s.")
        yield chunk


def _bucket(url: str, sources: Sources) -> Chunks:
    scheme, bucket, path = bucket_and_path(url, sources)
    try:
        kind: Any = S3Store if scheme == "s3" else GCSStore
        opened = kind(bucket, retry_config=_RETRIES)
        found = obstore.get(opened, path)
        yield int(found.meta["size"])
        for chunk in found.stream(min_chunk_size=_CHUNK_BYTES):
            yield bytes(chunk)
    except (NotFoundError, FileNotFoundError):
        raise SourceRefusedError(f"There is no object {path} in {scheme}://{bucket}.") from None
    except (PermissionDeniedError, UnauthenticatedError):
        raise SourceRefusedError(f"The keys of this machine do not open {scheme}://{bucket}.") from None
    except BaseError as error:
        raise SourceUnreachableError(
            f"{scheme}://{bucket} could not be read ({type(error).__name__})."
        ) from None
