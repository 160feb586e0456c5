"""Templates: what can be sent, in as many languages as there are texts; each text checked when it is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import mjml
from sqlalchemy import select

from retinue import Problem, Store, new_id
from retinue.contacts import Contact
from retinue.errors import Conflict, Invalid, NotFound, Stale
from retinue.lists import list_merge_fields
from retinue_email import merging
from retinue_email.mime import CONTROL
from retinue_email.models import LetterText, Template
from retinue_email.plaintext import plain_text

SERVICE: Final = "service"
"""The purpose of letters that are part of what was bought: nobody is asked, and nobody can unsubscribe from them."""
OWN_WORDS: Final = ("unsubscribe_url", "company", "today")
_CHANGING: Final = ("name", "kind", "purpose", "language", "words")


def list_templates(store: Store, *, put_away: bool = False) -> list[dict[str, Any]]:
    """Return the templates by name with the languages each speaks; those put away only if asked for."""
    store.require("email_template.read")
    chosen = select(Template).order_by(Template.name, Template.id)
    rows = store.scalars(chosen if put_away else chosen.where(Template.retired_at.is_(None)))
    found: dict[UUID, set[str]] = {row.id: set() for row in rows}
    for template_id, language in store.rows(select(LetterText.template_id, LetterText.language).distinct()):
        found.get(template_id, set()).add(language)
    return [describe_template(row, sorted(found[row.id])) for row in rows]


def show_template(store: Store, template_id: UUID) -> dict[str, Any]:
    """Return a template with its newest text in each language."""
    store.require("email_template.read")
    row = store.get(Template, template_id)
    texts = newest_texts(store, row.id)
    described = [describe_text(texts[language]) for language in sorted(texts)]
    return {**describe_template(row, sorted(texts)), "texts": described}


def describe_template(row: Template, languages: Sequence[str]) -> dict[str, Any]:
    """Return a template as plain values."""
    names = (
        "id",
        "key",
        "name",
        "kind",
        "purpose",
        "language",
        "words",
        "retired_at",
        "created_at",
        "version",
    )
    return {**{name: getattr(row, name) for name in names}, "languages": list(languages)}


def describe_text(row: LetterText) -> dict[str, Any]:
    """Return a text as plain values."""
    names = ("id", "language", "number", "format", "subject", "source", "html", "text", "created_at")
    return {name: getattr(row, name) for name in names}


def find_template(store: Store, name: str) -> Template:
    """Return the template with a key; raises NotFound."""
    found: Template | None = store.first(select(Template).where(Template.key == name))
    if found is None:
        raise NotFound(f"There is no template {name}.", remedy="See the list of templates.")
    return found


def create_template(store: Store, draft: Mapping[str, Any]) -> dict[str, Any]:
    """Create a template, with its first texts if they are given; raises Conflict for a key that is taken."""
    store.require("email_template.change")
    if store.first(select(Template.id).where(Template.key == draft["key"])):
        raise Conflict(f"there is a template {draft['key']} already", code="template-exists")
    row = Template(
        id=new_id(), key=draft["key"], name=draft["name"], kind=draft["kind"], purpose=draft["purpose"],
        language=draft.get("language") or "en", words=list(draft.get("words") or ()), created_at=store.now, version=1,
    )  # fmt: skip
    store.add(row)
    store.flush()
    for text in draft.get("texts") or ():
        _write_text(store, row, text)
    store.deed("email_template.change", row.name)
    return show_template(store, row.id)


def change_template(
    store: Store, template_id: UUID, changes: Mapping[str, Any], version: int | None = None
) -> dict[str, Any]:
    """Change what a template is, or put it away; raises Stale if `version` is not the current one."""
    store.require("email_template.change")
    row = store.get(Template, template_id, lock=True)
    if version is not None and version != row.version:
        raise Stale("the template was changed by someone else", extra={"version": row.version})
    for name in _CHANGING:
        if name in changes:
            setattr(row, name, changes[name])
    if "retired" in changes:
        row.retired_at = store.now if changes["retired"] else None
    row.version += 1
    store.flush()
    texts = newest_texts(store, row.id).values()
    merging.refuse([p for text in texts for p in check_text(store, row, describe_text(text))])
    store.deed("email_template.change", row.name)
    return show_template(store, row.id)


def set_text(store: Store, template_id: UUID, draft: Mapping[str, Any]) -> dict[str, Any]:
    """Set the text of a template in one language: a new number; what was sent keeps the text it was sent with."""
    store.require("email_template.change")
    row = store.get(Template, template_id, lock=True)
    made = _write_text(store, row, draft)
    row.version += 1
    store.flush()
    store.deed("email_template.change", row.name)
    return describe_text(made)


def _write_text(store: Store, template: Template, draft: Mapping[str, Any]) -> LetterText:
    html, problems = render_source(draft.get("format") or "html", draft["source"])
    written = {**draft, "html": html, "text": draft.get("text") or plain_text(html)}
    merging.refuse([*problems, *check_text(store, template, written)])
    last = store.first(
        select(LetterText.number)
        .where(LetterText.template_id == template.id, LetterText.language == draft["language"])
        .order_by(LetterText.number.desc())
        .limit(1)
    )
    row = LetterText(
        id=new_id(), template_id=template.id, language=draft["language"], number=(last or 0) + 1,
        format=draft.get("format") or "html", subject=draft["subject"], source=draft["source"], html=html,
        text=written["text"], created_at=store.now,
    )  # fmt: skip
    store.add(row)
    store.flush()
    return row


def render_source(kind: str, source: str) -> tuple[str, list[Problem]]:
    """Return the HTML of a source, HTML itself or MJML, and what is wrong with it."""
    if len(source) > merging.MAX_SOURCE:
        return "", [Problem("/source", f"it is longer than {merging.MAX_SOURCE // 1024} KB", "too-long")]
    if kind != "mjml":
        return source, []
    try:
        return mjml.mjml2html(source), []
    except ValueError as fault:
        return "", [Problem("/source", f"this is no MJML: {str(fault)[:200]}", "mjml")]


def check_text(store: Store, template: Template, text: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with a text: names nobody knows, line ends in the subject, no way to unsubscribe."""
    known = [word.name for word in list_merge_fields(store)]
    known += [*OWN_WORDS, *template.words]
    problems = merging.check_source(text["subject"], known, "/subject")
    problems += merging.check_source(text["html"], known, "/source")
    problems += merging.check_source(text["text"], known, "/text")
    if CONTROL.search(text["subject"]):
        problems.append(Problem("/subject", "it holds a line end or another control sign", "header"))
    if not text["subject"].strip():
        problems.append(Problem("/subject", "a letter needs a subject", "empty"))
    if not text["text"].strip():
        problems.append(Problem("/text", "a letter needs a text part; write one", "empty"))
    if not problems and template.purpose != SERVICE:
        for pointer, part in (("/source", text["html"]), ("/text", text["text"])):
            if "unsubscribe_url" not in merging.words_of(part):
                detail = "a letter that is no service names {{ unsubscribe_url }}"
                problems.append(Problem(pointer, detail, "no-unsubscribe"))
    return problems


def newest_texts(store: Store, template_id: UUID) -> dict[str, LetterText]:
    """Return the newest text of a template in each language."""
    chosen = select(LetterText).where(LetterText.template_id == template_id).order_by(LetterText.number)
    return {row.language: row for row in store.scalars(chosen)}


def choose_language(there: Mapping[str, Any], wanted: str | None, fallback: str) -> str:
    """Return the language of a reader's letter: their own, its base (``pt`` for ``pt-BR``), else what stands in."""
    for language in (wanted or "", (wanted or "").replace("_", "-").partition("-")[0], fallback):
        if language in there:
            return language
    if not there:
        raise Invalid("the template has no text", code="no-text", problems=[Problem("", "it has no text")])
    return min(there)


def copy_template(store: Store, template_id: UUID, key: str, name: str) -> dict[str, Any]:
    """Copy a template with its newest text in every language under a new key."""
    store.require("email_template.change")
    source = store.get(Template, template_id)
    texts = newest_texts(store, source.id)
    draft = {
        **{one: getattr(source, one) for one in _CHANGING}, "key": key, "name": name,
        "texts": [describe_text(texts[language]) for language in sorted(texts)],
    }  # fmt: skip
    return create_template(store, draft)


def language_of(store: Store, contact_id: UUID) -> str | None:
    """Return the language a contact is written to in, if one is known; raises NotFound for who is not there."""
    return store.get(Contact, contact_id).language
