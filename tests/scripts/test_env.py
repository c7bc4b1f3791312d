"""`eval "$(make -s env)"` makes a shell the project's."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from checkout import Checkout

SHOW = """
printf '%s\\n' "$AIRFLOW_HOME" "$TWITTER_DATA" "$AIRFLOW_CONN_TWITTER_DEFAULT" "${AIRFLOW__CORE__FOREIGN-unset}"
command -v airflow
"""


def _evaluate(checkout: Checkout, shell: str, then: str, **env: str) -> list[str]:
    script = f'set -e; eval "$(.venv/bin/python scripts/local.py env)"; {then}'
    done = subprocess.run(
        [shell, "-c", script],
        cwd=checkout.folder,
        env=checkout.environment(**env),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_it_evaluates(checkout: Callable[[str], Checkout], shell: str) -> None:
    """Also in a folder with a space and a quote; the shell's settings of another Airflow are gone."""
    here = checkout("it's a place")
    (here.folder / ".env").write_text("TWITTER_API_KEY=k\nTWITTER_API_SECRET='s $p'\n")
    home, data, connection, foreign, airflow = _evaluate(here, shell, SHOW, AIRFLOW__CORE__FOREIGN="1")
    assert home == str(here.folder / ".airflow")
    assert data == str(here.folder / "data")
    assert connection == '{"conn_type": "twitter", "login": "k", "password": "s $p"}'
    assert foreign == "unset"
    assert airflow == str(here.folder / ".venv" / "bin" / "airflow")


def test_no_secret_is_printed(checkout: Callable[[str], Checkout]) -> None:
    """Who looks at the output sees neither the account nor Airflow's keys."""
    here = checkout("one")
    (here.folder / ".env").write_text("TWITTER_API_KEY=k\nTWITTER_API_SECRET=topsecret\n")
    status, output = here.run("env")
    assert status == 0
    assert "export AIRFLOW_HOME=" in output
    assert "topsecret" not in output
    assert "FERNET_KEY=" not in output


def test_a_second_checkout_takes_over(checkout: Callable[[str], Checkout]) -> None:
    """Evaluated in the shell of another checkout, nothing of that one stays."""
    first, second = checkout("first"), checkout("second")
    (first.folder / ".env").write_text("TWITTER_API_KEY=k\nTWITTER_API_SECRET=s\n")
    then = f"""
cd "{second.folder}"
export PYTHONPATH="{second.folder}/include"
eval "$(.venv/bin/python scripts/local.py env)"
{SHOW}"""
    home, data, connection, _, airflow = _evaluate(first, "sh", then)
    assert home == str(second.folder / ".airflow" / "simulator")
    assert data == str(second.folder / "data" / "simulator")
    assert connection == ""
    assert airflow == str(second.folder / ".venv" / "bin" / "airflow")


def test_half_an_account_is_one_line(checkout: Callable[[str], Checkout]) -> None:
    """A key without its secret stops `make up` before anything is started."""
    here = checkout("one")
    (here.folder / ".env").write_text("TWITTER_API_KEY=k\n")
    status, output = here.run("up")
    assert status == 1
    assert (
        output == "TWITTER_API_SECRET is missing: an account needs TWITTER_API_KEY and TWITTER_API_SECRET.\n"
    )


def test_without_an_account_nothing_is_mixed_with_xs(checkout: Callable[[str], Checkout]) -> None:
    """Simulated posts and runs lie apart from those of X, also where the user says where posts go."""
    here = checkout("one")
    (here.folder / ".env").write_text("TWITTER_DATA=posts of mine\n")
    home, data, *_ = _evaluate(here, "sh", SHOW)
    assert home == str(here.folder / ".airflow" / "simulator")
    assert data == str(here.folder / "posts of mine" / "simulator")
