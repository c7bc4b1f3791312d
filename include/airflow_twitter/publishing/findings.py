"""What a check found: which rule, the value that breaks it, and the mend."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold one broken rule. `refuses` is False for what X merely advises against.

    `rule` is the rule's name in words ("duration"), `limit` what it asks for, `value` what was found, `mend`
    what to do. `fixable` tells whether fit.fit_video mends it.
    """

    rule: str
    limit: str
    value: str
    mend: str
    refuses: bool = True
    fixable: bool = False

    def __str__(self) -> str:
        return f"{self.rule[:1].upper()}{self.rule[1:]}: {self.value}; X wants {self.limit}. {self.mend}"


def refusals(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return those that X would refuse the post for."""
    return tuple(finding for finding in findings if finding.refuses)
