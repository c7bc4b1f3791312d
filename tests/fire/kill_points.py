"""Find every moment at which a process can die, and die at one of them.

A moment is any line of the project that is about to run, in any thread, and any call that changes something outside
the process: Python's audit events of files and sockets, and every write and send, which are also cut in their middle.
Nothing here knows what the code under test does, so that new code brings its own moments.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import itertools
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import airflow_twitter

PACKAGE = str(Path(airflow_twitter.__file__).parent) + os.sep
_EVENTS = ("os.", "shutil.", "socket.", "fcntl.", "tempfile.")
_LOOKS = ("os.listdir", "os.scandir", "os.fwalk", "os.walk")

Moment = tuple[str, bool]
"""What was about to happen, and whether it or the moment before it may have changed something outside."""


class Moments:
    """Count the moments from `watch` on; kill this process at number `die_at`, counted from 0.

    With `record` the moments are kept. With `look` the files below `folder` are looked at in each: a line after which
    they are not the same has changed something by a way that nobody knows here.
    """

    def __init__(
        self, folder: Path, *, die_at: int | None = None, record: bool = False, look: bool = False
    ) -> None:
        self.recorded: list[Moment] | None = [] if record else None
        self._folder = str(folder)
        self._look = look
        self._die_at = die_at
        self._numbers = itertools.count()
        self._seen: Any = None
        self._lock = threading.Lock()
        self._inside = threading.local()
        self._watching = False

    def watch(self) -> None:
        """Begin to count, in this thread and those that it starts; there is no way back."""
        self._seen = _look(self._folder) if self._look else None
        self._watching = True
        _replace_writers(self)
        sys.addaudithook(self._audit)
        threading.settrace(self._trace)
        sys.settrace(self._trace)

    def end(self) -> None:
        """Count one moment more, the last; then stop."""
        self.pass_by("end", effect=True)
        self._watching = False
        sys.settrace(None)

    def pass_by(self, what: str, *, effect: bool) -> None:
        """Count a moment."""
        if not self._watching or getattr(self._inside, "busy", False):
            return
        self._inside.busy = True
        try:
            if next(self._numbers) == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.recorded is not None:
                with self._lock:
                    now = _look(self._folder) if self._look else None
                    self.recorded.append((what, effect or now != self._seen))
                    self._seen = now
        finally:
            self._inside.busy = False

    def is_ours(self, path: Any) -> bool:
        """Tell whether a path lies in the folder."""
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self._folder)

    def _trace(self, frame: Any, event: str, argument: Any) -> Callable[..., Any] | None:
        if event == "line":
            code = frame.f_code
            self.pass_by(f"{code.co_filename[len(PACKAGE) :]}:{frame.f_lineno}", effect=False)
        elif event == "call" and not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        return self._trace

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watching:
            return
        changes = event.startswith(_EVENTS) and event not in _LOOKS
        if event == "open" and self.is_ours(arguments[0]):
            changes = bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if changes:
            self.pass_by(event, effect=True)


def _look(folder: str) -> list[tuple[str, int, int, int]]:
    """Return what there is to see of a folder: names, and size, time and number of each file."""
    found = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:  # other threads are at work
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found += [(entry.path, 0, 0, 0), *_look(entry.path)]
                continue
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                found.append((entry.path, status.st_size, status.st_mtime_ns, status.st_ino))
    return sorted(found)


def _replace_writers(moments: Moments) -> None:
    """Let every file in the folder that is opened for writing, and every socket, pass through `moments`."""
    plain_open, plain_write, plain_send = io.open, os.write, socket.socket.sendall
    plain_read = socket.SocketIO.readinto

    class Raw(io.FileIO):
        def write(self, data: Any) -> int:
            return cut("write", super().write, memoryview(data).cast("B"))

    def cut(what: str, write: Callable[[Any], Any], data: Any) -> Any:
        """Die before the call, or in its middle, or let it pass."""
        moments.pass_by(what, effect=True)
        if len(data) < 2:
            return write(data)
        half = len(data) // 2
        before = write(data[:half])
        moments.pass_by(f"{what}, half of it done", effect=True)
        after = write(data[half:])
        return None if before is None else before + after

    def open_(file: Any, mode: str = "r", buffering: int = -1, *arguments: Any, **options: Any) -> Any:
        if not moments.is_ours(file) or not set(mode) & set("wxa+"):
            return plain_open(file, mode, buffering, *arguments, **options)
        raw = Raw(file, mode.replace("b", "").replace("t", ""))
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, *arguments, **options)

    def write_(descriptor: int, data: Any) -> int:
        return int(cut("os.write", lambda part: plain_write(descriptor, part), data))

    def sendall(self: socket.socket, data: Any, *flags: int) -> None:
        cut("send", lambda part: plain_send(self, part, *flags), memoryview(data).cast("B"))

    def readinto(self: socket.SocketIO, buffer: Any) -> Any:
        moments.pass_by("receive", effect=True)
        return plain_read(self, buffer)

    io.open = builtins.open = open_  # type: ignore[assignment]
    os.write = write_
    socket.socket.sendall = sendall  # type: ignore[method-assign,assignment]
    socket.SocketIO.readinto = readinto  # type: ignore[method-assign]
