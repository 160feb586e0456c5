"""What the plugin does while it is on: permissions, off means off, budgets, idempotence, personal data."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from retinue.actor import Actor
from retinue.contacts.service import create_contacts
from retinue.kit import Project
from retinue.plugins.contributions import KINDS, name_of
from retinue.testing.conformance.looking import bare_rows
from retinue.testing.conformance.probes import PROBES, served
from retinue.testing.house import Api, Crm
from retinue.testing.privacy import assert_personal_data
from retinue.web import PUBLIC, SIGNED_IN

SYSTEM = Actor.system("conformance")
BUDGET_MS = 250
"""How long one call of a hook for 25 contacts may take, on a slow machine."""


Route = tuple[str, str, str]


def _plans(crm: Crm) -> dict[str, Route]:
    """Return (method, path, permission) of every route by module and name of its function."""
    found = {}
    for route in served(crm):
        for handler in getattr(route, "route_handlers", ()):
            plan = handler.opt.get("retinue_plan")
            if plan is not None:
                found[f"{plan.fn.__module__}.{plan.name}"] = (
                    plan.method,
                    _filled(route.path),
                    plan.permission,
                )
    return found


def _filled(path: str) -> str:
    return re.sub(r"{(\w+)(?::(\w+))?}", lambda m: "1" if m[2] in ("int", "str") else str(uuid4()), path)


@pytest.fixture(scope="session")
def plans() -> Callable[[Crm], dict[str, Route]]:
    """Return a function that gives the routes of an installation, read once."""
    known: dict[int, dict[str, Route]] = {}

    def of(crm: Crm) -> dict[str, Route]:
        if id(crm) not in known:
            known[id(crm)] = _plans(crm)
        return known[id(crm)]

    return of


def _plan(plans: Any, crm: Crm, project: Project, route: str) -> Route:
    top = project.package.partition(".")[0]
    found: list[Route] = [
        plan for name, plan in plans(crm).items() if name.startswith(top) and name.endswith(f".{route}")
    ]
    assert found, f"{route} is decorated and stands in no list of handlers of plugin.toml"
    return found[0]


def test_route_is_closed_to_strangers(on: Crm, project: Project, plans: Any, route: str) -> None:
    """Whoever is not signed in gets 401, unless the route says that all the world may call it."""
    method, path, permission = _plan(plans, on, project, route)
    answer = on.client.request(method, path, headers={"Accept": "application/json"}, follow_redirects=False)
    if permission != PUBLIC:
        assert answer.status_code in (401, 303), answer.text


def test_route_is_denied_without_its_permission(on: Crm, project: Project, plans: Any, route: str) -> None:
    """Whoever is signed in and lacks the permission gets 403, whatever they send."""
    method, path, permission = _plan(plans, on, project, route)
    if permission in (PUBLIC, SIGNED_IN):
        return
    nobody = on.user({"team.read": "own"} if permission != "team.read" else {"tag.read": "own"})
    answer = on.client.request(method, path, headers={"Authorization": f"Bearer {nobody.token}"})
    assert answer.status_code in (403, 404, 415), f"{answer.status_code} {answer.text}"
    assert answer.status_code == 403 or method not in ("GET", "DELETE"), answer.text


def test_route_names_a_permission_that_exists(on: Crm, project: Project, plans: Any, route: str) -> None:
    """A permission that is declared nowhere can be granted to nobody."""
    _, _, permission = _plan(plans, on, project, route)
    assert permission in {PUBLIC, SIGNED_IN, *(p.name for p in on.house.permissions)}


def test_contribution_is_there_while_on_and_gone_while_off(
    open_fresh: Any, on: Crm, subject: str, contribution: str
) -> None:
    """Off means off, for each thing that the plugin adds, by the means of whoever uses it."""
    kind, _, name = contribution.partition(":")
    declared = [o.item for o in on.house.plugins.declared(KINDS[kind]) if o.plugin == subject]
    (item,) = [item for item in declared if name_of(item) == name]
    assert PROBES[kind](on, item, _everybody(on))
    off = _off(open_fresh)
    assert [o for o in off.house.plugins.declared(KINDS[kind]) if o.plugin == subject] == []
    assert not PROBES[kind](off, item, _everybody(off))


_OFF: list[Crm] = []
_EVERYBODY: dict[int, Api] = {}


def _off(open_fresh: Any) -> Crm:
    """Return one installation in which no plugin is on, kept for the run."""
    if not _OFF:
        _OFF.append(open_fresh("sqlite").__enter__())
    return _OFF[0]


def _everybody(crm: Crm) -> Api:
    """Return a client of somebody who may do everything, made once for each installation."""
    if id(crm) not in _EVERYBODY:
        _EVERYBODY[id(crm)] = crm.user().client
    return _EVERYBODY[id(crm)]


@contextmanager
def counted(crm: Crm) -> Iterator[list[str]]:
    """Collect the statements that are sent to data and keys."""
    sent: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engines = (crm.house.database.engine, crm.house.database.keys.engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def create(crm: Crm, number: int) -> None:
    """Create contacts by one call."""
    drafts = [{"kind": "person", "given_name": "Ada", "family_name": uuid4().hex} for _ in range(number)]
    with crm.store() as store:
        create_contacts(store, drafts)


def test_hooks_ask_no_question_per_row(on: Crm) -> None:
    """Twenty-five contacts cost the plugin as many statements as five: an import brings thousands."""
    create(on, 1)
    sent = []
    for number in (5, 25):
        with counted(on) as statements:
            create(on, number)
        sent.append(len(statements))
    assert sent[1] <= sent[0] + 3, f"{sent[0]} statements for 5 contacts, {sent[1]} for 25"


def _skip_absent(crm: Crm, hook: str) -> None:
    if hook not in crm.house.plugins.specs:
        pytest.skip(f"the plugin that publishes {hook} is not installed here")


def test_hook_keeps_its_budget(on: Crm, subject: str, answered_hook: str) -> None:
    """A hook runs in somebody's transaction; nobody waits for it longer than a quarter of a second."""
    _skip_absent(on, answered_hook)
    if answered_hook not in ("contacts_created", "contact_errors"):
        assert answered_hook in on.house.plugins.specs
        return
    began = time.perf_counter()
    create(on, 25)
    spent = (time.perf_counter() - began) * 1000
    assert [p.plugin for p in on.house.plugins.explain_order(answered_hook) if p.plugin == subject]
    assert spent < 4 * BUDGET_MS, f"creating 25 contacts took {spent:.0f} ms"


def test_hook_is_answered_while_on(on: Crm, subject: str, answered_hook: str) -> None:
    """What is marked is called: its place in the order can be explained."""
    _skip_absent(on, answered_hook)
    if not answered_hook.startswith("register_"):
        assert subject in [position.plugin for position in on.house.plugins.explain_order(answered_hook)]


def rows(crm: Crm, tables: tuple[str, ...]) -> dict[str, list[Any]]:
    """Return the rows of tables as the database has them."""
    return {name: sorted(map(repr, bare_rows(crm, name))) for name in tables}


def test_scheduled_job_may_run_twice(on: Crm, subject: str, schedule: str) -> None:
    """A worker may die between effect and note; what ran once more must change nothing."""
    manifest = on.house.plugins.loaded[subject].manifest
    plan = next(item for item in manifest.contributions["schedules"] if item.name == schedule)
    job = next(item for item in manifest.contributions["jobs"] if item.name == plan.job)
    run = on.house.plugins.resolve(subject, job.run)
    if isinstance(run, type):
        return
    create(on, 2)
    seen = []
    for _ in range(2):
        with on.house.store(SYSTEM, plugin=subject) as store:
            run(store, dict(plan.payload))
        seen.append(rows(on, manifest.tables))
    assert seen[0] == seen[1]


def test_personal_data_are_copied_and_erased(on: Crm, subject: str, project: Project) -> None:
    """Markers in every personal column are in the copy, and after the erasure nowhere: no table, no byte of a file."""
    told = project.pyproject.get("tool", {}).get("retinue", {}).get("markers", {})
    assert_personal_data(on.house, subject, values=told)


def test_log_holds_no_personal_data(on: Crm, caplog: pytest.LogCaptureFixture) -> None:
    """Names in a log outlive the person's erasure."""
    marker = f"Zq{uuid4().hex}"
    with caplog.at_level(logging.DEBUG):
        answer = on.user().client.post("/contacts", {"given_name": marker, "family_name": marker})
    assert answer.status_code == 201
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("retinue")]
    assert [line for line in ours if marker in line] == []


def test_settings_have_defaults_of_their_kind(on: Crm, subject: str) -> None:
    """A plugin works before anybody has set anything."""
    for item in on.house.plugins.loaded[subject].manifest.contributions.get("settings", ()):
        kinds: dict[str, tuple[type, ...]] = {
            "integer": (int,),
            "boolean": (bool,),
            "decimal": (int, float, str),
        }
        assert item.default is None or isinstance(item.default, kinds.get(item.kind, (str,))), item.name
        assert item.kind != "choice" or item.default in (None, *item.choices), item.name
