"""Ready surveys in five languages: NPS, CSAT and CES, each with a word beside the score, and a poll to begin with."""

from __future__ import annotations

from typing import Any, Final

_WHY: Final = {
    "en": "What is the main reason for your score?",
    "cs": "Jaký je hlavní důvod vašeho hodnocení?",
    "de": "Was ist der wichtigste Grund für Ihre Bewertung?",
    "ru": "Какова главная причина вашей оценки?",
    "tr": "Puanınızın başlıca nedeni nedir?",
}
_BETTER: Final = {
    "en": "What should we have done better?",
    "cs": "Co jsme měli udělat lépe?",
    "de": "Was hätten wir besser machen sollen?",
    "ru": "Что нам следовало сделать лучше?",
    "tr": "Neyi daha iyi yapmalıydık?",
}
_THANKS: Final = {
    "en": "Thank you. Somebody reads every answer.",
    "cs": "Děkujeme. Každou odpověď někdo čte.",
    "de": "Danke. Jede Antwort wird gelesen.",
    "ru": "Спасибо. Каждый ответ кто-то читает.",
    "tr": "Teşekkürler. Her yanıt okunur.",
}
_ASKED: Final[dict[str, dict[str, tuple[str, str, str, str]]]] = {
    "nps": {
        "en": ("One question", "How likely are you to recommend us to a friend or colleague?", "not at all", "certainly"),
        "cs": ("Jedna otázka", "Jak pravděpodobně byste nás doporučili příteli nebo kolegovi?", "vůbec", "určitě"),
        "de": ("Eine Frage", "Wie wahrscheinlich empfehlen Sie uns Freunden oder Kollegen?", "gar nicht", "ganz sicher"),
        "ru": ("Один вопрос", "Насколько вероятно, что вы порекомендуете нас другу или коллеге?", "вовсе нет", "обязательно"),
        "tr": ("Tek soru", "Bizi bir arkadaşınıza veya iş arkadaşınıza önerme olasılığınız nedir?", "hiç", "kesinlikle"),
    },
    "csat": {
        "en": ("How was it?", "How satisfied are you with what you received?", "not at all", "entirely"),
        "cs": ("Jak jste spokojeni?", "Jak jste spokojeni s tím, co jste dostali?", "vůbec", "zcela"),
        "de": ("Wie war es?", "Wie zufrieden sind Sie mit dem, was Sie erhalten haben?", "gar nicht", "vollkommen"),
        "ru": ("Как всё прошло?", "Насколько вы довольны тем, что получили?", "вовсе нет", "полностью"),
        "tr": ("Nasıldı?", "Aldığınız üründen veya hizmetten ne kadar memnunsunuz?", "hiç", "tamamen"),
    },
    "ces": {
        "en": ("Was it easy?", "We made it easy for you to handle your issue.", "disagree", "agree"),
        "cs": ("Bylo to snadné?", "Vyřízení vaší věci pro vás bylo snadné.", "nesouhlasím", "souhlasím"),
        "de": ("War es einfach?", "Wir haben es Ihnen leicht gemacht, Ihr Anliegen zu klären.", "stimme nicht zu", "stimme zu"),
        "ru": ("Было ли это просто?", "Вам было легко решить свой вопрос.", "не согласны", "согласны"),
        "tr": ("Kolay mıydı?", "İşinizi halletmeniz kolay oldu.", "katılmıyorum", "katılıyorum"),
    },
}  # fmt: skip
_POLL: Final[dict[str, tuple[str, str, str, str]]] = {
    "en": ("A few questions", "Which do you like better?", "The first", "The second"),
    "cs": ("Několik otázek", "Co se vám líbí více?", "První", "Druhé"),
    "de": ("Ein paar Fragen", "Was gefällt Ihnen besser?", "Das Erste", "Das Zweite"),
    "ru": ("Несколько вопросов", "Что вам больше нравится?", "Первое", "Второе"),
    "tr": ("Birkaç soru", "Hangisini daha çok beğeniyorsunuz?", "Birincisini", "İkincisini"),
}
PATTERNS: Final = (*_ASKED, "poll")
_UNHAPPY: Final = {"nps": 6, "csat": 3, "ces": 4}


def fill_pattern(name: str) -> dict[str, Any]:
    """Return questions and words of a ready survey: the score, why, and of who is unhappy what would have been better.

    A poll has no score: one choice, to be changed into whatever is to be asked.
    """
    if name == "poll":
        return _poll()
    texts = {
        code: {
            "title": title,
            "thanks": _THANKS[code],
            "questions": {
                "score": {"text": asked, "low": low, "high": high},
                "why": {"text": _WHY[code]},
                "better": {"text": _BETTER[code]},
            },
        }
        for code, (title, asked, low, high) in _ASKED[name].items()
    }
    questions = [
        {"key": "score", "kind": name, "required": True},
        {"key": "why", "kind": "text"},
        {"key": "better", "kind": "text", "when": {"key": "score", "at_most": _UNHAPPY[name]}},
    ]
    return {"language": "en", "questions": questions, "texts": texts}


def _poll() -> dict[str, Any]:
    texts = {
        code: {
            "title": title, "thanks": _THANKS[code],
            "questions": {"choice": {"text": asked, "choices": {"first": first, "second": second}}},
        }
        for code, (title, asked, first, second) in _POLL.items()
    }  # fmt: skip
    questions = [{"key": "choice", "kind": "single", "choices": ["first", "second"], "required": True}]
    return {"language": "en", "questions": questions, "texts": texts}
