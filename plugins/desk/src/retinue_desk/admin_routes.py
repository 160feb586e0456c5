"""Settings that shape the installation: roles as a matrix, fields and tags and kinds, and the audit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from litestar import Response

from retinue import Reach, Store
from retinue.access import Role, list_accounts, list_roles
from retinue.contacts import list_custom_fields, list_tags
from retinue.errors import BadRequest
from retinue.history import read_audit, report_reads
from retinue.interactions import known_kinds
from retinue_desk.base_routes import AnyRequest, Handlers, Pages
from retinue_desk.security import WORDS

FIELD_KINDS: Final = {
    "text": "Text",
    "long_text": "Long text",
    "choice": "One of several",
    "multi_choice": "Several of several",
    "integer": "Whole number",
    "decimal": "Decimal number",
    "boolean": "Yes or no",
    "date": "Date",
    "datetime": "Date and time",
    "url": "Web address",
}
"""The kinds of custom fields as people read them."""
_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One permission of the matrix: the words that may be chosen, and what each role holds."""

    name: str
    label: str
    words: tuple[str, ...]
    held: tuple[str, ...]


def admin_routes(pages: Pages) -> Handlers:
    """Return the routes of roles, of fields, tags and kinds, of keys and of the audit."""

    @pages.get("/settings/roles", permission="role.read")
    def roles_page(store: Store, request: AnyRequest) -> Response[Any]:
        roles = list_roles(store)
        groups = matrix(pages.front.house.guard.permissions, roles)
        return pages.answer(store, request, "desk/roles.html", roles=roles, groups=groups, words=WORDS)

    @pages.get("/settings/fields", permission="field.create")
    def fields_page(store: Store, request: AnyRequest) -> Response[Any]:
        values = {"fields": list_custom_fields(store), "tags": list_tags(store), "field_kinds": FIELD_KINDS}
        kinds = list(known_kinds(store).values())
        return pages.answer(store, request, "desk/fields.html", kinds=kinds, **values)

    @pages.get("/settings/audit", permission="audit.read")
    def audit_page(
        store: Store, request: AnyRequest, *, action: str = "", who: str = "", after: str = ""
    ) -> Response[Any]:
        actor = _id(who) if who else None
        found = read_audit(store, action=action, actor_id=actor, after=_place(after), limit=_PAGE + 1)
        entries = found[:_PAGE]
        following = f"{entries[-1]['turn']}.{entries[-1]['id']}" if len(found) > _PAGE else ""
        accounts = list_accounts(store) if store.may("account.read") else []
        seen = report_reads(store, actor) if actor is not None and actor in {a.id for a in accounts} else None
        values = {"action": action, "who": who, "accounts": accounts, "following": following, "seen": seen}
        return pages.answer(store, request, "desk/audit.html", entries=entries, **values)

    @pages.get("/settings/keys", permission="key.rotate")
    def keys_page(store: Store, request: AnyRequest) -> Response[Any]:
        return pages.answer(store, request, "desk/keys.html")

    return [roles_page, fields_page, audit_page, keys_page]


def matrix(permissions: Iterable[Any], roles: Sequence[Role]) -> list[tuple[str, list[Line]]]:
    """Return the permissions by what they are about, each with what every role holds of it."""
    known = sorted(permissions, key=lambda p: (p.plugin or "", p.noun, p.name))
    return [
        (noun, [_line(permission, roles) for permission in group])
        for noun, group in groupby(known, key=lambda p: p.noun)
    ]


def _line(permission: Any, roles: Sequence[Role]) -> Line:
    reaches = (Reach.OWN, Reach.TEAM, Reach.ALL) if permission.scoped else (Reach.ALL,)
    held = tuple("all" if role.is_admin else role.permissions.get(permission.name, "") for role in roles)
    return Line(permission.name, permission.label, tuple(r.word for r in reaches), held)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadRequest("The person cannot be read.") from None


def _place(text: str) -> tuple[int, UUID] | None:
    turn, _, last = text.partition(".")
    try:
        return (int(turn), UUID(last)) if text else None
    except ValueError:
        raise BadRequest("The place in the list cannot be read.") from None
