"""Folders and files that survive a power cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_twitter.posts.disk import begin_to_sync, make_folder, sync_folder


def test_folders_are_made_once_with_those_above(tmp_path: Path) -> None:
    """A folder may be there already, and a file in its way is an error."""
    make_folder(tmp_path / "a" / "b" / "c")
    make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file")


def test_missing_folder_cannot_be_synced(tmp_path: Path) -> None:
    """A folder that is gone is told, not passed over."""
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "missing")


def test_content_stays_the_same_while_it_is_written(tmp_path: Path) -> None:
    """Bytes that are on their way to the disk are read as they are."""
    with (tmp_path / "file").open("wb") as file:
        file.write(b"x" * 100_000)
        begin_to_sync(file, 0, 100_000)
        file.write(b"y")
    assert (tmp_path / "file").read_bytes() == b"x" * 100_000 + b"y"
