"""Videos come from where it is allowed, whole, and from nowhere else."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from web import Answer, Web, body, certificate, redirect, status

from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.errors import SourceRefusedError, SourceUnreachableError
from airflow_twitter.publishing.fetch import MAX_REDIRECTS, fetch
from airflow_twitter.publishing.media import media_file
from airflow_twitter.publishing.sources import Sources, addresses, bucket_and_path, check_url

VIDEO = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(VIDEO).hexdigest()
HOST = "videos.example.com"
PUBLIC = "93.184.215.14"

Serve = Callable[..., Web]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that starts a web server."""
    running: list[Web] = []

    def start(answers: dict[str, Answer], *, tls: bool = False) -> Web:
        running.append(Web(answers, certificate(tmp_path, HOST) if tls else None))
        return running[-1]

    yield start
    for web in running:
        web.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a video, beside one that nobody may read from."""
    inside = tmp_path / "videos"
    (inside / "sub").mkdir(parents=True)
    (inside / "a video.mp4").write_bytes(VIDEO)
    (inside / "sub" / "b.mp4").write_bytes(VIDEO[:100])
    (tmp_path / "secret.txt").write_text("a secret")
    (tmp_path / "videos-of-others").mkdir()
    (tmp_path / "videos-of-others" / "c.mp4").write_bytes(VIDEO)
    return inside


def left_over(store: Store) -> list[str]:
    """Return what lies in the store, hidden files as well."""
    return sorted(str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file())


def loopback(web: Web, **settings: int) -> Sources:
    """Return sources that allow a server on loopback."""
    return Sources(hosts=(f"http://127.0.0.1:{web.port}",), loopback=True, **settings)


def test_local_file(store: Store, folder: Path) -> None:
    """A file of an allowed folder is kept under its hash, by its whole path, a relative one or a URL."""
    sources = Sources(folders=("/nowhere", str(folder)))
    told: list[tuple[int, int | None]] = []
    stored = fetch("a video.mp4", sources, store, on_progress=lambda *it: told.append(it))
    assert (stored.key, stored.sha256, stored.size) == (media_file(SHA256), SHA256, len(VIDEO))
    assert store.read(stored.key) == VIDEO
    assert told[-1] == (len(VIDEO), len(VIDEO))
    assert fetch(str(folder / "a video.mp4"), sources, store) == stored
    assert fetch(f"file://{folder}/a video.mp4", sources, store) == stored
    assert fetch("sub/../sub/b.mp4", sources, store).size == 100
    assert left_over(store) == sorted([stored.key, media_file(hashlib.sha256(VIDEO[:100]).hexdigest())])


@pytest.mark.parametrize(
    "source",
    [
        "../secret.txt",
        "sub/../../secret.txt",
        "{top}/secret.txt",
        "file://{top}/secret.txt",
        "{top}/videos-of-others/c.mp4",
        "{top}/videos/../secret.txt",
        "/etc/passwd",
        "/dev/zero",
        "nothing.mp4",
        "sub",
        "",
        "a\0b",
        "link-to-secret.mp4",
        "link-to-folder/secret.txt",
        "link-to-nothing.mp4",
        "pipe",
    ],
)
def test_local_refusals(store: Store, folder: Path, source: str) -> None:
    """Nothing outside of the allowed folders is read, by no path and no link; nor what is no file."""
    top = folder.parent
    (folder / "link-to-secret.mp4").symlink_to(top / "secret.txt")
    (folder / "link-to-folder").symlink_to(top)
    (folder / "link-to-nothing.mp4").symlink_to(folder / "gone")
    os.mkfifo(folder / "pipe")
    with pytest.raises(SourceRefusedError) as caught:
        fetch(source.replace("{top}", str(top)), Sources(folders=(str(folder),)), store)
    assert "a secret" not in str(caught.value)
    assert left_over(store) == []


def test_link_within_the_folder_is_followed(store: Store, folder: Path) -> None:
    """A link that stays inside, and an allowed folder that is itself a link, are no way out."""
    (folder / "latest.mp4").symlink_to(folder / "a video.mp4")
    (folder.parent / "by-link").symlink_to(folder)
    assert fetch("latest.mp4", Sources(folders=(str(folder.parent / "by-link"),)), store).sha256 == SHA256


def test_nothing_is_allowed_by_default(store: Store, folder: Path) -> None:
    """Without a configuration every source is refused."""
    for source in (
        str(folder / "a video.mp4"),
        f"https://{HOST}/v",
        "s3://bucket/v.mp4",
        "gs://bucket/v.mp4",
    ):
        with pytest.raises(SourceRefusedError, match=r"allowed|Allowed"):
            fetch(source, Sources(), store)
    for source in ("ftp://a.example/v", "data://x", "http://example.com/v"):
        with pytest.raises(SourceRefusedError, match="by"):
            fetch(source, Sources(), store)


def test_size_is_bounded(store: Store, folder: Path, serve: Serve) -> None:
    """A file that is too large is not begun; one that does not say its size is stopped."""
    with pytest.raises(SourceRefusedError, match="512000 bytes; at most 1000"):
        fetch("a video.mp4", Sources(folders=(str(folder),), max_bytes=1000), store)
    web = serve({"/known": body(VIDEO), "/unknown": body(VIDEO, chunked=True)})
    with pytest.raises(SourceRefusedError, match="512000 bytes; at most 1000"):
        fetch(f"http://127.0.0.1:{web.port}/known", loopback(web, max_bytes=1000), store)
    with pytest.raises(SourceRefusedError, match="over 1000 bytes"):
        fetch(f"http://127.0.0.1:{web.port}/unknown", loopback(web, max_bytes=1000), store)
    (folder / "empty.mp4").touch()
    with pytest.raises(SourceRefusedError, match="empty"):
        fetch("empty.mp4", Sources(folders=(str(folder),)), store)
    assert left_over(store) == []


def test_web(store: Store, serve: Serve) -> None:
    """A video comes whole from a host, with or without its length told, and after redirects."""
    web = serve({"/v?x=1": body(VIDEO), "/chunked": body(VIDEO, chunked=True), "/moved": redirect("/v?x=1")})
    for path in ("/v?x=1", "/chunked", "/moved"):
        assert fetch(f"http://127.0.0.1:{web.port}{path}", loopback(web), store).sha256 == SHA256
    assert web.asked[-1] == (f"127.0.0.1:{web.port}", "/v?x=1")


@pytest.mark.parametrize("path", ["/short", "/torn", "/busy", "/limited"])
def test_trouble_on_the_way_leaves_nothing(store: Store, serve: Serve, path: str) -> None:
    """Half a file is no file: it is told as worth another try."""
    web = serve(
        {
            "/short": body(VIDEO, length=len(VIDEO) + 1),
            "/torn": body(VIDEO, length=0, chunked=True),
            "/busy": status(503),
            "/limited": status(429),
        }
    )
    with pytest.raises(SourceUnreachableError):
        fetch(f"http://127.0.0.1:{web.port}{path}", loopback(web), store)
    assert left_over(store) == []


def test_answer_that_drips_is_left(store: Store, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that sends byte after byte, each in time, does not hold a worker for ever."""
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not over.wait(0.02):
            handler.wfile.write(b"x")

    web = serve({"/v": drip})
    monkeypatch.setattr("airflow_twitter.publishing.fetch._WHOLE_S", 0.2)
    with pytest.raises(SourceUnreachableError, match="within"):
        fetch(f"http://127.0.0.1:{web.port}/v", loopback(web), store)
    over.set()
    assert left_over(store) == []


def test_nobody_there(store: Store, serve: Serve) -> None:
    """A host that does not answer, or that nobody knows, may be there later; a 404 will not."""
    web = serve({})
    with pytest.raises(SourceRefusedError, match="404"):
        fetch(f"http://127.0.0.1:{web.port}/v", loopback(web), store)
    sources = loopback(web)
    web.close()
    with pytest.raises(SourceUnreachableError, match="ConnectionRefusedError"):
        fetch(f"http://127.0.0.1:{web.port}/v", sources, store)
    with pytest.raises(SourceUnreachableError, match="no address"):
        fetch(f"https://{HOST}/v", Sources(hosts=(HOST,)), store, resolve=lambda host, port: [])


def test_tls_is_for_the_name_and_the_connection_for_the_checked_address(
    store: Store, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is looked up once; what is connected to is what was checked, and TLS still proves the name."""
    web = serve({"/v": body(VIDEO)}, tls=True)
    looked_up: list[str] = []
    connected: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return [PUBLIC]

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address)
        return create_connection(("127.0.0.1", web.port), timeout)

    create_connection = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", connect)
    sources = Sources(hosts=(f"*.example.com:{web.port}",))
    trusting = ssl.create_default_context(cafile=str(tmp_path / f"{HOST}.pem"))
    url = f"https://{HOST}:{web.port}/v"
    assert fetch(url, sources, store, resolve=resolve, tls=trusting).sha256 == SHA256
    assert (looked_up, connected) == ([HOST], [(PUBLIC, web.port)])
    assert web.asked == [(f"{HOST}:{web.port}", "/v")]
    with pytest.raises(SourceUnreachableError, match="SSLCertVerificationError"):
        fetch(url, sources, store, resolve=resolve)
    with pytest.raises(SourceUnreachableError, match="SSLCertVerificationError"):
        fetch(url.replace("videos", "other"), sources, store, resolve=resolve, tls=trusting)


PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:db8::1",
    "2001:0:7f00:1::80ff:fffe",
    "fec0::1",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1::0808:0808",
    "::ffff:0:127.0.0.1",
    "::127.0.0.1",
    "::8.8.8.8",
    "5f00::1",
    "3fff::1",
    "4000::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused(store: Store, address: str) -> None:
    """No name leads inside: neither where all its addresses are private, nor where one of them is."""
    sources = Sources(hosts=(HOST, "http://127.0.0.1:80"), loopback=True)
    for found in ([address], [PUBLIC, address], [address, PUBLIC]):
        with pytest.raises(SourceRefusedError, match="inside of this network"):
            fetch(f"https://{HOST}/v", sources, store, resolve=lambda host, port: found)  # noqa: B023


@pytest.mark.parametrize(
    "address", [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_public_addresses_pass(address: str) -> None:
    """An address of the internet is connected to."""
    assert addresses(urlsplit(f"https://{HOST}/v"), lambda host, port: [address]) == [address]


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:{other}/v",
        "https://127.0.0.1:{port}/v",
        "http://localhost:{port}/v",
        "http://169.254.169.254/latest/meta-data/",
        "https://other.example.org/v",
        "file:///etc/passwd",
        "//127.0.0.1:{other}/v",
        "gopher://127.0.0.1/",
        "http://user:word@127.0.0.1:{port}/v",
        "",
    ],
)
def test_redirects_are_checked_like_the_first_address(store: Store, serve: Serve, to: str) -> None:
    """A host that is allowed cannot send us where we may not go."""
    other = serve({"/v": body(VIDEO)})
    web = serve({"/v": body(VIDEO)})
    web.answers["/moved"] = redirect(to.replace("{port}", str(web.port)).replace("{other}", str(other.port)))
    with pytest.raises(SourceRefusedError):
        fetch(f"http://127.0.0.1:{web.port}/moved", loopback(web), store)
    assert other.asked == []
    assert left_over(store) == []


@pytest.mark.parametrize("second", ["10.0.0.7", "127.0.0.1", "169.254.169.254", "::ffff:192.168.0.1"])
@pytest.mark.parametrize("to", [f"https://{HOST}:{{port}}/v", "https://inside.example.com:{port}/v", "/v"])
def test_names_that_come_to_lead_inside_are_refused(
    store: Store, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: str, to: str
) -> None:
    """A name is looked up anew after a redirect: one that has changed sides, or another that lies inside, is left."""
    web = serve({"/v": body(VIDEO)}, tls=True)
    web.answers["/moved"] = redirect(to.replace("{port}", str(web.port)))
    found = iter([[PUBLIC], [PUBLIC, second]])
    create_connection = socket.create_connection
    monkeypatch.setattr(
        socket,
        "create_connection",
        lambda address, timeout: create_connection(("127.0.0.1", web.port), timeout),
    )
    sources = Sources(hosts=(f"*.example.com:{web.port}",))
    trusting = ssl.create_default_context(cafile=str(tmp_path / f"{HOST}.pem"))

    with pytest.raises(SourceRefusedError, match="an address inside of this network"):
        fetch(
            f"https://{HOST}:{web.port}/moved",
            sources,
            store,
            resolve=lambda host, port: next(found),
            tls=trusting,
        )

    assert [path for _, path in web.asked] == ["/moved"]
    assert left_over(store) == []


def test_redirects_end(store: Store, serve: Serve) -> None:
    """A circle of redirects is left."""
    web = serve({})
    web.answers["/moved"] = redirect("/moved")
    with pytest.raises(SourceRefusedError, match="over 5 times"):
        fetch(f"http://127.0.0.1:{web.port}/moved", loopback(web), store)
    assert len(web.asked) == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v",
        f"https://{HOST}.evil.example/v",
        f"https://evil{HOST}/v",
        f"https://{HOST}:8443/v",
        f"https://{HOST}@evil.example/v",
        f"https://evil.example#{HOST}",
        f"https://evil.example\\@{HOST}/v",
        f"https://user@{HOST}/v",
        f"http://{HOST}/v",
        "https:///v",
        f"https://{HOST}:port/v",
        f"https://{HOST}/a b",
        f"https://{HOST}/\r\nHost: x",
        "https://example.com/v",
        "https://[::1]/v",
    ],
)
def test_hosts_are_allowed_by_their_whole_name(url: str) -> None:
    """Neither a longer name, nor another port, a user name or a trick of writing passes for an allowed host."""
    with pytest.raises(SourceRefusedError):
        check_url(url, Sources(hosts=(HOST, "*.cdn.example.com")))


@pytest.mark.parametrize(
    "url", [f"https://{HOST}/v", f"https://{HOST.upper()}:443/v", "https://a.b.cdn.example.com/v"]
)
def test_allowed_hosts_pass(url: str) -> None:
    """Case and the usual port make no difference; a star stands for any names before the rest."""
    assert check_url(url, Sources(hosts=(HOST, "*.cdn.example.com"))).scheme == "https"


@pytest.mark.parametrize(
    "url",
    [
        "s3://other/videos/v.mp4",
        "s3://bucket/private/v.mp4",
        "s3://bucket/videos/../private/v.mp4",
        "s3://bucket/videos/%2e%2e/private/v.mp4",
        "s3://bucket/videos-of-others/v.mp4",
        "s3://bucket/videos/v.mp4?versionId=1",
        "s3://bucket/videos/v.mp4#1",
        "gs://bucket/videos/v.mp4",
        "s3://bucket/",
        "s3://bucket",
    ],
)
def test_buckets_are_allowed_by_name_and_prefix(url: str) -> None:
    """Another bucket, another prefix or another cloud is refused."""
    for allowed in ("s3://bucket/videos/", "s3://bucket/videos"):
        with pytest.raises(SourceRefusedError):
            bucket_and_path(url, Sources(buckets=(allowed,)))


def test_odd_names_in_buckets() -> None:
    """A question mark in an object's name is written as in any URL; nothing is cut off in silence."""
    sources = Sources(buckets=("s3://bucket/videos",))
    assert bucket_and_path("s3://bucket/videos/a%3Fb%23.mp4", sources)[2] == "videos/a?b#.mp4"


def test_s3(store: Store, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object of an allowed bucket is fetched, by an endpoint and keys from the environment."""
    web = serve({"/bucket/videos/v.mp4": body(VIDEO), "/bucket/videos/closed.mp4": status(403)})
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{web.port}")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    sources = Sources(buckets=("s3://bucket/videos/",))
    assert fetch("s3://bucket/videos/v.mp4", sources, store).sha256 == SHA256
    with pytest.raises(SourceRefusedError, match="no object"):
        fetch("s3://bucket/videos/gone.mp4", sources, store)
    with pytest.raises(SourceRefusedError, match="keys of this machine"):
        fetch("s3://bucket/videos/closed.mp4", sources, store)
    with pytest.raises(SourceRefusedError, match="at most 10"):
        fetch("s3://bucket/videos/v.mp4", Sources(buckets=("s3://bucket",), max_bytes=10), store)


def test_gs(store: Store, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object of Google's storage is fetched in the same way."""
    web = serve({"/bucket/v%2Emp4": body(VIDEO)})
    account = tmp_path / "account.json"
    account.write_text(
        json.dumps(
            {
                "gcs_base_url": f"http://127.0.0.1:{web.port}",
                "disable_oauth": True,
                "client_email": "",
                "private_key": "",
                "private_key_id": "",
            }
        )
    )
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(account))
    monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
    assert fetch("gs://bucket/v.mp4", Sources(buckets=("gs://bucket",)), store).sha256 == SHA256


def test_what_nobody_moved_is_cleaned_away(store: Store, folder: Path) -> None:
    """What a killed download left is gone after a day, with the next download."""
    store.put("media/incoming/1000-abc", b"old")
    store.put("media/incoming/99999999999-abc", b"new")
    fetch("a video.mp4", Sources(folders=(str(folder),)), store)
    assert store.list("media/incoming") == ["media/incoming/99999999999-abc"]
