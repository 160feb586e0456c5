"""What is wrong with a plugin: one fault has a stable code, names the culprit and says what to do."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from retinue.errors import Misconfigured, Problem, RetinueError


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why a plugin is set aside.

    Codes are stable: HOOK… about hook functions, PLG… about the plugin, MIG… about its migrations.
    `trace` is the traceback of code that failed.
    """

    code: str
    plugin: str
    detail: str
    remedy: str = ""
    hook: str = ""
    trace: str = ""

    def __str__(self) -> str:
        place = f"{self.plugin}.{self.hook}" if self.hook else self.plugin
        return f"{self.code} {place}: {self.detail}" + (f" {self.remedy}" if self.remedy else "")

    def as_problem(self) -> Problem:
        """Return the fault as a complaint of an answer; the pointer is ``/plugin/hook``."""
        pointer = f"/{self.plugin}/{self.hook}" if self.hook else f"/{self.plugin}"
        return Problem(pointer, f"{self.detail} {self.remedy}".strip(), self.code)


class PluginRefused(Misconfigured):
    """A plugin cannot be enabled or loaded; `problems` carry each fault, `faults` the same with traceback."""

    code: str = "plugin-refused"
    status: ClassVar[int] = 409

    def __init__(self, plugin: str, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(
            f"plugin {plugin} cannot be enabled",
            problems=[fault.as_problem() for fault in self.faults],
            remedy="Nothing was changed; correct the plugin and enable it again.",
            extra={"codes": [fault.code for fault in self.faults]},
        )


class HookFailed(RetinueError):
    """A plugin failed in a hook whose failure aborts the deed; everything of the transaction is undone."""

    status, exit_code, code, title = 500, 70, "hook-failed", "A plugin failed"

    def __init__(self, plugin: str, hook: str, error: BaseException) -> None:
        super().__init__(
            f"plugin {plugin} failed in {hook}: {type(error).__name__}",
            remedy=f"Nothing was changed. Disable {plugin} or correct it; the log has the traceback.",
            extra={"plugin": plugin, "hook": hook},
        )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that `word` was probably meant to be, or an empty string."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)), "")


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return ``Did you mean x?`` for the nearest known word, or `otherwise`."""
    found = nearest(word, known)
    return f"Did you mean {found}?" if found else otherwise


def trace_of(error: BaseException) -> str:
    """Return the traceback of `error` as text, without the host's own frames on top."""
    return "".join(traceback.format_exception(error))
