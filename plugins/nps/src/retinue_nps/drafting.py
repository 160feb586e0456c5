"""Questions as a form sends them, each with its own words, turned into questions and words that stand apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from retinue import Problem
from retinue.errors import Invalid
from retinue_nps.questions import check_questions

NEW: Final = "+"
"""Stands for the key of a question or choice that has none yet."""


def settle(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return `questions`, `texts` and `language` as they are kept, checked; raises Invalid with a pointer per complaint.

    A question may bring its `words`: by language its text, low, high, and its choices in the order of their keys. They
    take the place of those in the texts, for the languages that the texts have. A key of ``+`` is given one. Complaints
    about words point to where they were sent.
    """
    questions, texts, places = _apart(asked["questions"], asked["texts"])
    try:
        check_questions(questions, texts, asked["language"])
    except Invalid as wrong:
        problems = [_placed(problem, questions, places) for problem in wrong.problems]
        raise Invalid(wrong.detail, problems=problems) from None
    return {"questions": questions, "texts": texts, "language": asked["language"]}


def _apart(
    sent: Sequence[Mapping[str, Any]], texts: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, int]]:
    questions, places = [], dict[str, int]()
    said: dict[str, dict[str, Any]] = {
        code: dict(words.get("questions") or {}) for code, words in texts.items()
    }
    keys = _keys("q", [one["key"] for one in sent])
    for place, (one, key) in enumerate(zip(sent, keys, strict=True)):
        question = {name: value for name, value in one.items() if name != "words"} | {"key": key}
        if question.get("choices"):
            question["choices"] = _keys("c", question["choices"])
        if not question.get("when"):
            question.pop("when", None)
        for code, words in (one.get("words") or {}).items():
            if code in said:
                said[code][key] = _words(words, question.get("choices") or ())
                places[key] = place
        questions.append(question)
    wanted = {question["key"] for question in questions}
    kept = {
        code: {**texts[code], "questions": {key: own for key, own in words.items() if key in wanted}}
        for code, words in said.items()
    }
    return questions, kept, places


def _keys(letter: str, given: Sequence[str]) -> list[str]:
    taken = set(given)
    free = (name for number in range(1, 1000) if (name := f"{letter}{number}") not in taken)
    return [next(free) if key == NEW else key for key in given]


def _words(words: Mapping[str, Any], choices: Iterable[str]) -> dict[str, Any]:
    found = {name: words[name] for name in ("text", "low", "high") if words.get(name)}
    labels = words.get("choices") or []
    named = {key: label for key, label in zip(choices, labels, strict=False) if label}
    return found | ({"choices": named} if named else {})


def _placed(problem: Problem, questions: Sequence[Mapping[str, Any]], places: Mapping[str, int]) -> Problem:
    parts = problem.pointer.split("/")
    if len(parts) < 5 or parts[1] != "texts" or parts[4] not in places:
        return problem
    place = places[parts[4]]
    at = f"/questions/{place}/words/{parts[2]}"
    if len(parts) == 7:
        at += f"/choices/{list(questions[place]['choices']).index(parts[6])}"
    else:
        at += "/text"
    return Problem(at, problem.detail, problem.code)
