"""What can be done with contacts: create, change, remove, find, share, hand over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from uuid import UUID

from sqlalchemy import delete, select

from retinue.contacts.drafts import Draft, Rules, clean_draft, display_name, search_text, sort_name
from retinue.contacts.models import Contact, ContactLookup
from retinue.contacts.queries import ContactBatch, Tokens, holders_of, match_clause, tokens_of
from retinue.contacts.tagging import replace_tags, tag_contacts
from retinue.errors import Conflict, Invalid, Problem, Stale
from retinue.plugins.answers import FieldChange
from retinue.storage import Share, collecting_later, new_ids

if TYPE_CHECKING:
    from retinue.storage import Store

OnDuplicate = Literal["refuse", "allow"]
_APART: Final = frozenset({"custom", "tags", "shares", "owner_id", "team_id"})
_PLACING: Final = frozenset({"owner_id", "team_id", "shares"})
_NAMING: Final = frozenset(
    {"name", "given_name", "family_name", "middle_name", "title_before", "title_after"}
)
NAMES: Final = _NAMING | {"city", "job_title"}


# ---- create ------------------------------------------------------------------------------------------------------
def create_contact(
    store: Store, draft: Mapping[str, Any], *, on_duplicate: OnDuplicate = "refuse"
) -> Contact:
    """Create one contact; raises Invalid naming each field, or Conflict naming the contacts it doubles."""
    ids = create_contacts(store, [draft], on_duplicate=on_duplicate, single=True)
    return store.get(Contact, ids.ids[0])


def create_contacts(
    store: Store,
    drafts: Sequence[Mapping[str, Any]],
    *,
    on_duplicate: OnDuplicate = "refuse",
    single: bool = False,
) -> ContactBatch:
    """Create many contacts in set operations, all or none.

    Pointers of problems begin with the draft's place (``/3/emails/0/value``) unless `single`. `on_duplicate`
    ``refuse`` raises Conflict for a draft whose e-mail or phone a visible contact, or an earlier draft, has.
    """
    store.require("contact.create")
    cleaned = check_drafts(store, drafts, single=single)
    with collecting_later():
        ids = _insert_checked(store, cleaned, on_duplicate)
    batch = ContactBatch(store, ids)
    store.hooks.contacts_created(store=store, contacts=batch)
    return batch


def _insert_checked(store: Store, cleaned: Sequence[Draft], on_duplicate: OnDuplicate) -> list[UUID]:
    domains: dict[str, bytes] = {}
    tokens = [tokens_of(store, draft.values, domains) for draft in cleaned]
    if on_duplicate == "refuse":
        refuse_duplicates(store, cleaned, tokens)
    rows = [
        _new_row(store, draft, row_id) for draft, row_id in zip(cleaned, new_ids(len(cleaned)), strict=True)
    ]
    lookups = [
        row for found, made in zip(tokens, rows, strict=True) for row in _lookup_rows(made["id"], found)
    ]
    store.insert_many(Contact, rows)
    store.insert_many(ContactLookup, lookups)
    tags = {row["id"]: draft.values.get("tags") or () for draft, row in zip(cleaned, rows, strict=True)}
    tag_contacts(store, {contact_id: names for contact_id, names in tags.items() if names}, new=True)
    return [row["id"] for row in rows]


def check_drafts(store: Store, drafts: Sequence[Mapping[str, Any]], *, single: bool = False) -> list[Draft]:
    """Check drafts by the installation's rules and the plugins'; raises Invalid with every complaint at once."""
    cleaned, problems = judge_drafts(store, drafts, single=single)
    if problems:
        raise Invalid(
            "the contact is not valid" if single else "some contacts are not valid", problems=problems
        )
    return cleaned


def judge_drafts(
    store: Store, drafts: Sequence[Mapping[str, Any]], *, single: bool = False
) -> tuple[list[Draft], list[Problem]]:
    """Return the checked drafts and all complaints about them, the plugins' included; raises nothing."""
    rules = Rules.load(store)
    with collecting_later():
        cleaned = [clean_draft(raw, rules, base="" if single else f"/{n}") for n, raw in enumerate(drafts)]
    problems = [p for draft in cleaned for p in draft.problems]
    asked = store.hooks.contact_errors(store=store, contacts=[draft.values for draft in cleaned])
    strip = "/0" if single else ""
    problems += [Problem(p.pointer.removeprefix(strip), p.detail, p.code) for p in asked]
    return cleaned, problems


def refuse_duplicates(store: Store, cleaned: Sequence[Draft], tokens: Sequence[Tokens]) -> None:
    """Raise Conflict with the candidates if a draft has an e-mail or phone that is known already."""
    holders = holders_of(store, {token for found in tokens for token in found.exact})
    seen: dict[bytes, int] = {}
    problems, candidates = [], []
    for place, (draft, found) in enumerate(zip(cleaned, tokens, strict=True)):
        for token, pointer in found.exact.items():
            if token in holders:
                problems.append(Problem(draft.base + pointer, "another contact has it", "duplicate"))
                candidates += [str(i) for i in holders[token]]
            elif token in seen and seen[token] != place:
                problems.append(Problem(draft.base + pointer, f"entry {seen[token]} has it too", "duplicate"))
            seen.setdefault(token, place)
    if problems:
        raise Conflict(
            "this contact seems to exist already",
            code="duplicate",
            problems=problems,
            remedy="Open the candidate, merge, or create it all the same with on_duplicate=allow.",
            extra={"candidates": list(dict.fromkeys(candidates))},
        )


def _new_row(store: Store, draft: Draft, row_id: UUID) -> dict[str, Any]:
    values = draft.values
    owner, team, access_id = _place_access(store, values)
    row = {name: value for name, value in values.items() if value is not None and name not in _APART}
    row.update(
        id=row_id, owner_id=owner, team_id=team, access_id=access_id, version=1, custom={},
        sort_name=sort_name(values), search_text=search_text(values),
        created_at=row.get("created_at", store.now), updated_at=store.now,
    )  # fmt: skip
    if given := values.get("custom"):
        _place_custom(draft.rules, given, row)
    return row


def _place_access(store: Store, values: Mapping[str, Any]) -> tuple[UUID | None, UUID | None, int]:
    """Return owner, team and access set of a new contact: the maker's own, unless the draft says otherwise."""
    actor = store.actor
    usual = values.keys().isdisjoint(_PLACING)
    if usual and (place := store.session.info.get("usual_place")):
        return cast("tuple[UUID | None, UUID | None, int]", place)
    owner = values.get("owner_id", actor.id if actor.kind in ("person", "token") else None)
    own_team = min(actor.team_ids) if len(actor.team_ids) == 1 else None
    owner, team = _as_id(owner, "owner_id"), _as_id(values.get("team_id", own_team), "team_id")
    shares = _as_shares(values.get("shares"))
    known = store.session.info.setdefault("placed", {})
    place = (owner, team, tuple(shares))
    if place not in known:
        known[place] = store.access_set(owner, team, shares)
    if usual:
        store.session.info["usual_place"] = owner, team, known[place]
    return owner, team, known[place]


def _as_id(value: Any, name: str) -> UUID | None:
    try:
        return value if value is None or isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        raise Invalid("not an id", problems=[Problem(f"/{name}", "not an id")]) from None


def _as_shares(values: Any) -> list[Share]:
    if values is None:
        return []
    return [
        v if isinstance(v, Share) else Share(v["kind"], UUID(str(v["id"])), v.get("right", "read"))
        for v in values
    ]


def _place_custom(rules: Rules, given: Mapping[str, Any], row: dict[str, Any]) -> None:
    """Put open custom values into ``custom`` and sealed ones into the blob."""
    sealed = {k: v for k, v in given.items() if v is not None and rules.custom[k].protection != "open"}
    row["custom"] = {k: v for k, v in given.items() if v is not None and k not in sealed}
    if sealed:
        row["custom_sealed"] = sealed


def _lookup_rows(contact_id: UUID, tokens: Tokens) -> list[dict[str, Any]]:
    return [{"contact_id": contact_id, "kind": kind, "token": token} for kind, token in tokens.all]


# ---- change ------------------------------------------------------------------------------------------------------
def change_contact(
    store: Store, contact_id: UUID, changes: Mapping[str, Any], *, version: int | None = None
) -> Contact:
    """Change what `changes` names, nothing else; None empties a field.

    Raises Stale with the current values if `version` is given and somebody was faster.
    """
    contact = store.get(Contact, contact_id, lock=True)
    store.require("contact.change", contact)
    refuse_stale(contact, version)
    draft = clean_draft(changes, Rules.load(store), partial=True)
    problems = [*draft.problems, *_plugin_problems(store, contact, draft)]
    if problems:
        raise Invalid("the change is not valid", problems=problems)
    apply_changes(store, contact, draft)
    return contact


def _plugin_problems(store: Store, contact: Contact, draft: Draft) -> list[Problem]:
    asked = store.hooks.contact_errors(store=store, contacts=[{**draft.values, "id": contact.id}])
    return [Problem(p.pointer.removeprefix("/0"), p.detail, p.code) for p in asked]


def refuse_stale(contact: Contact, version: int | None) -> None:
    """Raise Stale, carrying the current values, if the caller read another version of `contact`."""
    if version is not None and contact.version != version:
        raise Stale(
            "the contact was changed by someone else since you read it",
            remedy="Look at the current values and repeat your change.",
            extra={"current": contact, "current_version": contact.version},
        )


def apply_changes(store: Store, contact: Contact, draft: Draft) -> None:
    """Write a checked change to `contact`, with its look-ups, tags and access, and tell the plugins."""
    values = dict(draft.values)
    before = _snapshot(contact, values)
    if "custom" in values:
        _merge_custom(contact, draft.rules, values["custom"])
    for name, value in values.items():
        if name not in _APART and getattr(contact, name) != value:
            setattr(contact, name, value)
    _rename(store, contact, values)
    if values.keys() & {"owner_id", "team_id", "shares"}:
        _reassign(store, contact, values)
    if "tags" in values or store.session.is_modified(contact):
        contact.updated_at = store.now
    store.flush()
    if "tags" in values:
        replace_tags(store, contact.id, values["tags"] or [])
    if values.keys() & {"emails", "phones"}:
        renew_lookups(store, contact)
    changes = [
        FieldChange(contact.id, n, before[n], getattr(contact, n))
        for n in before
        if before[n] != getattr(contact, n)
    ]
    if changes or "tags" in values:
        store.hooks.contacts_changed(store=store, contacts=[contact], changes=changes)


def _snapshot(contact: Contact, values: Mapping[str, Any]) -> dict[str, Any]:
    return {n: getattr(contact, n) for n in values if n not in ("tags", "shares")}


def _rename(store: Store, contact: Contact, values: Mapping[str, Any]) -> None:
    if not values.keys() & NAMES:
        return
    names = true_names(store, contact)
    if "name" not in values and values.keys() & _NAMING:
        contact.name = names["name"] = display_name(names) or contact.name
    if not contact.name:
        raise Invalid("a contact needs a name", problems=[Problem("/name", "a name is missing", "required")])
    contact.sort_name, contact.search_text = sort_name(names), search_text(names)


def true_names(store: Store, contact: Contact) -> dict[str, Any]:
    """Return what a contact's names for sorting and search follow from, whatever of it the actor may not see."""
    hidden = sorted(NAMES & store.scope.variant.hidden_columns("contact"))
    names = {name: getattr(contact, name) for name in NAMES}
    if hidden:
        columns = [getattr(Contact, name) for name in hidden]
        row = store.raw("derive names").rows(select(*columns).where(Contact.id == contact.id))[0]
        names.update(zip(hidden, row, strict=True))
    return names


def _merge_custom(contact: Contact, rules: Rules, given: Mapping[str, Any]) -> None:
    """Change the named custom fields; the others stay, and the flush keeps those the actor cannot see."""
    opened, sealed = dict(contact.custom or {}), dict(contact.custom_sealed)
    for name, value in given.items():
        target = opened if rules.custom[name].protection == "open" else sealed
        if value is None:
            target.pop(name, None)
        else:
            target[name] = value
    if opened != contact.custom:
        contact.custom = opened
    if sealed != contact.custom_sealed:
        contact.custom_sealed = sealed


def _reassign(store: Store, contact: Contact, values: Mapping[str, Any]) -> None:
    content = store.access_content(contact.access_id)
    owner = _as_id(values.get("owner_id", contact.owner_id), "owner_id")
    team = _as_id(values.get("team_id", contact.team_id), "team_id")
    kept = [Share("account" if p[0] == "a" else "team", UUID(p[2:]), right) for p, right in content["shares"]]
    shares = _as_shares(values["shares"]) if "shares" in values else kept
    contact.owner_id, contact.team_id = owner, team
    contact.access_id = store.access_set(owner, team, shares)


def renew_lookups(store: Store, contact: Contact) -> None:
    """Make the blind index of a contact anew from its e-mails and phones."""
    # As the system: the actor may have given the contact away in the same deed.
    system = store.system("renew the blind index")
    system.change(delete(ContactLookup).where(ContactLookup.contact_id == contact.id))
    values = {"emails": contact.emails, "phones": contact.phones}
    system.insert_many(ContactLookup, _lookup_rows(contact.id, tokens_of(store, values)))


# ---- remove, find, hand over ---------------------------------------------------------------------------------------
def remove_contacts(store: Store, ids: Sequence[UUID]) -> int:
    """Put contacts in the bin: nobody sees them, and reverting the change set brings them back."""
    contacts = [store.get(Contact, contact_id) for contact_id in dict.fromkeys(ids)]
    store.require("contact.remove", *contacts)
    store.deed("contact.remove")
    store.hooks.contacts_removed(store=store, contacts=contacts)
    for contact in contacts:
        contact.removed_at = store.now
    store.flush()
    return len(contacts)


def search_contacts(store: Store, text: str, *, limit: int = 20) -> list[Contact]:
    """Return the visible contacts that `text` finds, by name: part of a name, an e-mail, a domain, a phone's digits."""
    store.require("contact.read")
    if not text.strip():
        return []
    chosen = (
        select(Contact).where(match_clause(text, store.blind_token)).order_by(Contact.sort_name, Contact.id)
    )
    found: list[Contact] = store.scalars(chosen.limit(max(1, min(limit, 200))))
    digits = "".join(c for c in text if c.isdigit())
    store.unseal(found)
    if digits and not any(c.isalpha() for c in text):
        found = [c for c in found if any(p["e164"].endswith(digits.lstrip("0")) for p in c.phones)]
    return found


def share_contact(store: Store, contact_id: UUID, shares: Sequence[Share]) -> Contact:
    """Replace the shares of a contact; the owner and whoever may assign contacts can do it."""
    contact = store.get(Contact, contact_id, lock=True)
    store.require("contact.share", contact)
    _reassign(store, contact, {"shares": list(shares)})
    contact.updated_at = store.now
    store.flush()
    return contact


def hand_over_contacts(store: Store, from_id: UUID, to_id: UUID) -> int:
    """Give all contacts of one owner to another, shares and team kept; returns how many. A second run changes none."""
    store.require("contact.assign")
    store.deed("contact.hand_over")
    done = 0
    contacts = store.scalars(select(Contact).where(Contact.owner_id == from_id).order_by(Contact.id))
    for contact in contacts:
        _reassign(store, contact, {"owner_id": to_id})
        contact.updated_at = store.now
        done += 1
    store.flush()
    return done
