"""Why a window is only partial: one word for machines, one sentence for people."""

from __future__ import annotations

import msgspec

PAGE_MAX = "page_max"
DEADLINE = "deadline"
BUDGET = "budget"
DRY_RUN = "dry_run"
INTERRUPTED = "interrupted"

_AS_ASKED = (PAGE_MAX, DEADLINE, BUDGET, DRY_RUN)

_SENTENCES = {
    PAGE_MAX: "The run had as many pages as it was allowed (page_max).",
    DEADLINE: "X had no room for another request before the run's deadline.",
    BUDGET: "The next page could have broken a budget.",
    DRY_RUN: "Nothing was to be bought (dry_run).",
    INTERRUPTED: "The search ended without saying why; its log may tell.",
}


class Partial(msgspec.Struct, frozen=True):
    """Why a search ended before its window's last page.

    `reason` is page_max, deadline, budget, dry_run, interrupted, or the class of the error that stopped the search, such
    as UsageCapError; `why` says it in a sentence.
    """

    reason: str
    why: str

    @classmethod
    def of(cls, reason: str, why: str | None = None) -> Partial:
        """Return a reason with its sentence, the usual one unless `why` says more."""
        return cls(reason, why or _SENTENCES.get(reason, f"The search was stopped by {reason}."))

    @classmethod
    def of_error(cls, error: BaseException) -> Partial:
        """Return the reason that an error is, in its first line."""
        name = type(error).__name__
        return cls.of(name, next(iter(str(error).splitlines()), None))


def is_trouble(reason: str | None) -> bool:
    """Tell whether a search ended for a reason that makes its run red, and not as it was asked to end."""
    return reason is not None and reason not in _AS_ASKED
