"""Consent forms: drafted, checked by the profile of law, published, closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Problem, Store
from retinue.errors import Conflict, Invalid, NotFound
from retinue_gdpr.models import CONSENT, Form, Purpose
from retinue_gdpr.profiles import profile_of
from retinue_gdpr.purposes import current_wording, refuse_stale

_CHANGEABLE: Final = ("title", "language", "purposes", "source", "confirm")


def list_forms(store: Store) -> list[Form]:
    """Return the forms by key."""
    store.require("consent_form.read")
    return store.scalars(select(Form).order_by(Form.key))


def create_form(store: Store, values: Mapping[str, Any]) -> Form:
    """Draft a form; raises Conflict for a key that is taken, Invalid for a purpose that needs no consent."""
    store.require("consent_form.change")
    if store.first(select(Form.id).where(Form.key == values["key"])):
        raise Conflict(f"there is a form {values['key']} already", code="form-exists")
    _check(store, values)
    given = {name: values[name] for name in _CHANGEABLE if values.get(name) is not None}
    form = Form(key=values["key"], created_at=store.now, **{"purposes": [], **given})
    store.add(form)
    store.flush()
    return form


def change_form(store: Store, form_id: UUID, values: Mapping[str, Any], version: int | None = None) -> Form:
    """Change a draft; one that is published is closed first."""
    store.require("consent_form.change")
    form = store.get(Form, form_id, lock=True)
    refuse_stale(form, version)
    if form.published_at is not None:
        raise Conflict("close the form before you change it", code="form-published")
    _check(store, values)
    for name in _CHANGEABLE:
        if name in values:
            setattr(form, name, values[name])
    form.version += 1
    store.flush()
    return form


def _check(store: Store, values: Mapping[str, Any]) -> None:
    known = {p.key: p for p in store.scalars(select(Purpose).where(Purpose.retired_at.is_(None)))}
    problems = []
    for place, key in enumerate(values.get("purposes") or ()):
        if key not in known:
            problems.append(Problem(f"/purposes/{place}", "no such purpose"))
        elif known[key].basis != CONSENT:
            problems.append(
                Problem(f"/purposes/{place}", f"rests on {known[key].basis}: it is not asked for")
            )
    if problems:
        raise Invalid("the form is not valid", problems=problems)


def questions_of(store: Store, form: Form) -> list[dict[str, Any]]:
    """Return each purpose a form asks for, with the text that is shown."""
    known = {p.key: p for p in store.scalars(select(Purpose).where(Purpose.key.in_(form.purposes)))}
    return [
        {"purpose": known[key], "wording": current_wording(store, "consent", known[key].id, form.language)}
        for key in form.purposes
        if key in known
    ]


def publish_form(store: Store, form_id: UUID, version: int | None = None) -> Form:
    """Publish a form. Under a profile whose law wants each consent in a document of its own, every purpose needs its text.

    Raises Invalid naming each purpose without one in the form's language, or two with the same text.
    """
    store.require("consent_form.publish")
    form = store.get(Form, form_id, lock=True)
    refuse_stale(form, version)
    profile, problems, seen = profile_of(store), [], set()
    for place, question in enumerate(questions_of(store, form)):
        wording = question["wording"]
        if not profile.needs_own_text:
            continue
        if wording is None:
            word = f"{profile.law} wants a consent text of its own for {question['purpose'].key} in {form.language}"
            problems.append(Problem(f"/purposes/{place}", word, "text-missing"))
        elif wording.digest in seen:
            problems.append(
                Problem(f"/purposes/{place}", "two purposes must not share one text", "text-shared")
            )
        seen.add(wording.digest if wording else None)
    if problems:
        raise Invalid("the form cannot be published", problems=problems)
    form.published_at, form.version = store.now, form.version + 1
    store.flush()
    return form


def close_form(store: Store, form_id: UUID, version: int | None = None) -> Form:
    """Close a form: its links answer that it is closed, what was said stays."""
    store.require("consent_form.publish")
    form = store.get(Form, form_id, lock=True)
    refuse_stale(form, version)
    form.published_at, form.version = None, form.version + 1
    store.flush()
    return form


def published_form(store: Store, key: str) -> Form:
    """Return a published form by its key; raises NotFound."""
    form: Form | None = store.first(select(Form).where(Form.key == key, Form.published_at.is_not(None)))
    if form is None:
        raise NotFound(f"There is no published form {key}.")
    return form
