"""Where one Airflow of this checkout keeps its things."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Place:
    """The folders of one Airflow: ``home`` is its AIRFLOW_HOME, ``data`` what it collects into."""

    home: Path
    data: Path
    root: Path = ROOT

    @property
    def database(self) -> Path:
        return self.home / "airflow.db"

    @property
    def service_logs(self) -> Path:
        return self.home / "logs" / "services"

    @property
    def keys(self) -> Path:
        """The folder of the checkout's own keys, which its Airflows share."""
        return self.root / ".airflow" / "keys"

    @property
    def passwords(self) -> Path:
        return self.keys / "passwords.json"


PROJECT = Place(home=ROOT / ".airflow", data=ROOT / "data")
SIMULATED = Place(home=ROOT / ".airflow" / "simulator", data=ROOT / "data" / "simulator")
DEMO = Place(home=ROOT / ".airflow" / "demo", data=ROOT / "data" / "demo")


def make_folders(place: Place) -> None:
    """Make the folders of a place, and once per checkout its keys and the password of the UI."""
    for folder in (place.home, place.service_logs, place.keys):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.data.mkdir(parents=True, exist_ok=True)
    _write_once(place.keys / "fernet_key", base64.urlsafe_b64encode(os.urandom(32)).decode())
    _write_once(place.keys / "jwt_secret", secrets.token_urlsafe(48))
    _write_once(place.keys / "api_secret_key", secrets.token_urlsafe(48))
    _write_once(place.passwords, json.dumps({"admin": secrets.token_urlsafe(12)}))


def password(place: Place, user: str = "admin") -> str:
    """Return the password of a user of the UI; Airflow makes those of others than ``admin`` when it starts."""
    return str(json.loads(place.passwords.read_text())[user])


def _write_once(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
