"""Where videos may be fetched from: allow-lists, and no way around them."""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import SplitResult, unquote, urlsplit

from airflow_twitter.publishing.errors import SourceRefusedError, SourceUnreachableError

Resolve = Callable[[str, int], list[str]]

MAX_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Sources:
    """Say where videos may come from. What is not named is refused; nothing is allowed by default.

    `folders` are local folders; `hosts` names of https hosts ("videos.example.com", or "*.example.com" for all
    below it), with ":port" for another port than 443; `buckets` are "s3://name" or "gs://name", or with a prefix
    behind it, "s3://name/videos/". A file may have at most `max_bytes`. `loopback` lets "http://127.0.0.1:port"
    be named in `hosts`, for trials on one machine. `what` is how messages call what is fetched.
    """

    folders: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    max_bytes: int = MAX_BYTES
    loopback: bool = False
    what: str = "video"


def open_local(source: str, sources: Sources) -> tuple[BinaryIO, int]:
    """Open a file in one of the allowed folders, and return it with its size in bytes.

    A relative path is looked for in each of them. Symbolic links may not lead out of them. Raises
    SourceRefusedError.
    """
    if "\0" in source:
        raise SourceRefusedError(f"The path of the {sources.what} holds a NUL character.")
    if not sources.folders:
        raise SourceRefusedError(f"{source} is a file on this machine, and no folder of videos is allowed.")
    for folder in sources.folders:
        root = os.path.realpath(folder)
        path = os.path.realpath(Path(root, source))
        if os.path.commonpath([root, path]) == root and os.path.lexists(path):
            return _open_inside(path, root, source)
    raise SourceRefusedError(
        f"There is no file {source} in the allowed folders ({', '.join(sources.folders)}); symbolic links must "
        "not lead out of them."
    )


def _open_inside(path: str, root: str, source: str) -> tuple[BinaryIO, int]:
    try:
        # Not waiting for a pipe, and not following a link that was put there just now.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SourceRefusedError(f"{source} cannot be opened: {error.strerror}.") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SourceRefusedError(f"{source} is no file.")
        opened = os.path.realpath(f"/proc/self/fd/{descriptor}")
        if os.path.exists("/proc/self/fd") and os.path.commonpath([root, opened]) != root:
            raise SourceRefusedError(f"{source} leads out of the allowed folders.")
        return os.fdopen(descriptor, "rb"), status.st_size
    except BaseException:
        os.close(descriptor)
        raise


def check_url(url: str, sources: Sources) -> SplitResult:
    """Return the parts of an address that may be fetched; raise SourceRefusedError for any other."""
    if any(char.isspace() or not char.isprintable() for char in url):
        raise SourceRefusedError(f"The address of the {sources.what} holds spaces or invisible characters.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise SourceRefusedError(f"The address of the {sources.what} is no URL.") from None
    if parts.username is not None or parts.password is not None:
        raise SourceRefusedError(
            f"The address of the {sources.what} holds a user name or password; leave them out."
        )
    if not host:
        raise SourceRefusedError(f"The address of the {sources.what} names no host.")
    if parts.scheme == "http":
        named = f"http://{host}:{port or 80}"
        if sources.loopback and named in sources.hosts and _is_loopback(host):
            return parts
        raise SourceRefusedError(f"Videos are fetched by https, not by http (host {host}).")
    if not any(_matches(host, port or 443, allowed) for allowed in sources.hosts):
        raise SourceRefusedError(
            f"Videos may not be fetched from {host}{'' if port in (None, 443) else f':{port}'}. Allowed are: "
            f"{', '.join(sources.hosts) or 'none'}."
        )
    return parts


def addresses(parts: SplitResult, resolve: Resolve) -> list[str]:
    """Return the addresses of a checked URL's host; raise SourceRefusedError when one of them is private.

    One private address is enough to refuse all: a name that points inside is not to be trusted. Loopback is for
    http alone, which `check_url` lets through only where that very address is allowed.
    """
    host = str(parts.hostname)
    found = resolve(host, port_of(parts))
    for address in found:
        if not _is_public(address) and not (parts.scheme == "http" and _is_loopback(address)):
            raise SourceRefusedError(
                f"{host} is an address inside of this network ({address}): it is refused."
            )
    if not found:
        raise SourceUnreachableError(f"{host} has no address.")
    return found


def port_of(parts: SplitResult) -> int:
    """Return the port that a URL names, or the usual one of its scheme."""
    return parts.port or (443 if parts.scheme == "https" else 80)


def resolve_host(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a host; raise SourceUnreachableError when it knows none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SourceUnreachableError(f"The name {host} is not known.") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def bucket_and_path(url: str, sources: Sources) -> tuple[str, str, str]:
    """Return scheme, bucket and path of an object that may be fetched; raise SourceRefusedError for any other."""
    parts = urlsplit(url)
    path = unquote(parts.path).lstrip("/")
    if "?" in url or "#" in url:
        raise SourceRefusedError(
            f"{url} holds a ? or #. If the name of the object does, write %3F for ? and %23 for #; else leave it out."
        )
    if not parts.netloc or not path or any(name in ("", ".", "..") for name in path.split("/")):
        raise SourceRefusedError(
            f"{url} names no object; it should read like {parts.scheme}://bucket/folder/video.mp4."
        )
    for allowed in sources.buckets:
        scheme, _, rest = allowed.partition("://")
        bucket, _, prefix = rest.partition("/")
        folder = prefix.rstrip("/") + "/" if prefix else ""
        if (scheme, bucket) == (parts.scheme, parts.netloc) and path.startswith(folder):
            return parts.scheme, bucket, path
    raise SourceRefusedError(
        f"Videos may not be fetched from {parts.scheme}://{parts.netloc}. Allowed are: "
        f"{', '.join(sources.buckets) or 'none'}."
    )


def _matches(host: str, port: int, allowed: str) -> bool:
    name, _, number = allowed.lower().removeprefix("https://").partition(":")
    if str(port) != (number or "443"):
        return False
    if name.startswith("*."):
        return host.lower().endswith(name[1:])
    return host.lower() == name


_WORLDWIDE = ipaddress.ip_network("2000::/3")
_DOCUMENTATION = ipaddress.ip_network("3fff::/20")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _is_public(address: str) -> bool:
    ip = _plain(address)
    if isinstance(ip, ipaddress.IPv6Address) and (ip not in _WORLDWIDE or ip in _DOCUMENTATION):
        return False  # no address of the internet, whatever IPv4 address is written into it
    return ip.is_global and not ip.is_multicast


def _is_loopback(host: str) -> bool:
    try:
        return _plain(host).is_loopback
    except ValueError:
        return False


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an address; one that leads to an IPv4 address (mapped, 6to4, Teredo, NAT64) is judged by that."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or _nat64(ip) or ip
    return ip


def _nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in _NAT64 else None
