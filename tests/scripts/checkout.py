"""A copy of the project to try its commands on, with this interpreter's packages."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    "Makefile",
    "dags",
    "include",
    "plugins",
    "pyproject.toml",
    "requirements-dev.txt",
    "requirements.txt",
    "scripts",
)


def _heed_interrupts() -> None:
    """Let Ctrl-C work as in a terminal, also when the tests run in a shell's background, where it is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Checkout:
    """A copy of the project in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / name)
        (folder / ".venv").symlink_to(sys.prefix)

    def environment(self, **added: str) -> dict[str, str]:
        """Return a plain environment, with the copy's package before the installed one."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {**kept, "PYTHONPATH": str(self.folder / "include"), **added}

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Start a command of ``scripts/local.py``."""
        return subprocess.Popen(
            [self.folder / ".venv" / "bin" / "python", "scripts/local.py", *arguments],
            cwd=self.folder,
            env=self.environment(**env),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_heed_interrupts,
        )

    def run(self, *arguments: str, **env: str) -> tuple[int, str]:
        """Run a command of ``scripts/local.py``; return its exit status and all that it printed."""
        process = self.start(*arguments, **env)
        output, _ = process.communicate(timeout=240)
        return process.returncode, output
