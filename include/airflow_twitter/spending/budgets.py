"""How many dollars may be spent, and the refusal to spend more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal["run", "day", "month"]


@dataclass(frozen=True, slots=True)
class Budgets:
    """Hold the dollars that a run, a UTC day and a UTC calendar month may cost; None is no bound."""

    run: float | None = None
    day: float | None = None
    month: float | None = None

    def given(self) -> list[tuple[Scope, float]]:
        """Return the budgets that there are."""
        every: tuple[tuple[Scope, float | None], ...] = (
            ("run", self.run),
            ("day", self.day),
            ("month", self.month),
        )
        return [(scope, budget) for scope, budget in every if budget is not None]


class BudgetReached(Exception):
    """Say that a request may cost more than is left; nothing was sent.

    `spent` is what was bought and reserved in the `scope`, `wanted` the most that the request may cost; all in
    dollars.
    """

    def __init__(self, conn_id: str, scope: Scope, budget: float, spent: float, wanted: float) -> None:
        self.conn_id = conn_id
        self.scope = scope
        self.budget = budget
        self.spent = spent
        self.wanted = wanted
        super().__init__(
            f"The budget of the {scope} for {conn_id} is {dollars(budget)}; {dollars(spent)} of it is spent, and the "
            f"next request may cost up to {dollars(wanted)}."
        )


def dollars(amount: float) -> str:
    """Write an amount: $12.50, or $0.005 where cents are too coarse."""
    cents = f"{amount:,.2f}"
    return f"${cents}" if float(cents.replace(",", "")) == amount else f"${amount:,.6f}".rstrip("0")
