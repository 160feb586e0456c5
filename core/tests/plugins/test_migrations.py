"""Migrations of several distributions in one database: none can hurt another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from retinue.errors import Misconfigured
from retinue.plugins import discover
from retinue.plugins.migrations import (
    Line,
    check,
    core_line,
    line_of,
    lines_of,
    upgrade,
)

if TYPE_CHECKING:
    from conftest import Folder, Site


def refused(call: Callable[[], object]) -> Misconfigured:
    with pytest.raises(Misconfigured) as raised:
        call()
    return raised.value


# --- the ten rows of the measurements ---


def test_row_1_requirement_is_brought_up_first(folder: Folder) -> None:
    folder.plugin("gamify", requires=("loyalty",), loyalty=1)
    folder.plugin("loyalty", core=2)
    folder.core()
    plan = folder.up()
    assert [(s.line, s.level) for s in plan.steps] == [
        ("core", 1),
        ("core", 2),
        ("core", 3),
        ("loyalty", 1),
        ("gamify", 1),
    ]
    assert folder.states() == {"core": ("current", 3), "gamify": ("current", 1), "loyalty": ("current", 1)}
    assert {"contact", "loyalty_t1", "gamify_t1", "alembic_core", "alembic_loyalty"} <= folder.tables()


def test_row_2_removed_plugin_never_blocks_core(folder: Folder) -> None:
    folder.core("c1")
    folder.plugin("gamify")
    folder.up()
    folder.core("c2")
    plan = folder.up("gamify")
    assert ([s.revision for s in plan.steps], plan.missing) == (["c2"], ("gamify",))
    assert folder.states("gamify") == {"core": ("current", 2), "gamify": ("missing", None)}
    assert "gamify_t1" in folder.tables()


def test_row_3_downgrade_under_a_dependent_plugin_is_refused(folder: Folder) -> None:
    folder.core()
    folder.plugin("loyalty", tables=2)
    folder.plugin("gamify", requires=("loyalty",), loyalty=2)
    folder.up()
    error = refused(lambda: folder.down("loyalty", 1))
    assert (error.code, "gamify stands on level 2 of it" in error.detail) == ("MIG013", True)
    assert {"loyalty_t2", "gamify_t1"} <= folder.tables()


def test_row_4_downgrade_of_core_under_a_plugin_is_refused(folder: Folder) -> None:
    folder.core()
    folder.plugin("loyalty", core=2)
    folder.up()
    assert refused(lambda: folder.down("core", 1)).code == "MIG013"
    assert [s.revision for s in folder.down("core", 2).steps] == ["c3"]
    assert folder.states()["core"] == ("behind", 2)


def test_row_5_downgrade_touches_the_named_line_alone(folder: Folder) -> None:
    folder.core()
    folder.plugin("loyalty", tables=2)
    folder.up()
    assert [s.revision for s in folder.down("loyalty", 0).steps] == ["l2", "l1"]
    assert folder.states() == {"core": ("current", 3), "loyalty": ("new", 0)}
    assert refused(lambda: folder.down("core", 7)).code == "MIG014"


def test_row_6_one_upgrade_serves_every_line(folder: Folder) -> None:
    folder.core()
    for name in ("loyalty", "gamify", "surveys"):
        folder.plugin(name)
    assert [s.line for s in folder.up().steps] == ["core", "core", "core", "gamify", "loyalty", "surveys"]
    assert folder.up().steps == ()


def test_row_7_two_plugins_may_use_the_same_revision(folder: Folder) -> None:
    folder.core()
    folder.plugin("loyalty")
    folder.plugin("lottery")
    assert [s.revision for s in folder.up().steps][3:] == ["l1", "l1"]


def test_row_8_branch_label_is_refused_and_core_goes_on(folder: Folder) -> None:
    folder.core()
    folder.line("evil")
    folder.script("evil", "e1", None, 1, "pass", "evil_t", 'branch_labels = ("core",)')
    plan = folder.up()
    assert [(f.code, f.plugin) for f in plan.left_out] == [("MIG006", "evil")]
    assert folder.states() == {"core": ("current", 3), "evil": ("refused", 0)}
    assert refused(lambda: folder.up(strict=True)).code == "MIG006"


def test_row_9_plugin_cannot_capture_the_head_of_core(folder: Folder) -> None:
    folder.core()
    folder.line("evil")
    folder.script("evil", "e1", "c3", 4, "pass", "evil_t")
    (fault,) = folder.up().left_out
    assert (fault.code, fault.detail) == ("MIG002", "e1 stands on c3, which is no revision of evil.")
    assert folder.states()["core"] == ("current", 3)


def test_row_10_squashed_core_keeps_its_levels(folder: Folder) -> None:
    """What a plugin needs is a level, so squashing revisions breaks nobody; depends_on is refused by name."""
    folder.line("core")
    folder.script(
        "core",
        "c3",
        None,
        3,
        'op.create_table("contact", sa.Column("id", sa.Integer, primary_key=True))',
        "contact",
    )
    folder.plugin("loyalty", core=2)
    folder.line("older")
    folder.script("older", "o1", None, 1, "pass", "older_t", 'depends_on = "zz99"')
    plan = folder.up()
    assert [s.line for s in plan.steps] == ["core", "loyalty"]
    assert [(f.code, f.plugin) for f in plan.left_out] == [("MIG006", "older")]


# --- preflight ---


def test_database_newer_than_the_code_is_said_clearly(folder: Folder) -> None:
    folder.core()
    folder.up()
    for script in (Path(folder.lines["core"].folder) / "versions").glob("*c3.py"):
        script.unlink()
    error = refused(folder.up)
    assert error.code == "MIG001"
    assert error.detail == "core: the database stands at revision c3, this code knows levels up to 2."
    assert "The database is newer than the code: install the version that wrote it" in error.remedy
    assert folder.states() == {"core": ("newer", None)}
    with folder.engine.connect() as connection:
        assert refused(lambda: check(connection, folder.all())).code == "MIG001"


def test_newer_tables_of_a_plugin_leave_it_out_alone(folder: Folder) -> None:
    folder.core("c1")
    folder.plugin("loyalty", tables=2)
    folder.plugin("gamify", requires=("loyalty",))
    folder.up()
    next((Path(folder.lines["loyalty"].folder) / "versions").glob("*l2.py")).unlink()
    folder.core("c2")
    plan = folder.up()
    assert [(f.code, f.plugin) for f in plan.left_out] == [("MIG004", "gamify"), ("MIG001", "loyalty")]
    assert [s.revision for s in plan.steps] == ["c2"]


@pytest.mark.parametrize(
    ("scripts", "code"),
    [
        ([("e1", None, 1, ""), ("e2", None, 2, "")], "MIG002"),
        ([("e1", None, 1, ""), ("e2", "e1", 2, ""), ("e3", "e1", 3, "")], "MIG002"),
        ([("e1", "e2", 1, ""), ("e2", "e1", 2, "")], "MIG002"),
        ([("e1", None, 1, ""), ("e1", None, 1, "")], "MIG003"),
        ([("e1", None, 2, ""), ("e2", "e1", 2, "")], "MIG005"),
        ([("e1", None, "None", "")], "MIG005"),
        ([("e1", None, 1, "def broken(")], "MIG007"),
        ([("e1", ("a", "b"), 1, "")], "MIG002"),
    ],
)
def test_line_that_is_no_chain_is_refused(paper: Folder, scripts: list[tuple], code: str) -> None:
    paper.core()
    paper.line("evil")
    for revision, down, level, more in scripts:
        paper.script("evil", revision, down, level, "pass", "evil_t", more)
    before = paper.plan()
    assert [f.code for f in before.left_out] == [code]
    assert paper.tables() == set()
    paper.up()
    assert "alembic_evil" not in paper.tables()


def test_level_that_nobody_reaches_is_refused(paper: Folder) -> None:
    paper.core()
    paper.plugin("loyalty", core=9)
    paper.plugin("gamify", requires=("nowhere",))
    plan = paper.plan()
    assert [(f.code, f.plugin) for f in plan.left_out] == [("MIG004", "gamify"), ("MIG004", "loyalty")]
    assert "it requires level 9 of core, which goes to level 3." in plan.left_out[1].detail
    assert [s.line for s in plan.steps] == ["core"] * 3


def test_requirements_in_a_circle_are_refused_and_core_goes_on(paper: Folder) -> None:
    paper.core()
    paper.plugin("aa", requires=("bb",))
    paper.plugin("bb", requires=("aa",))
    plan = paper.up()
    assert [(f.code, f.plugin) for f in plan.left_out] == [("MIG015", "aa"), ("MIG015", "bb")]
    assert paper.states()["core"] == ("current", 3)


def test_step_without_a_way_back_must_say_so(folder: Folder) -> None:
    folder.core()
    folder.line("evil")
    folder.script("evil", "e1", None, 1, "pass")
    assert [f.code for f in folder.plan().left_out] == ["MIG010"]
    folder.line("honest")
    folder.script("honest", "h1", None, 1, "pass", more="irreversible = True")
    assert [f.plugin for f in folder.up().left_out] == ["evil"]
    folder.lines.pop("evil")
    error = refused(lambda: folder.down("honest", 0))
    assert (error.code, "h1 (Make h1.) cannot be undone" in error.detail) == ("MIG010", True)


@pytest.mark.parametrize(
    "code",
    [
        'op.add_column("contact", sa.Column("evil", sa.Integer))',
        'op.drop_table("loyalty_t1")',
        'op.create_table("extra", sa.Column("id", sa.Integer))',
        'op.create_index("ix_evil", "contact", ["id"])',
        'op.drop_index("ix_x", table_name="contact")',
    ],
)
def test_table_of_somebody_else_is_refused_before_any_statement(paper: Folder, code: str) -> None:
    paper.core()
    paper.plugin("loyalty")
    paper.line("evil")
    paper.script("evil", "e1", None, 1, code, "evil_t")
    (fault,) = paper.plan().left_out
    assert (fault.code, fault.plugin) == ("MIG008", "evil")


def test_prefix_belongs_to_the_plugin_with_the_longer_name(paper: Folder) -> None:
    paper.core()
    paper.plugin("mail_tracking")
    paper.line("mail")
    paper.script("mail", "m1", None, 1, 'op.drop_table("mail_tracking_t1")', "mail_t")
    (fault,) = paper.plan().left_out
    assert (fault.plugin, "which is mail_tracking's" in fault.detail) == ("mail", True)


# --- running ---


@pytest.mark.parametrize(
    ("code", "error_code"),
    [
        ("1 / 0", "MIG011"),
        ('op.execute("SELECT * FROM nowhere_at_all")', "MIG011"),
        ('name = "con" + "tact"; op.drop_table(name)', "MIG008"),
        ('op.execute("ALTER TABLE contact ADD COLUMN evil INTEGER")', "MIG008"),
        ('op.execute("UPDATE contact SET id = 3")', "MIG008"),
        ('op.execute("DELETE FROM contact")', "MIG008"),
        ('op.execute("CREATE UNIQUE INDEX ix_e ON contact (id)")', "MIG008"),
        ('op.execute("DROP INDEX ix_contact_core")', "MIG008"),
        (
            'op.create_table("evil_t3", sa.Column("c", sa.Integer, sa.ForeignKey("contact.id")))',
            "MIG016",
        ),
    ],
)
def test_failing_third_migration_leaves_zero_new_tables(folder: Folder, code: str, error_code: str) -> None:
    """Point 4: one connection, one transaction, on both databases."""
    folder.core("c1")
    folder.script("core", "c1b", "c1", 2, 'op.create_index("ix_contact_core", "contact", ["id"])', "nothing")
    folder.up()
    before = folder.tables()
    folder.script(
        "core",
        "c9",
        "c1b",
        9,
        'op.create_table("team", sa.Column("id", sa.Integer, primary_key=True))',
        "team",
    )
    folder.plugin("evil", tables=2)
    folder.script("evil", "e3", "e2", 3, code, "evil_t3")
    error = refused(folder.up)
    assert error.code == error_code
    assert "evil" in error.detail
    assert folder.tables() == before
    assert folder.states()["core"] == ("behind", 2)
    with folder.engine.connect() as connection:
        plan = upgrade(connection, folder.all(), without=["evil"])
    assert [s.revision for s in plan.steps] == ["c9"]


def test_migration_with_foreign_key_and_batch_keeps_the_rows(folder: Folder) -> None:
    """On SQLite a batch change rebuilds the table; rows that point at it must not cascade away."""
    folder.core("c1")
    folder.line("loyalty")
    folder.script(
        "loyalty",
        "l1",
        None,
        1,
        """
        op.create_table("loyalty_card", sa.Column("id", sa.Integer, primary_key=True), sa.Column("contact_id",
            sa.Integer, sa.ForeignKey("contact.id", ondelete="CASCADE")), sa.Column("note", sa.String(10)))
        op.create_table("loyalty_use", sa.Column("id", sa.Integer, primary_key=True), sa.Column("card_id",
            sa.Integer, sa.ForeignKey("loyalty_card.id", ondelete="CASCADE")))
        """,
        "loyalty_use",
    )
    folder.up()
    with folder.engine.begin() as connection:
        for row in ("contact VALUES (1)", "loyalty_card VALUES (1, 1, 'x')", "loyalty_use VALUES (1, 1)"):
            connection.exec_driver_sql(f"INSERT INTO {row}")
    up = """
    with op.batch_alter_table("loyalty_card") as batch:
        batch.alter_column("note", nullable=False)
    """
    folder.script("loyalty", "l2", "l1", 2, up, "nothing")
    folder.up()
    with folder.engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM loyalty_use").scalar() == 1
        if folder.engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_plan_changes_nothing_and_equals_what_runs(folder: Folder) -> None:
    folder.core()
    folder.plugin("loyalty", tables=2)
    before = folder.tables()
    plan = folder.plan()
    assert folder.tables() == before == set()
    assert plan == folder.up()
    assert plan.as_data()["steps"][3] == {
        "line": "loyalty",
        "revision": "l1",
        "level": 1,
        "title": "Make l1.",
        "irreversible": False,
    }


def test_plan_runs_no_code_of_a_plugin(paper: Folder) -> None:
    paper.core()
    paper.line("evil")
    paper.script("evil", "e1", None, 1, "pass", "evil_t", "import os; os._exit(3)")
    assert [s.line for s in paper.plan().steps][-1] == "evil"
    assert paper.states()["evil"] == ("new", 0)


def test_check_names_plugins_that_wait_and_stops_a_core_that_does(folder: Folder) -> None:
    folder.core("c1")
    folder.plugin("loyalty")
    folder.up("loyalty")
    with folder.engine.connect() as connection:
        waiting = check(connection, folder.all())
    assert [(n, f.code, f.remedy) for n, faults in waiting.items() for f in faults] == [
        ("loyalty", "MIG012", "Run `retinue db upgrade`.")
    ]
    folder.core("c2")
    with folder.engine.connect() as connection:
        error = refused(lambda: check(connection, folder.all()))
    assert (error.code, "Run `retinue db upgrade`." in error.remedy, error.exit_code) == ("MIG012", True, 78)


def test_upgrade_inside_a_transaction_is_refused(folder: Folder) -> None:
    folder.core()
    with folder.engine.begin() as connection:
        assert refused(lambda: upgrade(connection, folder.all())).code == "MIG000"


def test_line_without_migrations_is_current(paper: Folder) -> None:
    paper.core()
    paper.lines["io"] = Line("io")
    paper.up()
    assert paper.states()["io"] == ("current", 0)
    assert "alembic_io" not in paper.tables()


def test_lines_are_made_from_what_is_installed(site: Site) -> None:
    site.install("points", {}, toml='requires = ["orders"]\nrequires_schema = { core = 2 }')
    site.install("small", body="")
    found = discover()
    core, points, small = lines_of(found, ["small", "points", "gone"])
    assert (core.name, core.folder.endswith("retinue/migrations")) == ("core", True)
    assert points.folder.endswith("retinue_points/migrations")
    assert (points.requires, points.requires_schema) == (("orders",), {"core": 2})
    assert (small.name, small.folder) == ("small", "")
    assert line_of(found["points"].manifest).folder == ""
    assert core_line("x").version_table == "alembic_core"
