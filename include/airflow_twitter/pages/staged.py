"""What lies in the staging folders of runs, read without changing anything there."""

from __future__ import annotations

from airflow_twitter.pages.runs import RunKey
from airflow_twitter.posts.staging import WINDOW, Staging, StagingError
from airflow_twitter.posts.store import Store, StoreError
from airflow_twitter.posts.windows import Window


class Staged:
    """Read the windows and count the pages of runs, each once; what cannot be read is kept in `problems`."""

    def __init__(self, store: Store) -> None:
        self.problems: list[str] = []
        self._store = store
        self._windows: dict[RunKey, Window | None] = {}

    def window(self, key: RunKey) -> Window | None:
        """Return the window that a run decided; None before that, after a clean-up, or when it is damaged."""
        if key not in self._windows:
            self._windows[key] = self._read(key)
        return self._windows[key]

    def pages(self, key: RunKey) -> int:
        """Return how many pages a run has committed."""
        try:
            listed = self._store.list(f"{Staging(self._store, *key).folder}/pages")
        except StoreError:
            return 0
        return sum(name.endswith(".page") for name in listed)

    def _read(self, key: RunKey) -> Window | None:
        staging = Staging(self._store, *key)
        try:
            return staging.read(WINDOW, Window)
        except (OSError, StoreError, StagingError):
            self.problems.append(f"{staging.folder}/{WINDOW} cannot be read.")
            return None
