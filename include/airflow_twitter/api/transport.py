"""Send one HTTP request and read the whole answer, or say in one error what went wrong on the way."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from airflow_twitter import __version__
from airflow_twitter.api.errors import AddressError, ConfigError, NetworkError, PermanentError

_CHUNK_BYTES = 1 << 16
ANSWER_MAX = 32 * 1024 * 1024
"""Bytes of a decompressed answer. A page of 500 posts with all that X includes has some 3 MB."""
_UNSENDABLE = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)
_NEVER_CONNECTED = (
    requests.exceptions.ConnectTimeout,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
)


@dataclass(frozen=True, slots=True)
class Response:
    """Hold status, headers (any case) and the decompressed body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Hold the seconds allowed for connecting, and for the whole answer from then on."""

    connect_s: float
    read_s: float


def check_base_url(base_url: str) -> str:
    """Return the base URL without a trailing slash; a bare host means https.

    Raises ConfigError when it is not https (http is for loopback only, since it would show the token to the
    network), or holds credentials, a query or a fragment.
    """
    text = base_url.strip()
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigError("The host of the connection is no URL such as https://api.x.com") from None
    if not host or any(char.isspace() or not char.isprintable() for char in text) or port == 0:
        raise ConfigError("The host of the connection is no URL such as https://api.x.com")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError("The host of the connection holds credentials, a query or a fragment; give it bare")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ConfigError(f"{parts.scheme}://{host} is refused: the token travels by https, or to loopback")
    return text.rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's own."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def open_session(base_url: str) -> requests.Session:
    """Return a session with keep-alive, gzip and TLS checks that keeps no cookies.

    Beyond loopback, a proxy and a CA bundle named in the environment are used (HTTPS_PROXY,
    REQUESTS_CA_BUNDLE); with https the proxy sees neither token nor content. Credentials never come from
    there: every request carries its own authentication, so that a netrc file is not even read.
    """
    session = requests.Session()
    session.trust_env = not is_loopback(urlsplit(base_url).hostname or "")
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update(
        {
            "User-Agent": f"airflow-twitter/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
        }
    )
    return session


def send(
    session: requests.Session,
    method: str,
    url: str,
    *,
    auth: AuthBase,
    timeouts: Timeouts,
    monotonic: Callable[[], float],
    params: Mapping[str, str] | None = None,
    data: str | bytes | None = None,
    content_type: str | None = None,
) -> Response:
    """Send one request, once, and read its whole answer; a redirect is an answer and is not followed.

    Raises NetworkError when no whole answer came, PermanentError when the server's certificate is not
    trusted. The library's own exceptions, which may name a proxy with its password, go no further.
    """
    label = f"{method} {urlsplit(url).path}"
    started = monotonic()
    try:
        with session.request(
            method,
            url,
            params=params,
            data=data,
            headers={"Content-Type": content_type} if content_type else None,
            auth=auth,
            timeout=(timeouts.connect_s, timeouts.read_s),
            allow_redirects=False,
            stream=True,
        ) as answer:
            body = b"".join(_read_chunks(answer, label, started, timeouts, monotonic))
            return Response(answer.status_code, answer.headers, body)
    except requests.RequestException as error:
        raise _network_error(label, error) from None


def _read_chunks(
    answer: requests.Response,
    label: str,
    started: float,
    timeouts: Timeouts,
    monotonic: Callable[[], float],
) -> Iterator[bytes]:
    # The read timeout of a socket counts anew with every byte: an answer that drips would never end.
    deadline = started + timeouts.connect_s + timeouts.read_s
    size = 0
    for chunk in answer.iter_content(_CHUNK_BYTES):
        yield chunk
        size += len(chunk)
        if size > ANSWER_MAX:
            raise PermanentError(
                f"{label} was answered with more than {ANSWER_MAX // 2**20} MiB",
                detail="No answer of X is so large: see whether the host of the connection is X's",
            )
        if monotonic() > deadline:
            raise NetworkError(f"{label} was not answered in full within {deadline - started:.0f} s")


def _network_error(label: str, error: requests.RequestException) -> NetworkError | PermanentError:
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return AddressError(
            f"{label} failed", detail="The certificate of the server is not trusted (see REQUESTS_CA_BUNDLE)"
        )
    if isinstance(error, _UNSENDABLE):
        return PermanentError(f"{label} failed", detail=f"It could not be sent ({type(error).__name__})")
    names = list(dict.fromkeys(type(cause).__name__ for cause in causes))
    failure = NetworkError(f"{label} failed", detail=f"{_describe(error, causes)} ({', '.join(names)})")
    failure.sent = not any(isinstance(cause, _NEVER_CONNECTED) for cause in causes)
    return failure


def _describe(error: requests.RequestException, causes: list[BaseException]) -> str:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "No connection in time"
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return "No answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "The answer was cut off"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "The answer could not be decompressed"
    return "The connection failed or was cut"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk from an error to what lies behind it, through the arguments that urllib3 nests its reasons in."""
    seen: set[int] = set()
    queue: list[BaseException] = [error]
    while queue:
        current = queue.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        linked = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        queue.extend(item for item in linked if isinstance(item, BaseException))
