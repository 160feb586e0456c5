"""The public pages below ``/survey``: one form behind a signed link, without scripts, cookies or an account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from litestar import Request, Response

from retinue import Store
from retinue.contacts import Contact
from retinue.errors import Invalid, RetinueError
from retinue.web import PUBLIC, choose_language, get, post, public_page
from retinue_nps import answering
from retinue_nps.answering import Opened, open_link
from retinue_nps.embedding import frame_sites
from retinue_nps.questions import bounds_of, words_for
from retinue_nps.words import LANGUAGES, words_in

AnyRequest = Request[Any, Any, Any]
_MAX: Final = 100


@lru_cache(maxsize=1)
def _templates() -> Environment:
    loader = PackageLoader("retinue_nps", "templates")
    return Environment(
        loader=loader, autoescape=select_autoescape(default=True), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


def _show(
    request: AnyRequest,
    template: str,
    *,
    language: str = "",
    sender: str = "",
    status: int = 200,
    frames: Sequence[str] = (),
    **values: Any,
) -> Response[Any]:
    spoken = language or choose_language(request.headers.get("accept-language", ""), LANGUAGES)
    words = {"_": words_in(spoken).gettext, "path": request.url.path, **values}
    shown = _templates().get_template(template).make_module(words)
    return public_page(
        str(shown), title=vars(shown)["title"], language=spoken, sender=sender, status=status, frames=frames
    )


def _fault(request: AnyRequest, error: RetinueError) -> Response[Any]:
    return _show(request, "public_fault.html", status=error.status, error=error)


def _page(method: Callable[..., Any], path: str) -> Callable[[Any], Any]:
    faults: dict[Any, Any] = {RetinueError: _fault}
    made: Callable[[Any], Any] = method(
        path, permission=PUBLIC, status=200, include_in_schema=False, exception_handlers=faults
    )
    return made


def _frames(store: Store, opened: Opened) -> list[str]:
    """Return the sites that may show a page: a link for everybody alone, never one that knows who reads."""
    return frame_sites(store) if opened.kind == "open" else []


def _language(store: Store, request: AnyRequest, opened: Opened) -> str:
    """Return the language a reader is asked in: the contact's, else the browser's, else the one that stands in."""
    texts, own = opened.edition.texts, ""
    if opened.invitation is not None:
        contact = store.system("answer").find(Contact, opened.invitation.contact_id)
        own = (contact.language or "")[:2] if contact is not None else ""
    if own in texts:
        return own
    return choose_language(request.headers.get("accept-language", ""), texts, opened.edition.language)


def _form(
    store: Store,
    request: AnyRequest,
    opened: Opened,
    given: Mapping[str, Any],
    *,
    problems: Any = (),
    status: int = 200,
) -> Response[Any]:
    language, words = words_for(
        opened.edition.texts, _language(store, request, opened), opened.edition.language
    )
    asked = [
        {**question, "words": words["questions"][question["key"]], "bounds": bounds_of(question)}
        for question in opened.edition.questions
    ]
    return _show(
        request, "public_survey.html", language=language, sender=store.settings("nps")["company"], status=status,
        frames=_frames(store, opened), words=words, questions=asked, given=given,
        problems={p.pointer.rpartition("/")[2]: p.detail for p in problems},
        page=answering.make_page_token(store, opened), anonymous=opened.survey.anonymous,
    )  # fmt: skip


def _given(opened: Opened, sent: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return what a form says by question; parts that follow an answer that was changed meanwhile are left out."""
    found: dict[str, Any] = {}
    for question in opened.edition.questions:
        values = sent.get(question["key"], [])
        if question["kind"] == "multiple":
            found[question["key"]] = values
        elif values:
            found[question["key"]] = values[0]
    return found


@_page(get, "/{token:str}")
def survey_page(store: Store, request: AnyRequest, token: str) -> Response[Any]:
    """Show what is asked, a score of the address chosen before; nothing is an answer before it is sent."""
    opened = open_link(store, token)
    given: dict[str, Any] = dict(opened.answer.values) if opened.answer is not None else {}
    score = request.query_params.get("score")
    measured = next((q["key"] for q in opened.edition.questions if q["kind"] == opened.edition.measure), None)
    if score is not None and measured:
        given[measured] = int(score) if score.isascii() and score.isdigit() and len(score) < 3 else None
    return _form(store, request, opened, given)


@_page(post, "/{token:str}")
def answer_page(store: Store, request: AnyRequest, token: str, raw: bytes) -> Response[Any]:
    """Take an answer; what is wrong is said beside it, and nothing that was written is lost."""
    sent = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX)
    opened = open_link(store, token)
    given, language = _given(opened, sent), _language(store, request, opened)
    try:
        answer = answering.answer_link(store, token, given, page=sent.get("page", [""])[0], language=language)
    except Invalid as wrong:
        problems = wrong.problems or ()
        return _form(store, request, opened, given, problems=problems, status=422)
    _, words = words_for(opened.edition.texts, language, opened.edition.language)
    review = answering.review_of(store, answer) if opened.kind == "asked" else None
    return _show(
        request, "public_thanks.html", language=language, sender=store.settings("nps")["company"], words=words,
        frames=_frames(store, opened), review=opened.survey.review_url if review is not None else "",
        given=review is not None and review.given_at is not None, problems=(),
        changeable=opened.kind == "asked" and opened.survey.edit_hours > 0,
    )  # fmt: skip


@_page(post, "/{token:str}/review")
def review_page(store: Store, request: AnyRequest, token: str, raw: bytes) -> Response[Any]:
    """Keep the words of a promoter, with the consent to publish them."""
    sent = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX)
    opened = open_link(store, token)
    language = _language(store, request, opened)
    _, words = words_for(opened.edition.texts, language, opened.edition.language)
    problems: Any = ()
    try:
        answering.give_review(store, token, sent.get("words", [""])[0], publish="publish" in sent)
    except Invalid as wrong:
        problems = wrong.problems
    return _show(
        request, "public_thanks.html", language=language, sender=store.settings("nps")["company"], words=words,
        review=opened.survey.review_url, given=not problems, problems=problems, changeable=False,
        status=422 if problems else 200,
    )  # fmt: skip


PAGES = [survey_page, answer_page, review_page]
