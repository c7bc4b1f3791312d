"""One step over one broken file, and what was wrong with how it ended."""

from __future__ import annotations

import faulthandler
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from tests.hostile.mutations import make_outside, surroundings

from airflow_twitter.posts.windows import WindowError
from airflow_twitter.publishing.errors import PublishingError

CASE_S = 60
"""So long a case may take on a machine that is busy; what hangs takes for ever."""

SHARE = int(os.environ.get("HOSTILE_SHARE", "16"))
"""Of so many cases one is run; which, is always the same. HOSTILE_SHARE=1 runs all."""

ADVISING = (WindowError, PublishingError)
"""Errors of what was asked for, each of which says what to do instead."""


class Hangs(BaseException):
    """Report a step that does not end."""


@contextmanager
def ending() -> Iterator[None]:
    """Raise Hangs in what takes too long, and end the process when even that does not end it."""

    def stop(number: int, frame: Any) -> None:
        raise Hangs(f"no end after {CASE_S} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, CASE_S)
    faulthandler.dump_traceback_later(2 * CASE_S, exit=True)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def plain(name: str) -> str:
    """Return a file's name without what differs from run to run."""
    return re.sub(r"[0-9a-f]{12,}", "#", name)


def is_clear(error: Exception) -> bool:
    """Tell whether an error is the project's own and a sentence or more."""
    ours = type(error).__module__.startswith("airflow_twitter.") or isinstance(error, AirflowFailException)
    return ours and len(str(error)) > 40 and str(error).rstrip().endswith((".", ":", "!", "?", ")"))


def says_the_mend(error: BaseException | None) -> bool:
    """Tell whether an error, or one that led to it, says what to do next, in a part of its own or by its kind."""
    while error is not None:
        if getattr(error, "mend", "") or getattr(error, "advice", "") or isinstance(error, ADVISING):
            return True
        error = error.__cause__ or error.__context__
    return False


def names_it(error: Exception, key: str) -> bool:
    """Tell whether a sentence names the file, or its folder where the folder was the trouble."""
    parts = key.split("/")
    shortest = min(2, max(1, len(parts) - 1))
    names = ("/".join(parts[:length]) for length in range(shortest, len(parts) + 1))
    return any(name in str(error) for name in names)


def run_case(
    data: Path, tmp: Path, key: str, mutate: Callable[[Path, Path], None], step: Callable[[Path], None]
) -> str | None:
    """Run one step over a copy of a data folder with one broken file; return what was wrong with how it ended."""
    shutil.rmtree(tmp, ignore_errors=True)
    shutil.copytree(data, tmp / "data")
    make_outside(tmp / "outside")
    mutate(tmp / "data" / key, tmp / "outside")
    before = surroundings(tmp)
    wrong = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWITTER_DATA", str(tmp / "data"))
        try:
            with ending():
                step(tmp / "data")
        except AirflowSkipException:
            pass
        except Hangs as error:
            wrong = str(error)
        except Exception as error:
            if not is_clear(error):
                wrong = f"{type(error).__name__}: {error}"
            elif not says_the_mend(error):
                wrong = f"says no mend: {type(error).__name__}: {error}"
            elif not names_it(error, key):
                wrong = f"does not name the file: {type(error).__name__}: {error}"
    after = surroundings(tmp)
    if before != after:
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        wrong = f"{wrong or ''} changed outside the data folder: {sorted(changed)}"
    return wrong


def keys(data: Path) -> list[str]:
    """Return all files of a data folder, hidden ones too, but for locks, which hold nothing."""
    found = (path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file())
    return sorted(key for key in found if not key.startswith(".locks/"))
