"""Deliberately faulty plugins: the sample with one thing changed, each to trip exactly one rule.

A change is a path below the package and (old, new), (None, text) for a whole file, or None to remove it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

INIT, MODELS, SERVICE = "__init__.py", "models.py", "service.py"
ROUTES, TOML, PYPROJECT = "routes.py", "plugin.toml", "../../pyproject.toml"
MIGRATION, CS = "migrations/versions/0001_cards.py", "locale/cs/LC_MESSAGES/sample.po"
HOOK = "@hookimpl\ndef contacts_created(store: Store, contacts: Sequence[Contact]) -> None:"


class Faulty(NamedTuple):
    """What is changed, and words of the finding; `line` has the text that the line of the finding must have."""

    code: str
    changes: dict[str, Any]
    words: str
    line: str = ""


def init(new: str, words: str, code: str, line: str = "") -> Faulty:
    return Faulty(code, {INIT: (HOOK, new)}, words, line or new.split("\n")[-1])


def service(text: str, words: str, code: str, line: str = "") -> Faulty:
    new = f"{text}\n\n\ndef get_card("
    return Faulty(code, {SERVICE: ("def get_card(", new)}, words, line or text.split("\n")[-1])


def migration(old: str, new: str, words: str, code: str) -> Faulty:
    return Faulty(code, {MIGRATION: (old, new)}, words)


SECOND = '''"""More."""
import sqlalchemy as sa
from alembic import op
revision = "{revision}"
down_revision = "{down}"
level = {level}
def upgrade() -> None:
    op.add_column("{table}", sa.Column("more", sa.Integer()))
def downgrade() -> None:
    op.drop_column("{table}", "more")
'''


def second(code: str, words: str, **values: Any) -> Faulty:
    text = SECOND.format(**{"revision": "0002", "down": "0001", "level": 2, "table": "sample_card", **values})
    return Faulty(code, {"migrations/versions/0002_more.py": (None, text)}, words)


FAULTY = [
    Faulty(
        "HOOK001",
        {INIT: ("def contacts_created(", "def contact_created("), TOML: ('"contacts_created", ', "")},
        "Did you mean contacts_created?",
        "def contact_created(",
    ),
    init(HOOK.replace("contacts:", "contact:"), "Did you mean contacts?", "HOOK002"),
    init(HOOK.replace("Contact])", "Contact], **more: object)"), "no **", "HOOK002"),
    init(
        HOOK + '\n    """Sleep."""\n    pass\n\n\n@hookimpl\ndef contacts_saved(store: Store) -> None:',
        "Use contacts_changed",
        "HOOK003",
    ),
    init(
        HOOK + '\n    """Sleep."""\n    pass\n\n\ndef contacts_changed(store: Store) -> None:',
        "Put @hookimpl",
        "HOOK004",
    ),
    init(HOOK.replace("def ", "async def "), "async def", "HOOK005"),
    init(HOOK.replace("@hookimpl", "@hookimpl(tryfirst=True)"), "before=", "HOOK006", "tryfirst"),
    Faulty(
        "HOOK007",
        {TOML: ('"contacts_merged"', '"contacts_merged", "contacts_erased"')},
        "lists contacts_erased",
        "hooks =",
    ),
    Faulty(
        "HOOK007",
        {TOML: ('"contacts_created", ', "")},
        "plugin.toml does not list it",
        "def contacts_created",
    ),
    Faulty(
        "HOOK008",
        {
            TOML: ("api = 1", 'api = 1\npublishes = "retinue_sample.specs"'),
            "specs.py": (
                None,
                '''
"""Hooks of the sample."""
from retinue import Store, hook

@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="1.0")
def contacts_created(store: Store) -> None:
    """News."""
''',
            ),
        },
        "which core has",
        "def contacts_created",
    ),
    init(HOOK.replace("Sequence[Contact]", "dict[str, int]"), "contacts is Sequence[Contact]", "HOOK020"),
    init(HOOK.replace("None:", "int:"), "returns None", "HOOK020"),
    Faulty(
        "HOOK021",
        {
            SERVICE: (
                'a card, all with one statement."""\n',
                'a card."""\n    import time\n\n    time.sleep(1)\n',
            )
        },
        "is called from the hook contacts_created",
        "time.sleep",
    ),
    Faulty("PLG002", {TOML: ("api = 1", "api = ")}, "not TOML"),
    Faulty(
        "PLG002", {TOML: ('name = "sample"\ntitle', 'name = "simple"\ntitle')}, "the entry point says sample"
    ),
    Faulty("PLG003", {TOML: ("api = 1", "api = 99")}, "version 99"),
    Faulty("PLG006", {"broken.py": (None, "def broken(:\n")}, "not Python", "def broken"),
    Faulty(
        "PLG007",
        {MODELS: ('"sample_card"', '"cards"'), TOML: ('"sample_card"', '"cards"')},
        "must be named sample",
        '"cards"',
    ),
    Faulty("PLG007", {TOML: ('["sample_card"]', "[]")}, "not named in plugin.toml", "__tablename__"),
    Faulty(
        "PLG007",
        {TOML: ('["sample_card"]', '["sample_card", "sample_more"]')},
        "no class maps it",
        "sample_more",
    ),
    Faulty(
        "PLG009",
        {TOML: ("[[fields]]", '[[permissions]]\nname = "sample.read"\nlabel = "See points"\n\n[[fields]]')},
        "twice",
    ),
    Faulty("PLG010", {TOML: ("models:Card", "models:Crad")}, "Did you mean Card?", "models:Crad"),
    Faulty("PLG011", {TOML: ('name = "sample.change"', 'name = "sampling"')}, "two words", "sampling"),
    Faulty(
        "PLG012",
        {"more.py": (None, "from sqlalchemy import ForeignKey\nKEY = ForeignKey('contact.id')\n")},
        "no ON DELETE",
        "KEY =",
    ),
    Faulty(
        "PLG020",
        {INIT: ("from retinue.contacts import Contact", "from retinue.contacts.models import Contact")},
        "is not public",
        "contacts.models",
    ),
    Faulty(
        "PLG020",
        {
            INIT: (
                "from retinue.contacts import Contact",
                "from retinue.contacts import Contact, creat_contact",
            )
        },
        "Did you mean create_contact?",
        "creat_contact",
    ),
    Faulty(
        "PLG021",
        {SERVICE: ("from retinue import Store", "import retinue_orders\nfrom retinue import Store")},
        "another plugin",
        "retinue_orders",
    ),
    Faulty("PLG022", {PYPROJECT: ('license = "Apache-2.0"\n', "")}, "licence", "[project]"),
    Faulty("PLG023", {"../../README.md": (None, "# Sample\n")}, "README", "[project]"),
    Faulty("PLG016", {TOML: ('"card.html"', '"crad.html"')}, "no template crad.html", "crad.html"),
    Faulty("PLG024", {"py.typed": None}, "py.typed"),
    Faulty("PLG025", {"../../tests/test_cards.py": None}, "no test"),
    Faulty("PLG026", {PYPROJECT: ('requires-python = ">=3.11"\n', "")}, "requires-python"),
    Faulty("PLG027", {PYPROJECT: ('["retinue", ', '["retinue<2", ')}, "from above", "retinue<2"),
    Faulty(
        "PLG028",
        {SERVICE: ("from sqlalchemy import", "import rich\nfrom sqlalchemy import")},
        "Add rich",
        "import rich",
    ),
    Faulty(
        "PLG030",
        {SERVICE: ('    """Give contacts that are new a card, all with one statement."""\n', "")},
        "open_cards has no docstring",
    ),
    Faulty(
        "PLG031", {SERVICE: ("contact_ids: Sequence[UUID]", "contact_ids")}, "contact_ids", "def open_cards"
    ),
    Faulty(
        "PLG032",
        {"../../tests/test_cards.py": ("contacts_created", "hook")},
        "contacts_created",
        "def contacts_created",
    ),
    Faulty("PLG033", {"../../CHANGELOG.md": None}, "CHANGELOG"),
    migration("down_revision = None", 'down_revision = "c3"', "no revision of sample", "MIG002"),
    second("MIG003", "is in", revision="0001"),
    migration("level = 1", "level = 0", "whole number", "MIG005"),
    second("MIG005", "does not grow", level=1),
    migration("level = 1", 'level = 1\ndepends_on = "0007"', "requires_schema", "MIG006"),
    Faulty("MIG007", {"migrations/versions/0002_more.py": (None, "def upgrade(:\n")}, "cannot be read"),
    second("MIG008", "touches contact, which is core's", table="contact"),
    migration('    op.drop_table("sample_card")\n', "    pass\n", "no downgrade", "MIG010"),
    migration(', ondelete="CASCADE"', "", "no ON DELETE", "MIG016"),
    migration('"sample_card",', '"sample_cards",', "no migration makes the table sample_card", "MIG017"),
    Faulty(
        "PRV001",
        {MODELS: ("    id: Mapped[UUID] = key()", "    id: Mapped[UUID] = key()\n    level: Mapped[int]")},
        "says nothing about privacy",
        "level:",
    ),
    Faulty(
        "PRV002",
        {MODELS: ('    __access__ = Access.through("contact_id")\n', "")},
        "no access rule",
        "class Card",
    ),
    Faulty(
        "PRV003",
        {
            MODELS: (
                'points: Mapped[int] = field(Integer, label="Points", privacy=personal("to thank for loyalty"), default=0)',
                'phone: Mapped[int] = field(Integer, label="Points", default=0)',
            )
        },
        "looks personal",
        "phone",
    ),
    Faulty(
        "SEC001",
        {SERVICE: ("from sqlalchemy import", "import urllib.request\nfrom sqlalchemy import")},
        "outbound client",
        "urllib",
    ),
    Faulty(
        "SEC001",
        {SERVICE: ("from sqlalchemy import", "import smtplib\nfrom sqlalchemy import")},
        "transport.py",
        "smtplib",
    ),
    service(
        'def read_rule(rule: str) -> Any:\n    """Read it."""\n    return eval(rule)',
        "runs what it is given",
        "SEC002",
    ),
    service(
        'def make_code() -> str:\n    """Make it."""\n    code = random.choice("abc")\n    return code',
        "can be guessed",
        "SEC003",
        "random.choice",
    ),
    service(
        'def count_all(store: Store) -> Any:\n    """Count."""\n    return store.raw_connection()',
        "SQL as text",
        "SEC004",
    ),
    service(
        'def save(store: Any) -> None:\n    """Save."""\n    store.session.commit()',
        "somebody else's transaction",
        "SEC005",
    ),
    Faulty("SEC006", {ROUTES: ('permission="sample.read", ', "")}, "names no permission", "@get("),
    Faulty(
        "SEC006",
        {
            ROUTES: (
                "from retinue.web import get, patch",
                "from litestar.handlers import get\nfrom retinue.web import patch",
            ),
            PYPROJECT: ('["retinue", ', '["retinue", "litestar", '),
        },
        "bare handler",
        "@get(",
    ),
    Faulty(
        "SEC007",
        {SERVICE: ('    store.require("sample.read")\n', "")},
        "asks for a permission",
        "def get_sample_card",
    ),
    Faulty("I18N001", {CS: None}, "cs is missing"),
    Faulty("I18N002", {CS: ('msgstr "Vidět body"', 'msgstr ""')}, "'See points' is not in", "See points"),
    Faulty("I18N002", {CS: ('msgid "See points"', '#, fuzzy\nmsgid "See points"')}, "fuzzy", "See points"),
    Faulty(
        "I18N003",
        {
            CS: (
                'msgid "See points"',
                'msgid "{n} point"\nmsgid_plural "{n} points"\nmsgstr[0] "{n} bod"\nmsgstr[1] "{n} body"\n\nmsgid "See points"',
            )
        },
        "has 2 forms, cs has 3",
        "{n} point",
    ),
    Faulty(
        "I18N004",
        {CS: ('msgid "See points"', 'msgid "{n} of {all}"\nmsgstr "{n}"\n\nmsgid "See points"')},
        "other placeholders",
        "{n} of",
    ),
]
