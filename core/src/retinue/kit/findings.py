"""What the check of a plugin finds: a rule has a stable code and a tier, a finding has a file, a line and a remedy."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:  # a rule is asked about a project; the project reports findings
    from retinue.kit.source import Project

Tier = Literal["bronze", "silver", "gold"]
TIERS: tuple[Tier, ...] = ("bronze", "silver", "gold")


class Hit(NamedTuple):
    """One place that breaks a rule: a path as people name it, a line from 1, what is wrong, what to do."""

    path: str
    line: int
    detail: str
    remedy: str


class Finding(NamedTuple):
    """A hit with the code of its rule; sorted, findings read from the top of the first file to the end of the last."""

    path: str
    line: int
    code: str
    detail: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.code} {self.detail} {self.remedy}".rstrip()


Check: TypeAlias = "Callable[[Project], Iterator[Hit]]"


@dataclass(slots=True)
class Rule:
    """One rule. `bronze` ones keep people's data and the site safe, `silver` ones make a plugin fit for strangers,
    `gold` ones make it a model."""

    code: str
    tier: Tier
    title: str
    checks: list[Check]


RULES: dict[str, Rule] = {}
"""Every rule by its code, as the modules below `retinue.kit.rules` register them."""


def rule(code: str, tier: Tier, title: str) -> Callable[[Check], Check]:
    """Register a check under a code; several checks may share one, and then its first title stands."""

    def register(check: Check) -> Check:
        RULES.setdefault(code, Rule(code, tier, title, [])).checks.append(check)
        return check

    return register


def rules_of(codes: dict[str, str], tier: Tier, check: Callable[[str, Project], Iterator[Hit]]) -> None:
    """Register one check that finds several codes at once: `check` is asked for each by name."""
    for code, title in codes.items():
        rule(code, tier, title)(functools.partial(check, code))
