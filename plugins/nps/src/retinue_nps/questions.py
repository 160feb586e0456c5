"""What a survey asks: questions of seven kinds with their words, checked when they are written, and answers to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from retinue import Problem
from retinue.errors import Invalid
from retinue_nps.scoring import BOUNDS

SCORES: Final = tuple(BOUNDS)
KINDS: Final = (*SCORES, "scale", "single", "multiple", "text")
LANGUAGES: Final = ("en", "cs", "de", "ru", "tr")
MOST_QUESTIONS: Final = 20
MOST_CHOICES: Final = 30
MOST_TEXT: Final = 4000
_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_WHOLE: Final = re.compile(r"0|[1-9][0-9]?")
_TESTS: Final = ("at_least", "at_most", "is")


# ---- when they are written ----
def check_questions(questions: Sequence[Mapping[str, Any]], texts: Mapping[str, Any], language: str) -> None:
    """Refuse questions that cannot be asked; raises Invalid with a pointer per complaint.

    Args:
        questions: each with `key`, `kind`, `required`, `choices` (single, multiple), `least` and `most` (scale), `when`.
        texts: words by language; every language has a title and the words of every question.
        language: which of them stands in for languages that are not there.
    """
    problems = [*_judge_questions(questions), *_judge_texts(questions, texts, language)]
    if problems:
        raise Invalid("the survey is not valid", problems=problems)


def _judge_questions(questions: Sequence[Mapping[str, Any]]) -> Iterable[Problem]:
    if not 1 <= len(questions) <= MOST_QUESTIONS:
        yield Problem("/questions", f"must be 1 to {MOST_QUESTIONS} questions", "count")
    before: dict[str, Mapping[str, Any]] = {}
    for place, question in enumerate(questions):
        at, name, kind = f"/questions/{place}", question["key"], question["kind"]
        if not _KEY.fullmatch(name):
            yield Problem(f"{at}/key", "must be a-z, 0-9 and _, a letter first, at most 40", "key")
        if name in before:
            yield Problem(f"{at}/key", f"{name} is there already", "twice")
        if kind in SCORES and any(one["kind"] in SCORES for one in before.values()):
            yield Problem(
                f"{at}/kind", "a survey measures one thing: there is a score before", "second-score"
            )
        choices = question.get("choices") or []
        if kind in ("single", "multiple"):
            if not 2 <= len(choices) <= MOST_CHOICES or len(set(choices)) < len(choices):
                yield Problem(f"{at}/choices", f"must be 2 to {MOST_CHOICES} different choices", "choices")
            if any(not _KEY.fullmatch(choice) for choice in choices):
                yield Problem(
                    f"{at}/choices", "must be keys of a-z, 0-9 and _; their words stand in the texts", "key"
                )
        elif choices:
            yield Problem(f"{at}/choices", f"a question of the kind {kind} has none", "choices")
        least, most = bounds_of(question)
        if kind == "scale" and not 0 <= least < most <= 99:
            yield Problem(f"{at}/most", "must be greater than least, both from 0 to 99", "scale")
        yield from _judge_when(f"{at}/when", question.get("when"), before)
        before[name] = question


def _judge_when(at: str, when: Any, before: Mapping[str, Mapping[str, Any]]) -> Iterable[Problem]:
    if not when:
        return
    asked = before.get(when.get("key", ""))
    if asked is None:
        yield Problem(f"{at}/key", "names no question before this one", "unknown")
        return
    tests = [name for name in _TESTS if when.get(name) is not None]
    if len(tests) != 1:
        yield Problem(at, f"needs exactly one of {', '.join(_TESTS)}", "test")
    elif tests[0] == "is" and when["is"] not in (asked.get("choices") or ()):
        yield Problem(f"{at}/is", f"is no choice of {when['key']}", "unknown")
    elif tests[0] != "is" and (asked["kind"] not in (*SCORES, "scale") or not _is_whole(when[tests[0]])):
        yield Problem(
            f"{at}/{tests[0]}", "needs a whole number, and a question that is answered by one", "test"
        )


def _judge_texts(
    questions: Sequence[Mapping[str, Any]], texts: Mapping[str, Any], language: str
) -> Iterable[Problem]:
    if language not in texts:
        yield Problem(f"/texts/{language}", "is missing: it stands in for the other languages", "missing")
    for code, words in texts.items():
        if code not in LANGUAGES:
            yield Problem(f"/texts/{code}", f"is none of {', '.join(LANGUAGES)}", "language")
        if not str(words.get("title") or "").strip():
            yield Problem(f"/texts/{code}/title", "is missing", "missing")
        said = words.get("questions") or {}
        for question in questions:
            own = said.get(question["key"]) or {}
            at = f"/texts/{code}/questions/{question['key']}"
            if not str(own.get("text") or "").strip():
                yield Problem(at, "has no words", "missing")
            for choice in question.get("choices") or ():
                if not str((own.get("choices") or {}).get(choice) or "").strip():
                    yield Problem(f"{at}/choices/{choice}", "has no words", "missing")


def bounds_of(question: Mapping[str, Any]) -> tuple[int, int]:
    """Return the least and the greatest number a question takes."""
    if question["kind"] in BOUNDS:
        return BOUNDS[question["kind"]]
    least, most = question.get("least"), question.get("most")
    return (1 if least is None else least), (5 if most is None else most)


def measure_of(questions: Sequence[Mapping[str, Any]]) -> str:
    """Return what a survey measures: ``nps``, ``csat``, ``ces``, or nothing."""
    return next((str(one["kind"]) for one in questions if one["kind"] in SCORES), "")


# ---- when they are answered ----
def read_answers(
    questions: Sequence[Mapping[str, Any]], given: Mapping[str, Any], *, exact: bool = False
) -> dict[str, Any]:
    """Return the answers by question; what was not asked is left out. Raises Invalid with a pointer per complaint.

    Args:
        questions: of the edition that was asked.
        given: by question: a number, a choice, a list of choices, or text. Forms send numbers as digits.
        exact: numbers must be numbers, as JSON has them; digits are refused.
    """
    problems, found = [], dict[str, Any]()
    for question in questions:
        if not is_asked(question, found):
            continue
        name = question["key"]
        value = given.get(name)
        if value is None or value in ("", []):
            if question.get("required"):
                problems.append(Problem(f"/answers/{name}", "must be answered", "required"))
            continue
        try:
            found[name] = _read(question, value, exact=exact)
        except ValueError as wrong:
            problems.append(Problem(f"/answers/{name}", str(wrong), "answer"))
    known = {question["key"] for question in questions}
    problems += [
        Problem(f"/answers/{name}", "was not asked", "unknown") for name in given if name not in known
    ]
    if problems:
        raise Invalid("the answer is not valid", problems=problems)
    return found


def is_asked(question: Mapping[str, Any], answers: Mapping[str, Any]) -> bool:
    """Say whether a question is asked of who has answered the ones before it so."""
    when = question.get("when")
    if not when:
        return True
    value = answers.get(when["key"])
    if value is None:
        return False
    if when.get("is") is not None:
        return bool(when["is"] in value if isinstance(value, list) else when["is"] == value)
    if when.get("at_most") is not None:
        return bool(value <= when["at_most"])
    return bool(value >= when["at_least"])


def _read(question: Mapping[str, Any], value: Any, *, exact: bool) -> Any:
    kind = question["kind"]
    if kind == "text":
        text = str(value).replace("\r\n", "\n").strip()
        if len(text) > MOST_TEXT or "\x00" in text:
            raise ValueError(f"must be text of at most {MOST_TEXT} characters")
        return text
    choices = question.get("choices") or []
    if kind == "single":
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value
    if kind == "multiple":
        chosen = value if isinstance(value, list) else [value]
        if any(one not in choices for one in chosen):
            raise ValueError(f"must be some of {', '.join(choices)}")
        return [choice for choice in choices if choice in chosen]
    least, most = bounds_of(question)
    number = value if _is_whole(value) else None
    if number is None and not exact and isinstance(value, str) and _WHOLE.fullmatch(value):
        number = int(value)
    if number is None or not least <= number <= most:
        raise ValueError(f"must be a whole number from {least} to {most}")
    return number


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def words_for(texts: Mapping[str, Any], language: str, otherwise: str) -> tuple[str, Mapping[str, Any]]:
    """Return the words in a language, else in the one that stands in, and which it is."""
    code = language if language in texts else otherwise
    return code, texts[code]
