"""Airflow's configuration, by environment variables alone."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from local_airflow.account import CONNECTION, CREDENTIALS, ENV_MARKER, as_json
from local_airflow.place import Place

PORT = 8080
SIMULATOR_PORT = 8090
SIMULATOR_CREDENTIALS = ("key", "secret")
SIMULATOR_TOKENS = {
    "access_token": "8000000001-access-token",
    "access_token_secret": "access-token-secret",
}
"""Those of the account that the simulator has without being told of any: sim_publisher."""


def airflow_settings(place: Place, port: int) -> dict[str, str]:
    """Return Airflow's settings for a place whose API server listens on ``port``.

    Keys are read from their files by command, so that no environment holds them.
    """

    def key(name: str) -> str:
        return f"cat {shlex.quote(str(place.keys / name))}"

    url = f"http://127.0.0.1:{port}"
    sections: dict[str, dict[str, object]] = {
        "CORE": {
            "EXECUTOR": "LocalExecutor",
            "DAGS_FOLDER": place.root / "dags",
            "PLUGINS_FOLDER": place.root / "plugins",
            "LOAD_EXAMPLES": False,
            "PARALLELISM": 8,
            "TEST_CONNECTION": "Enabled",
            # The default asks DNS, which takes seconds on a machine without a network.
            "HOSTNAME_CALLABLE": "socket.gethostname",
            "FERNET_KEY_CMD": key("fernet_key"),
            "EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": place.passwords,
        },
        "DATABASE": {
            "SQL_ALCHEMY_CONN": f"sqlite:///{place.database}",
            "SQL_ALCHEMY_CONNECT_ARGS": "airflow_twitter.sqlite.CONNECT_ARGS",
        },
        "API": {
            "HOST": "127.0.0.1",
            "PORT": port,
            "BASE_URL": f"http://localhost:{port}",
            "SECRET_KEY_CMD": key("api_secret_key"),
        },
        "API_AUTH": {"JWT_SECRET_CMD": key("jwt_secret")},
        "LOGGING": {"BASE_LOG_FOLDER": place.home / "logs", "COLORED_CONSOLE_LOG": False},
        # The next three make tasks start sooner and end waits on time; the defaults suit large clusters.
        "SCHEDULER": {"SCHEDULER_IDLE_SLEEP_TIME": 0.1},
        # Behind the 5 seconds of the default, a busy machine makes tasks ask again, seconds later.
        "WORKERS": {"MIN_HEARTBEAT_INTERVAL": 1, "EXECUTION_API_TIMEOUT": 30},
        "DAG_PROCESSOR": {"REFRESH_INTERVAL": 10},
    }
    return {
        "AIRFLOW_HOME": str(place.home),
        **{
            f"AIRFLOW__{section}__{option}": str(value)
            for section, options in sections.items()
            for option, value in options.items()
        },
    }


def environment(place: Place, port: int) -> dict[str, str]:
    """Return what this project adds to the environment, all of it fit to be shown."""
    scripts = python(place).parent
    return {
        **airflow_settings(place, port),
        "TWITTER_DATA": str(place.data),
        "VIRTUAL_ENV": str(scripts.parent),
        "PATH": _front(str(scripts), os.environ.get("PATH", os.defpath), os.pathsep),
        # Airflow's parts speak to each other over loopback, never through a proxy.
        "NO_PROXY": _front("127.0.0.1,localhost", os.environ.get("NO_PROXY", ""), ","),
    }


def simulated(place: Place, url: str) -> dict[str, str]:
    """Return what points Airflow at the simulator at ``url``, and makes the UI say so."""
    return {
        CONNECTION: as_json(url, *SIMULATOR_CREDENTIALS, SIMULATOR_TOKENS),
        "AIRFLOW__API__INSTANCE_NAME": f"{place.root.name}: SIMULATOR, not X",
    }


def on_top_of_shell(added: Mapping[str, str]) -> dict[str, str]:
    """Return the shell's environment with ``added``, less what :func:`foreign` names."""
    return {**{name: value for name, value in os.environ.items() if name not in foreign()}, **added}


def foreign() -> set[str]:
    """Name the shell's settings of another Airflow, or of another checkout, and credentials of X.

    The credentials go into the Connection, where Airflow masks them.
    """
    single = {"AIRFLOW_HOME", "AIRFLOW_CONFIG", "TWITTER_DATA", CONNECTION, ENV_MARKER, *CREDENTIALS}
    return {name for name in os.environ if name.startswith("AIRFLOW__") or name in single}


def python(place: Place) -> Path:
    """Return the Python of the project's virtual environment."""
    return place.root / ".venv" / "bin" / "python"


def _front(first: str, rest: str, separator: str) -> str:
    if rest == first or rest.startswith(first + separator):
        return rest
    return f"{first}{separator}{rest}" if rest else first
