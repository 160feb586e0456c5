"""The declared permissions: core's own and those plugins add. A role or token may name nothing else."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from retinue.actor import Reach
from retinue.errors import Invalid, Misconfigured, Problem

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


@dataclass(frozen=True, slots=True)
class Permission:
    """One deed that can be allowed: ``contact.create``.

    `scoped` says that it acts on rows which belong to somebody, so that own and team mean something; the
    others are held wholly or not at all.
    """

    name: str
    label: str
    scoped: bool = False
    plugin: str | None = None

    @property
    def noun(self) -> str:
        """Return what the permission is about: everything before the last dot."""
        return self.name.rpartition(".")[0]


def _rows(noun: str, **labels: str) -> Iterator[Permission]:
    return (Permission(f"{noun}.{verb}", label, scoped=True) for verb, label in labels.items())


def _whole(noun: str, **labels: str) -> Iterator[Permission]:
    return (Permission(f"{noun}.{verb}", label) for verb, label in labels.items())


CORE_PERMISSIONS: tuple[Permission, ...] = (
    *_rows("contact", read="See contacts", create="Create contacts", change="Change contacts"),
    *_rows("contact", remove="Remove contacts", merge="Merge contacts", share="Share contacts"),
    *_rows("contact", export="Export contacts", erase="Erase a person for good"),
    *_rows("contact", restrict="Restrict what is done with a person's data"),
    *_whole("contact", assign="Give contacts to any owner or team"),
    *_whole("contact", **{"import": "Import contacts"}),
    *_rows("interaction", read="See interactions", create="Record interactions"),
    *_rows("interaction", correct="Correct interactions", withdraw="Withdraw interactions"),
    *_whole("interaction_kind", create="Add kinds of interaction"),
    *_rows("relation", read="See relations", create="Relate contacts"),
    *_rows("relation", change="Change relations", remove="Remove relations"),
    *_whole("relation_kind", create="Add kinds of relation"),
    *_rows("view", read="See saved views", create="Save views", change="Change views", remove="Remove views"),
    *_whole("view", share="Show a saved view to everybody"),
    *_whole("tag", create="Make tags", change="Rename tags", remove="Remove tags"),
    *_whole(
        "field", create="Declare custom fields", change="Change custom fields", remove="Remove custom fields"
    ),
    *_whole("account", read="See accounts", create="Create accounts", change="Change accounts"),
    *_whole("account", deactivate="Deactivate accounts"),
    Permission("account.set_password", "Set a colleague's password"),
    *_whole("role", read="See roles", create="Create roles", change="Change roles", remove="Remove roles"),
    *_rows("team", read="See teams", change="Change teams and their members"),
    *_whole("team", create="Create teams", remove="Remove teams"),
    *_rows("token", read="See API tokens", create="Create API tokens", revoke="Revoke API tokens"),
    *_rows("session", read="See sessions", revoke="End sessions"),
    *_whole("provider", read="See sign-in providers", create="Add sign-in providers"),
    *_whole("provider", change="Change sign-in providers", remove="Remove sign-in providers"),
    *_rows("audit", read="Read the audit"),
    *_whole("audit", verify="Verify the audit"),
    *_rows("change_set", read="See change sets", revert="Undo a change set"),
    *_whole("plugin", read="See plugins", enable="Enable plugins", disable="Disable plugins"),
    *_whole("plugin", configure="Set what plugins offer", uninstall="Remove plugins with their data"),
    *_whole("plugin", approve="Agree to what a plugin newly wants to do"),
    *_whole("plugin", **{"import": "Bring back what a removed plugin had"}),
    *_whole("setting", read="See settings", change="Change settings"),
    *_whole("job", read="See jobs", retry="Retry and cancel jobs"),
    *_whole("key", rotate="Rotate the master key"),
)


class Permissions:
    """The registry of declared permissions, filled once when the house is built."""

    def __init__(self, declared: Iterable[Permission] = CORE_PERMISSIONS) -> None:
        self._known: dict[str, Permission] = {}
        self.declare(*declared)

    def declare(self, *permissions: Permission) -> None:
        """Add permissions; a malformed name, or one that somebody else declared already, stops the start."""
        for permission in permissions:
            if not _NAME.fullmatch(permission.name):
                raise Misconfigured(
                    f"{permission.name!r} is no name of a permission.",
                    remedy="Write noun.verb, like contact.create.",
                )
            other = self._known.get(permission.name)
            if other is not None and other != permission:
                raise Misconfigured(
                    f"permission {permission.name} is declared twice, by {other.plugin or 'core'} and "
                    f"{permission.plugin or 'core'}.",
                    remedy="A plugin's permission begins with the plugin's name.",
                )
            self._known[permission.name] = permission

    def __iter__(self) -> Iterator[Permission]:
        return iter(sorted(self._known.values(), key=lambda permission: permission.name))

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def everything(self) -> Mapping[str, Reach]:
        """Return every declared permission at its widest: what an administrator holds."""
        return MappingProxyType(dict.fromkeys(self._known, Reach.ALL))

    def parse(self, words: Mapping[str, str], pointer: str = "/permissions") -> dict[str, Reach]:
        """Return reaches for ``{"contact.read": "own"}``; raises Invalid naming each unknown name and its
        nearest.
        """
        problems: list[Problem] = []
        parsed: dict[str, Reach] = {}
        for name, word in words.items():
            complaint = self._complaint(name, word)
            if complaint:
                problems.append(Problem(f"{pointer}/{_escaped(name)}", complaint, "permission"))
            else:
                parsed[name] = Reach.parse(word)
        if problems:
            raise Invalid(
                "Some permissions are not valid.", problems=problems, remedy="See the list of permissions."
            )
        return {name: reach for name, reach in parsed.items() if reach is not Reach.NONE}

    def known(self, reaches: Mapping[str, str]) -> dict[str, Reach]:
        """Return the reaches of those names that are declared now: those of a switched-off plugin are
        inert.
        """
        return {name: Reach.parse(word) for name, word in reaches.items() if name in self._known}

    def _complaint(self, name: str, word: str) -> str:
        permission = self._known.get(name)
        if permission is None:
            near = difflib.get_close_matches(name, self._known, n=1, cutoff=0.4)
            return f"There is no permission {name}." + (f" Did you mean {near[0]}?" if near else "")
        if word not in {"none", "own", "team", "all"}:
            return f"{word!r} is no reach: write own, team or all."
        if not permission.scoped and word in {"own", "team"}:
            return f"{name} is held wholly or not at all: write all."
        return ""


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
