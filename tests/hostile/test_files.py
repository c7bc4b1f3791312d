"""Whatever became of a file of the data folder, each later step ends well or says which file and what to do."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from tests.hostile.cases import SHARE, keys, plain, run_case
from tests.hostile.conftest import Ground
from tests.hostile.mutations import MUTATIONS
from tests.hostile.steps import STEPS

ASKING = ("search_resumed", "continued", "second_run", "refetch")
"""Steps that ask X, and take five times as long as the others: a third as many of their cases are run."""


@pytest.mark.parametrize("step", STEPS)
def test_broken_file(ground: Ground, tmp_path: Path, step: str) -> None:
    """Every file that good runs left, broken in every way, leads to success, or to a sentence that names it."""
    wrong, cases = [], 0
    share = SHARE * 3 if step in ASKING and SHARE > 1 else SHARE
    for key in keys(ground.data):
        for mutation, mutate in MUTATIONS.items():
            if zlib.crc32(f"{plain(key)} {mutation} {step}".encode()) % share:
                continue
            if mutation == "folder_link" and "/" not in key:
                continue  # that the data folder itself is a link is its owner's choice
            cases += 1
            said = run_case(ground.data, tmp_path / "case", key, mutate, ground.later(step))
            if said is not None:
                wrong.append(f"{key} {mutation}: {said}")
    assert cases > 5
    assert not wrong, f"{len(wrong)} of {cases}:\n" + "\n".join(wrong)
