"""The folders of the package depend on each other in one direction, and docs/architecture.md names all of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import airflow_twitter

PACKAGE = Path(airflow_twitter.__file__).parent
ARCHITECTURE = (PACKAGE.parents[1] / "docs" / "architecture.md").read_text()


def folders() -> list[str]:
    """The folders in the order of the table in docs/architecture.md."""
    table = ARCHITECTURE.split("| folder | is about |")[1].split("\n\n")[0]
    return [name for row in table.splitlines() for name in re.findall(r"`(\w+)/`", row.split("|")[1:2][0])]


def imported(folder: str) -> set[str]:
    """The other folders that the modules of a folder import from."""
    found = set()
    for path in (PACKAGE / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("airflow_twitter."):
                found.add(str(node.module).split(".")[1])
    return found & {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {folder}


def test_every_folder_is_described() -> None:
    """The table lists the folders that there are."""
    assert sorted(folders()) == sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def test_imports_go_one_way() -> None:
    """A folder imports only from those below it in the table; the simulator from none, and none from it."""
    order = folders()
    assert "simulator" in order
    for number, folder in enumerate(order):
        assert imported(folder) <= set(order[number + 1 :]) - {"simulator"}, folder
