"""What keeps a plugin from being brought in, each with its stable code, place and nearest name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from retinue.plugins import Fault, Removed, build_plugin_set, discover, hookspecs

if TYPE_CHECKING:
    from conftest import Site

HEAD = "from retinue.plugins import hookimpl\n"


def faults_of(name: str, *others: str) -> tuple[Fault, ...]:
    return build_plugin_set(discover(), [name, *others]).set_aside.get(name, ())


@pytest.mark.parametrize(
    ("body", "code", "hook", "words"),
    [
        (
            "@hookimpl\ndef contact_created(store): ...",
            "HOOK001",
            "contact_created",
            "Did you mean contacts_created?",
        ),
        ("@hookimpl\ndef zzzz(store): ...", "HOOK001", "zzzz", "mark it with of=…"),
        ("@hookimpl\ndef contacts_created(stoer): ...", "HOOK002", "contacts_created", "Did you mean store?"),
        (
            "@hookimpl\ndef contacts_created(xyz): ...",
            "HOOK002",
            "contacts_created",
            "offers store, contacts.",
        ),
        ("@hookimpl\ndef contacts_created(**kw): ...", "HOOK002", "contacts_created", "no **"),
        (
            "@hookimpl\ndef contacts_saved(store): ...",
            "HOOK003",
            "contacts_saved",
            "in 0.2. Use contacts_changed.",
        ),
        ("def contacts_created(store): ...", "HOOK004", "contacts_created", "@hookimpl"),
        ("@hookimpl\nasync def contacts_created(store): ...", "HOOK005", "contacts_created", "async def"),
        ("@hookimpl\nasync def contact_errors(store):\n    yield", "HOOK005", "contact_errors", "async def"),
        ("@hookimpl\ndef contacts_created(store):\n    yield", "HOOK005", "contacts_created", "never run"),
    ],
)
def test_hook_function_mistake_is_named(
    site: Site, monkeypatch: pytest.MonkeyPatch, body: str, code: str, hook: str, words: str
) -> None:
    """Point 5: no dead hooks."""
    monkeypatch.setitem(hookspecs.REMOVED, "contacts_saved", Removed("0.2", "contacts_changed"))
    site.install("points", body=HEAD + body)
    (fault,) = faults_of("points")
    assert (fault.code, fault.plugin, fault.hook) == (code, "points", hook)
    assert words in f"{fault.detail} {fault.remedy}"


@pytest.mark.parametrize("option", ["wrapper", "tryfirst", "trylast"])
def test_wrapper_and_priority_of_the_library_are_refused(site: Site, option: str) -> None:
    body = f"""
    import pluggy
    @pluggy.HookimplMarker("retinue")({option}=True)
    def contacts_created(store):
        return (yield)
    """
    site.install("points", body=body)
    assert [f.code for f in faults_of("points")] == ["HOOK006"]


def test_all_faults_are_told_at_once(site: Site) -> None:
    body = "@hookimpl\ndef contact_created(store): ...\ndef contact_errors(store): ...\n"
    site.install("points", body=HEAD + body)
    assert [f.code for f in faults_of("points")] == ["HOOK001", "HOOK004"]


def test_manifest_and_code_must_name_the_same_hooks(site: Site) -> None:
    body = "@hookimpl\ndef contacts_created(store): ...\n"
    site.install("points", toml='hooks = ["contacts_changed"]', body=HEAD + body)
    assert [(f.code, f.hook) for f in faults_of("points")] == [
        ("HOOK007", "contacts_changed"),
        ("HOOK007", "contacts_created"),
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("def broken(:", "SyntaxError"),
        ("import nothing_of_the_kind", "ModuleNotFoundError"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(2)", "SystemExit"),
    ],
)
def test_import_failure_is_kept_with_its_traceback(site: Site, body: str, words: str) -> None:
    site.install("points", body=body)
    site.install("fine", body=HEAD + "@hookimpl\ndef contacts_created(store): ...")
    plugins = build_plugin_set(discover(), ["points", "fine"])
    (fault,) = plugins.set_aside["points"]
    assert fault.code == "PLG006"
    assert words in fault.detail
    assert "Traceback" in fault.trace
    assert "retinue_points" in fault.trace
    assert list(plugins.loaded) == ["fine"]


def test_api_version_out_of_range_is_refused(site: Site) -> None:
    site.install("newer", toml='name = "newer"\napi = 99')
    site.install("older", toml='name = "older"\napi = 0')
    assert "Upgrade core." in faults_of("newer")[0].remedy
    assert [f.code for f in (*faults_of("newer"), *faults_of("older"))] == ["PLG003", "PLG003"]


def test_requirement_missing_or_off_is_named(site: Site) -> None:
    site.install("badges", toml='requires = ["ponits", "orders"]')
    site.install("points", toml="")
    site.install("orders", toml="")
    faults = faults_of("badges")
    assert [f.code for f in faults] == ["PLG004", "PLG004"]
    assert "Did you mean points?" in faults[0].remedy
    assert "requires orders, which is not enabled" in faults[1].detail


def test_requirement_of_a_faulty_plugin_sets_both_aside(site: Site) -> None:
    site.install("points", toml="", body="1 / 0")
    site.install("badges", toml='requires = ["points"]', body="import sys; sys.badges_was_here = True")
    plugins = build_plugin_set(discover(), ["points", "badges"])
    assert {n: [f.code for f in faults] for n, faults in plugins.set_aside.items()} == {
        "badges": ["PLG004"],
        "points": ["PLG006"],
    }


def test_requirement_cycle_is_printed(site: Site) -> None:
    site.install("aa", toml='requires = ["bb"]')
    site.install("bb", toml='requires = ["cc"]')
    site.install("cc", toml='requires = ["aa"]')
    faults = faults_of("bb", "aa", "cc")
    assert [f.code for f in faults] == ["PLG005"]
    assert "aa → bb → cc → aa" in faults[0].detail


@pytest.mark.parametrize(
    ("toml", "code", "words"),
    [
        ('tables = ["badge"]', "PLG007", "table badge must be named points or begin with points_"),
        ('[[jobs]]\nname = "other.do_it"\nrun = "retinue_points:x"', "PLG011", "must begin with points."),
        ('[[permissions]]\nname = "adjust"\nlabel = "x"', "PLG011", "two words"),
        ('[[routes]]\npath = "points"\nhandlers = "retinue_points:x"', "PLG011", "must be a path"),
        (
            '[[fields]]\nname = "tier"\nmodel = "retinue_points:x"',
            "PLG011",
            "must be points or begin with points_",
        ),
        (
            '[[schedules]]\nname = "points.s"\njob = "points.j"\ncron = "* * * * *"',
            "PLG010",
            "the job points.j",
        ),
        ('[[commands]]\nname = "points"\nrun = "retinue_points:xx"', "PLG010", "Did you mean x?"),
        ('[[commands]]\nname = "points"\nrun = "retinue_points.no:x"', "PLG006", "ModuleNotFoundError"),
    ],
)
def test_manifest_contribution_out_of_law_is_refused(site: Site, toml: str, code: str, words: str) -> None:
    site.install("points", toml=toml, body="x = 1")
    faults = faults_of("points")
    assert [f.code for f in faults] == [code]
    assert words in f"{faults[0].detail} {faults[0].remedy}"


def test_plugin_named_like_a_table_of_core_is_refused(site: Site) -> None:
    site.install("plugin", toml="")
    (fault,) = faults_of("plugin")
    assert fault.code == "PLG007"
    assert "core has a table plugin_" in fault.detail


@pytest.mark.parametrize(
    "toml",
    [
        '[[permissions]]\nname = "card.adjust"\nlabel = "x"',
        '[[routes]]\npath = "/cards"\nhandlers = "json:loads"',
        '[[commands]]\nname = "cards"\nrun = "json:loads"',
        '[[interaction_kinds]]\nname = "card"\nlabel = "Card"',
        '[[webhook_events]]\nname = "card.used"\nlabel = "Card"',
    ],
)
def test_name_collision_sets_the_later_plugin_aside(site: Site, toml: str) -> None:
    site.install("points", toml=toml)
    site.install("badges", toml=toml)
    plugins = build_plugin_set(discover(), ["points", "badges"])
    assert list(plugins.loaded) == ["badges"]
    assert [f.code for f in plugins.set_aside["points"]] == ["PLG009"]
    assert "belongs to badges already" in plugins.set_aside["points"][0].detail


MODELS_PY = """
    from sqlalchemy import Integer, ForeignKey, String
    from sqlalchemy.orm import Mapped, mapped_column
    from retinue.storage import Access, field, key, plugin_base
    Base = plugin_base("points")
    class {name}(Base):
        __tablename__ = "{table}"
        {access}
        id: Mapped[object] = key()
        number: Mapped[int] = {column}
"""
GOOD = {
    "name": "Account",
    "table": "points_account",
    "access": "__access__ = Access.system()",
    "column": 'field(Integer, label="N")',
}


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"column": "mapped_column(Integer)"}, "PLG008", "points_account.number says nothing about privacy"),
        ({"access": "pass"}, "PLG008", "no access rule"),
        ({"table": "points_other"}, "PLG007", "points_other is not named in plugin.toml"),
        (
            {"column": "mapped_column(Integer, ForeignKey('x.id'), info={'field': 1})"},
            "PLG007",
            "needs a database-level ON DELETE",
        ),
    ],
)
def test_model_that_says_too_little_is_refused(
    site: Site, change: dict[str, str], code: str, words: str
) -> None:
    text = MODELS_PY.format(**{**GOOD, "name": f"Account{len(str(change))}", **change})
    site.install("points", {"models.py": text}, toml='tables = ["points_account"]')
    faults = faults_of("points")
    assert code in [f.code for f in faults], faults
    assert any(words in f.detail for f in faults)


def test_model_declared_in_full_is_brought_in(site: Site) -> None:
    site.install("points", {"models.py": MODELS_PY.format(**GOOD)}, toml='tables = ["points_account"]')
    assert faults_of("points") == ()


def test_published_hook_of_an_absent_plugin_may_sleep_or_is_unknown(site: Site) -> None:
    site.install("sleeper", body=HEAD + "@hookimpl(of='orders')\ndef orders_paid(store): ...")
    site.install("needy", body=HEAD + "@hookimpl\ndef orders_paid(store): ...")
    plugins = build_plugin_set(discover(), ["sleeper", "needy"])
    assert list(plugins.loaded) == ["sleeper"]
    assert [f.code for f in plugins.set_aside["needy"]] == ["HOOK001"]


def test_published_hooks_of_two_plugins_of_one_name_set_the_second_aside(site: Site) -> None:
    spec = """
    from retinue.plugins import hook
    @hook(mode="tell", phase="in_transaction", on_failure="isolate", since="1.0")
    def orders_paid(store: object, orders: object) -> None:
        "Orders were paid."
    """
    for name in ("orders", "shop"):
        site.install(name, {"specs.py": spec}, toml=f'publishes = "retinue_{name}.specs"')
    plugins = build_plugin_set(discover(), ["shop", "orders"])
    assert list(plugins.loaded) == ["orders"]
    assert [f.code for f in plugins.set_aside["shop"]] == ["HOOK008"]


def test_declared_contribution_absent_from_the_manifest_is_refused(site: Site) -> None:
    body = """
    from retinue.plugins import Permission, hookimpl
    @hookimpl
    def register_permissions():
        return [Permission("card.adjust", "Adjust")]
    """
    site.install("points", toml="", body=body)
    site.install("small", body=body)
    plugins = build_plugin_set(discover(), ["points", "small"])
    assert [(f.code, f.hook) for f in plugins.set_aside["points"]] == [("PLG010", "register_permissions")]
    assert list(plugins.loaded) == ["small"]


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [("return [1]", "PLG010", "a Permission is wanted"), ("1 / 0", "PLG006", "ZeroDivision")],
)
def test_declare_hook_that_fails_sets_the_plugin_aside(site: Site, line: str, code: str, words: str) -> None:
    site.install("points", body=HEAD + f"@hookimpl\ndef register_permissions():\n    {line}")
    (fault,) = faults_of("points")
    assert fault.code == code
    assert words in fault.detail
