"""Find planted secrets, in the forms that they take on their way, wherever they could end up."""

from __future__ import annotations

import base64
import html
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

NOT_ENCRYPTED = {("connection", "login")}
"""Airflow itself keeps the login in plain text, shows it in its form, and notes in its audit log who stored which."""
AUDIT = ("log", "extra")


def forms(secret: str) -> set[bytes]:
    """Return what a secret looks like raw, quoted for URLs, JSON or HTML, and in base64 at any position."""
    raw = {secret, *(quote(secret, safe=safe) for safe in ("", "/"))}
    raw |= {quote(text, safe="") for text in raw}
    raw |= {json.dumps(secret)[1:-1], html.escape(secret), secret.encode().hex()}
    found = {text.encode() for text in raw}
    for text in raw:
        for shift in range(3):
            # Whole groups of three bytes only: what stands before and behind changes the letters at the ends.
            inner = text.encode()[-shift % 3 :]
            inner = inner[: len(inner) // 3 * 3]
            found |= {base64.b64encode(inner), base64.urlsafe_b64encode(inner)}
    return {form for form in found if len(form) >= 16}


class Leaks:
    """Look for secrets by name; `seen` are the places that were looked at."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._forms = {name: forms(secret) for name, secret in secrets.items()}
        self.seen: list[str] = []

    def look(self, places: Iterable[tuple[str, bytes]]) -> list[str]:
        """Return a line for each secret and place where it stands."""
        found = []
        for place, content in places:
            self.seen.append(place)
            for name, looks in self._forms.items():
                found += [f"{name} in {place}: {form!r}" for form in looks if form in content][:1]
        return found


def files(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each file, the database's own left out: it is read table by table."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            yield f"the name {path}", str(path).encode()
            if path.is_file() and not path.is_symlink() and not path.name.startswith("airflow.db"):
                yield str(path), path.read_bytes()


def tables(database: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every column of every table of an SQLite database, but for the one that Airflow does not encrypt."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in names:
            rows = connection.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in rows.description]
            values: dict[str, list[bytes]] = {column: [] for column in columns}
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    text = without_login(str(value)) if (table, column) == AUDIT else str(value)
                    values[column].append(value if isinstance(value, bytes) else text.encode())
            for column, texts in values.items():
                if (table, column) not in NOT_ENCRYPTED:
                    yield f"{table}.{column}", b"\n".join(texts)


def without_login(note: str) -> str:
    """Return a note of the audit log less the login of a connection that somebody stored."""
    try:
        content = json.loads(note)
    except ValueError:
        return note
    return json.dumps({**content, "login": ""}) if isinstance(content, dict) and "login" in content else note


class Arguments:
    """Gather the arguments of every process of the machine, as long as the context lasts."""

    def __init__(self) -> None:
        self._found: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Arguments:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def found(self) -> Iterator[tuple[str, bytes]]:
        """Yield what was seen."""
        yield "the arguments of processes", b"\n".join(sorted(self._found))

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            for name in os.listdir("/proc"):
                if name.isdigit():
                    try:
                        self._found.add(Path("/proc", name, "cmdline").read_bytes())
                    except OSError:
                        continue  # it has ended
