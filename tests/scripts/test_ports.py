"""Ports are chosen so that nobody is disturbed, or the taken one is named."""

from __future__ import annotations

import socket

import pytest

from local_airflow.ports import PortError, claim, claim_exactly


def test_two_claims_never_give_the_same_port() -> None:
    """A port that is claimed, but not bound yet, is not given to somebody else."""
    first = claim(18080)
    second = claim(18080)
    assert second.port > first.port
    first.release()
    third = claim(18080)
    assert third.port == first.port
    second.release()
    third.release()


def test_a_port_in_use_is_passed_over() -> None:
    """A port that another program listens on is not chosen."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        chosen = claim(taken)
        assert chosen.port != taken
        chosen.release()


def test_a_wanted_port_in_use_is_named() -> None:
    """Who asks for a port hears which one is taken and by which variable it is set."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(PortError, match=rf"Port {taken} \(AIRFLOW_PORT\) is taken"):
            claim_exactly(str(taken), "AIRFLOW_PORT")


@pytest.mark.parametrize("wrong", ["0", "65536", "http", "-1", "8080 "])
def test_what_is_no_port_is_refused(wrong: str) -> None:
    """A value that cannot be a port is named with its variable."""
    with pytest.raises(PortError, match="AIRFLOW_PORT="):
        claim_exactly(wrong, "AIRFLOW_PORT")
