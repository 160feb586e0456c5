"""Reads that several callers of contacts share: by token, by words, as a lazy batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select, true

from retinue.contacts.models import Contact, ContactLookup, ContactTag, Tag
from retinue.contacts.values import TAIL_DIGITS, email_tokens, phone_tokens
from retinue.storage import among, fold

if TYPE_CHECKING:
    from retinue.storage import Store

MIN_DIGITS = TAIL_DIGITS


class ContactBatch(Sequence[Contact]):
    """Contacts by id, loaded only if somebody looks: a hook with no answer costs nothing."""

    def __init__(self, store: Store, ids: Sequence[UUID]) -> None:
        self.ids = list(ids)
        self._store = store
        self._loaded: list[Contact] | None = None

    def _load(self) -> list[Contact]:
        if self._loaded is None:
            chosen = select(Contact).where(among(Contact.id, self.ids))
            found = {contact.id: contact for contact in self._store.scalars(chosen)}
            self._loaded = [found[i] for i in self.ids if i in found]
        return self._loaded

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Contact]:
        return iter(self._load())

    @overload
    def __getitem__(self, index: int) -> Contact: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Contact]: ...
    def __getitem__(self, index: int | slice) -> Contact | Sequence[Contact]:
        return self._load()[index]


@dataclass(frozen=True, slots=True)
class Tokens:
    """A contact's blind-index tokens: all of them, and those that mark a duplicate with their value's pointer."""

    all: tuple[tuple[str, bytes], ...]
    exact: dict[bytes, str]


def tokens_of(store: Store, values: Mapping[str, Any], domains: dict[str, bytes] | None = None) -> Tokens:
    """Return the tokens of a contact's e-mails and phones; `domains` remembers those of mail domains for many."""
    exact: dict[bytes, str] = {}
    found: dict[tuple[str, bytes], None] = {}
    domains = {} if domains is None else domains
    for place, entry in enumerate(values.get("emails") or ()):
        (kind, address), (domain_kind, domain) = email_tokens(entry["value"])
        token = store.blind_token(kind, address)
        if domain not in domains:
            domains[domain] = store.blind_token(domain_kind, domain)
        exact[token] = f"/emails/{place}/value"
        found[kind, token] = found[domain_kind, domains[domain]] = None
    for place, entry in enumerate(values.get("phones") or ()):
        (kind, digits), (tail_kind, tail) = phone_tokens(entry["e164"])
        token = store.blind_token(kind, digits)
        exact[token] = f"/phones/{place}/value"
        found[kind, token] = found[tail_kind, store.blind_token(tail_kind, tail)] = None
    return Tokens(tuple(found), exact)


def exact_tokens(store: Store, values: Mapping[str, Any]) -> dict[bytes, str]:
    """Return the tokens that mark a duplicate, each with the pointer of the value it came from."""
    return tokens_of(store, values).exact


def held_tokens(store: Store, contact_id: UUID) -> list[bytes]:
    """Return the exact tokens kept for a contact: also of one whose addresses nobody can open any more."""
    lookup = ContactLookup
    chosen = select(lookup.token).where(lookup.contact_id == contact_id, lookup.kind.in_(("email", "phone")))
    return list(store.raw("hash addresses").scalars(chosen))


def holders_of(store: Store, tokens: Iterable[bytes]) -> dict[bytes, list[UUID]]:
    """Return the visible contacts that hold each of `tokens`, exact e-mails and phones only.

    To an actor who may not see e-mails or phones none: a duplicate would tell whose they are. Two questions: who
    holds them at all, then which of those are visible. As one, a planner whose statistics lag
    behind an import walks all visible contacts instead of the tokens.
    """
    lookup = ContactLookup
    if "token" in store.scope.variant.hidden_columns(lookup.__tablename__):
        return {}
    chosen = select(lookup.token, lookup.contact_id).where(among(lookup.token, tokens))
    found = store.raw("look for duplicates").rows(chosen.where(lookup.kind.in_(("email", "phone"))))
    ids = {contact_id for _, contact_id in found}
    visible = set(store.scalars(select(Contact.id).where(among(Contact.id, ids)))) if ids else ids
    holders: dict[bytes, list[UUID]] = {}
    for token, contact_id in found:
        if contact_id in visible:
            holders.setdefault(token, []).append(contact_id)
    return holders


def match_clause(text: str, token: Callable[[str, str], bytes]) -> ColumnElement[bool]:
    """Return the condition of the contacts that `text` finds: an address, a domain, a number, or parts of names.

    `token` makes blind-index tokens: a Store's `blind_token`.
    """
    folded = fold(text)
    digits = "".join(c for c in text if c.isdigit())
    if "@" in folded:
        local, _, domain = text.strip().casefold().rpartition("@")
        kind, plain = ("email", f"{local}@{domain}") if local else ("email_domain", domain)
        return _holds(kind, token(kind, plain))
    if len(digits) >= MIN_DIGITS and not any(c.isalpha() for c in folded):
        return _holds("phone_tail", token("phone_tail", digits[-TAIL_DIGITS:]))
    words = folded.split()[:8]
    escaped = [w.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for w in words]
    return and_(true(), *(Contact.search_text.like(f"%{w}%", escape="\\") for w in escaped))


def _holds(kind: str, token: bytes) -> ColumnElement[bool]:
    held = select(ContactLookup.contact_id).where(ContactLookup.token == token, ContactLookup.kind == kind)
    return Contact.id.in_(held)


def tags_of(store: Store, ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return the tag names of each contact, in alphabetical order, with one statement for all."""
    found: dict[UUID, list[str]] = {contact_id: [] for contact_id in ids}
    chosen = (
        select(ContactTag.contact_id, Tag.name).join(Tag, Tag.id == ContactTag.tag_id).order_by(Tag.folded)
    )
    for contact_id, name in store.rows(chosen.where(among(ContactTag.contact_id, ids))):
        found[contact_id].append(name)
    return found
