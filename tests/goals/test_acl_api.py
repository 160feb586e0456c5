"""The API as a matrix: nothing without its right, nothing changed by what was refused, nothing told of what is hidden."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from typing import Any
from uuid import uuid4

import pytest
from api_kit import WRITES, Operation, bodies, changed, enable_all, fingerprints, operations
from goal_kit import Goal

from retinue.access import change_account, change_role, deactivate_account, get_account, revoke_token
from retinue.access.api_tokens import list_tokens
from retinue.web import PUBLIC, SIGNED_IN

LEAST = "tag.remove"
"""The one right of somebody without rights: a token must name one."""


@pytest.mark.goal("acl-api")
@pytest.mark.goal("acl-denied")
@pytest.mark.goal("acl-oracle")
def test_the_matrix_of_the_api_holds_with_every_plugin_on(crm: Any, goal: Goal) -> None:
    """A5, A6, A8 in one installation, since turning every plugin on takes its time."""
    enable_all(crm)
    check_document(crm, goal)
    check_permissions(crm, goal)
    check_refusals(crm, goal)
    check_oracle(crm, goal)


def _send(api: Any, operation: Operation, body: Any = None, **ids: Any) -> Any:
    options = {"json": body if body is not None else {}} if operation.method in WRITES[:3] else {}
    return api.call(operation.method, operation.url(**ids), **options)


def check_document(crm: Any, goal: Goal) -> None:
    """A5: 100 % of routes, plugins' included; one without a permission stops the start (tests/web/test_application)."""
    document = crm.nobody.get("/openapi.json").json()["paths"]
    documented = {(m.upper(), path) for path, item in document.items() for m in item if m != "parameters"}
    plain = {(o.method, _plain(o.path)) for o in operations(crm)}
    hidden = [f"{m} {p}" for m, p in plain - documented if not p.endswith("openapi.json")]
    goal.none_of("routes that are served and not in the document", hidden)
    known = {p.name for p in crm.house.permissions} | {PUBLIC, SIGNED_IN}
    goal.none_of(
        "routes with an unknown permission", [o.name for o in operations(crm) if o.permission not in known]
    )
    goal.at_least("operations in the matrix", len(plain), 80)


def _plain(path: str) -> str:
    import re

    return re.sub(r"{(\w+):\w+}", r"{\1}", path)


def check_permissions(crm: Any, goal: Goal) -> None:
    """A5: nobody, no rights at all, every right but the one that the route names: 0 unexpected 2xx."""
    kind = crm.house.database.kind
    every = {p.name: "all" for p in crm.house.permissions}
    poor, wrong, cells = crm.user({LEAST: "all"}).client, [], 0
    lacking: dict[str, Any] = {}
    for operation in operations(crm):
        if operation.permission == PUBLIC:
            continue
        callers = {"nobody": crm.nobody}
        if operation.permission != SIGNED_IN:
            name = operation.permission
            if name not in lacking:
                lacking[name] = crm.user({k: v for k, v in every.items() if k != name}).client
            callers["with every other right"] = lacking[name]
            if name != LEAST:
                callers["with one right"] = poor
        for who, api in callers.items():
            answer = _send(api, operation)
            cells += 1
            if answer.status_code not in ((401,) if who == "nobody" else (403,)):
                wrong.append(f"{operation.name} to {who}: {answer.status_code} {answer.text[:120]}")
    goal.at_least(f"{kind}: cells, caller by operation", cells, 200)
    goal.none_of(f"{kind}: unexpected answers", wrong)


def check_refusals(crm: Any, goal: Goal) -> None:
    """A6: every writing operation, denied and with fields that are not the caller's: 0 tables changed, 0 fields taken."""
    kind = crm.house.database.kind
    admin, poor = crm.user(), crm.user({LEAST: "all"})
    contact = admin.client.post("/contacts", {"name": "Ada", "city": "Brno"}).json()["id"]
    ids = {"contact_id": contact}
    document = crm.nobody.get("/openapi.json").json()["paths"]
    writing = [o for o in operations(crm) if o.method in WRITES and o.permission != PUBLIC]
    # One without a body does what it does, whatever is sent along: to it only the denied call is made.
    taking = [o for o in writing if "requestBody" in document[_plain(o.path)][o.method.lower()]]
    before, taken, sent = fingerprints(crm), [], 0
    for operation in writing:
        if operation.permission not in (SIGNED_IN, LEAST):
            answer = _send(poor.client, operation, **ids)
            sent += 1
            assert answer.status_code == 403, f"{operation.name}: {answer.text}"
        for body in bodies(operation) if operation in taking else ():
            answer = _send(admin.client, operation, body, **ids)
            sent += 1
            if answer.status_code < 300 or answer.status_code >= 500:
                taken.append(f"{operation.name} {body}: {answer.status_code} {answer.text[:100]}")
    goal.at_least(f"{kind}: refused and invalid calls", sent, 100)
    goal.none_of(f"{kind}: unknown or forbidden fields taken", taken)
    goal.none_of(f"{kind}: tables changed by them", changed(before, fingerprints(crm)))


# ---- the oracle -----------------------------------------------------------------------------------------------------
IN_A_CONTACT = ("contact_id",)


def check_oracle(crm: Any, goal: Goal) -> None:
    """A8: status, headers and body of every operation on a contact are the same bytes; so is the time they take."""
    kind = crm.house.database.kind
    every = {p.name: "own" if p.scoped else "all" for p in crm.house.permissions}
    mine = crm.user(every)
    hidden = crm.user().client.post("/contacts", {"name": "Hidden", "city": "Brno"}).json()["id"]
    told, asked = [], 0
    for operation in operations(crm):
        if "{contact_id" not in operation.path:
            continue
        absent = str(uuid4())
        answers = [_seen(_send(mine.client, operation, contact_id=i), i) for i in (hidden, absent)]
        asked += 1
        if answers[0] != answers[1]:
            told.append(f"{operation.name}: {answers}")
    goal.at_least(f"{kind}: operations on a contact", asked, 8)
    goal.none_of(f"{kind}: those that tell a hidden from an absent one", told)
    if goal.full:
        goal.at_most(f"{kind}: difference of the medians", _difference(mine.client, hidden), 5, "%")


def _seen(answer: Any, contact_id: str) -> tuple[int, dict[str, str], str]:
    headers = {
        n: v for n, v in answer.headers.items() if not n.startswith(("x-ratelimit", "ratelimit", "date"))
    }
    return answer.status_code, headers, answer.text.replace(contact_id, "ID")


def _difference(api: Any, hidden: str) -> float:
    """Return by how many percent the medians of 10,000 interleaved pairs differ."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(10_000):
        for place, contact_id in enumerate((hidden, str(uuid4()))):
            started = time.perf_counter()
            api.get(f"/contacts/{contact_id}")
            taken[place].append(time.perf_counter() - started)
    medians = [statistics.median(t) for t in taken]
    return abs(medians[0] - medians[1]) / max(medians) * 100


# ---- revoking -------------------------------------------------------------------------------------------------------
@pytest.mark.goal("acl-revoke")
def test_no_request_that_begins_after_a_revocation_is_served(crm: Any, goal: Goal) -> None:
    """A7: eight threads ask on; token, role and account are taken away; nothing that begins later is answered with 2xx."""
    kind, guard = crm.house.database.kind, crm.house.guard
    ways = {
        "token revoked": lambda s, u: revoke_token(s, list_tokens(s, u.id, everybody=True)[0].id),
        "right taken from the role": lambda s, u: change_role(
            s, get_account(s, u.id).role_ids[0] if hasattr(get_account(s, u.id), "role_ids") else _role(s, u),
            {"permissions": {}}, guard=guard,
        ),
        "role taken from the account": lambda s, u: change_account(s, u.id, {"role_ids": []}, guard=guard),
        "account deactivated": lambda s, u: deactivate_account(s, u.id, guard=guard),
    }  # fmt: skip
    served, asked, before = [], 0, 0
    rounds = itertools.cycle(ways.items())
    while asked < goal.size(160, 100_000):
        way, revoke = next(rounds)
        user, answers, ended = crm.user({"contact.read": "all"}), [], threading.Event()
        threads = [threading.Thread(target=_ask_on, args=(user.client, answers, ended)) for _ in range(8)]
        for thread in threads:
            thread.start()
        while len(answers) < 16:
            time.sleep(0.005)
        with crm.store() as store:
            revoke(store, user)
        moment = time.perf_counter()
        target = len(answers) + goal.size(24, 400)
        while len(answers) < target:
            time.sleep(0.005)
        ended.set()
        for thread in threads:
            thread.join()
        after = [status for begun, status in answers if begun > moment]
        before += sum(status == 200 for begun, status in answers if begun <= moment)
        asked += len(after)
        served += [f"{way}: {status}" for status in after if status < 300]
    assert before, "before the revocation requests must be served, or this proves nothing"
    goal.at_least(f"{kind}: requests after a revocation", asked, goal.size(100, 100_000))
    goal.none_of(f"{kind}: those that were served", served)


def _role(store: Any, user: Any) -> Any:
    from retinue.access.service import role_ids_of

    return role_ids_of(store, [user.id])[user.id][0]


def _ask_on(api: Any, answers: list[tuple[float, int]], ended: threading.Event) -> None:
    while not ended.is_set():
        begun = time.perf_counter()
        answers.append((begun, api.get("/contacts?limit=1").status_code))
