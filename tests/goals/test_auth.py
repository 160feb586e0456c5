"""Signing in to the goal table: F1 hashing, F2 throttling, F3 enumeration, F4 revoking, F6 and F7 attacks."""

from __future__ import annotations

import importlib
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from goal_kit import Goal

from retinue import access
from retinue.access import Caller, HashCost, TokenDraft
from retinue.access.models import TryCounter
from retinue.access.passwords import Hasher
from retinue.access.secret import csrf_token, is_csrf_token, new_secret
from retinue.access.throttle import Counter, take_try, wait_of
from retinue.errors import RetinueError, Unauthenticated, Unavailable
from retinue.storage import Database, MasterKeys
from retinue.web import WebSettings, client_address
from retinue.web.requests import check_same_origin

sys.path.append(str(Path(__file__).parents[2]))
kit: Any = importlib.import_module("core.tests.access.conftest")
devices: Any = importlib.import_module("core.tests.access.authenticator")
tokens: Any = importlib.import_module("core.tests.access.test_oidc_attacks")

HERE = Caller(kit.HOME)
PASSWORDS = ("meadow violin salt", "copper lantern fog", "walnut bridge noon", "pebble cactus ink")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Any]:
    """Yield an installation on SQLite with cheap hashes and an administrator."""
    keys = f"sqlite:///{tmp_path / 'keys.db'}"
    database = Database.open(f"sqlite:///{tmp_path / 'data.db'}", keys, MasterKeys.generate())
    database.create_schema()
    made = kit.with_rules(kit.Office(database, None), origin=devices.ORIGIN)
    with made.system() as store:
        made.roles = {name: role.id for name, role in access.ensure_builtin_roles(store).items()}
    made.account("root", "Administrator")
    yield made
    database.close()


# ---- F1
@pytest.mark.goal("auth-hash")
def test_hash_costs_what_it_must_and_no_more_at_once(goal: Goal) -> None:
    """F1: argon2id with 64 MiB and 3 passes, at most two at once however many sign in."""
    cost = HashCost() if goal.full else kit.CHEAP
    goal.at_least("memory of a hash", HashCost().memory_kib / 1024, 64, "MiB")
    goal.at_least("passes of a hash", HashCost().passes, 3)
    assert (HashCost().lanes, HashCost().parallel) == (1, 2)
    hasher = Hasher(cost)
    stored, before = hasher.hash(kit.PASSWORD), _peak()
    running, most = _watched(hasher)
    threads = [threading.Thread(target=_verify, args=(hasher, stored)) for _ in range(goal.size(20, 500))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert running == [0]
    goal.at_most("hashes at once", max(most), 2)
    goal.at_most("memory grown by all of them", _peak() - before, 2 * 64 + 96, "MiB")
    if goal.full:
        took = min(_processor_time(lambda: hasher.verify(stored, kit.PASSWORD)) for _ in range(7))
        goal.at_most("processor time of one check", took * 1000, 300, "ms")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _watched(hasher: Hasher) -> tuple[list[int], list[int]]:
    """Count how many checks run at once; returns the number now, and every number that was reached."""
    running, most, lock, inner = [0], [0], threading.Lock(), hasher._argon

    class Counted:
        def verify(self, *given: Any) -> bool:
            with lock:
                running[0] += 1
                most.append(running[0])
            try:
                return inner.verify(*given)
            finally:
                with lock:
                    running[0] -= 1

    hasher._argon = Counted()  # type: ignore[assignment]  # the same method, counted
    return running, most


def _verify(hasher: Hasher, stored: str) -> None:
    try:
        hasher.verify(stored, kit.PASSWORD)
    except Unavailable:
        return  # it waited its turn for 20 seconds: refused with Retry-After, no memory taken


def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _processor_time(call: Callable[[], Any]) -> float:
    """Return what a call costs, whoever else works on this machine."""
    began = time.thread_time()
    call()
    return time.thread_time() - began


# ---- F2
@pytest.mark.goal("auth-throttle")
def test_guesses_of_an_hour_are_few(goal: Goal) -> None:
    """F2: somebody who never waits longer than told, from as many addresses as there are."""
    rules, start = access.AccessRules(), datetime(2026, 1, 1, tzinfo=UTC)
    counter, now, accepted = Counter(), start, []
    while now < start + timedelta(hours=goal.size(24, 24 * 30)):
        wait = wait_of(counter, now)
        if wait is not None:
            now += timedelta(seconds=wait)
            continue
        counter = take_try(counter, now, rules)
        accepted.append(now)
        now += timedelta(milliseconds=10)
    hour = timedelta(hours=1)
    starts = sorted({accepted[index] for index in range(0, len(accepted), rules.tries)})
    worst = max(sum(begin <= at < begin + hour for at in accepted) for begin in starts)
    goal.at_most("guesses accepted in an hour, per account", worst, 100)
    goal.at_most("longest closing", rules.block_limit.total_seconds() / 3600, 1, "h")


@pytest.mark.goal("auth-throttle")
def test_known_device_is_never_kept_out(goal: Goal, office: Any) -> None:
    """F2: an attacker who keeps the account closed from everywhere, the office's address included."""
    office.account("anna", "Manager")
    device, kept_out = office.sign_in("anna").device, []
    for attempt in range(goal.size(3, 60)):
        for number in range(12):
            address = kit.HOME if number == 0 else f"198.51.100.{(attempt * 12 + number) % 250}"
            with pytest.raises(RetinueError):
                office.sign_in("anna", "wrong", address=address)
        try:
            office.sign_in("anna", device=device)
        except RetinueError as refused:
            kept_out.append(refused.code)
    assert any(row.until for row in office.rows(TryCounter)), "the attacker did close the account"
    goal.none_of("times the known device was kept out", kept_out)


# ---- F3
@pytest.mark.goal("auth-enum")
def test_unknown_login_is_answered_like_a_known_one(goal: Goal, office: Any) -> None:
    """F3: the same words, and the same time: within five per cent of the median."""
    place = kit.with_rules(office, tries=10**6, **({"cost": HashCost()} if goal.full else {}))
    place.account("anna", "Manager")
    place.account("gone", "Manager", password=None)
    said, times = {}, {"anna": [], "nobody": [], "gone": []}
    for _ in range(goal.size(3, 41)):
        for login, taken in times.items():
            began = time.perf_counter()
            with pytest.raises(Unauthenticated) as refused:
                place.sign_in(login, "a wrong password")
            taken.append(time.perf_counter() - began)
            said[login] = (
                refused.value.status,
                str(refused.value),
                refused.value.headers,
                refused.value.extra,
            )
    different = [login for login in said if said[login] != said["anna"]]
    goal.none_of("logins answered differently", different)
    if goal.full:
        _alike(goal, "sign-in", times)


@pytest.mark.goal("auth-enum")
def test_forgotten_password_of_nobody_is_noted_like_one(goal: Goal, office: Any) -> None:
    """F3: whoever asks for whomever, the same work is done."""
    place = kit.with_rules(office, tries=10**6)
    place.account("anna", "Manager")
    times: dict[str, list[float]] = {"anna": [], "nobody": []}
    for _ in range(goal.size(3, 600)):
        for login, taken in times.items():
            taken.append(
                _timed(lambda login=login: access.ask_reset(place.database, login, HERE, guard=place.guard))
            )
    if goal.full:
        _alike(goal, "forgotten password", times)


def _alike(goal: Goal, what: str, times: dict[str, list[float]]) -> None:
    medians = [statistics.median(taken) for taken in times.values()]
    apart = (max(medians) - min(medians)) / min(medians) * 100
    goal.at_most(f"{what}: time known against unknown", apart, 5, "%")


# ---- F4
def _change_password(office: Any, actor: Any, _admin: Any) -> None:
    access.change_own_password(
        office.database, actor, kit.PASSWORD, PASSWORDS[0], caller=HERE, guard=office.guard
    )


def _set_password(office: Any, actor: Any, admin: Any) -> None:
    access.set_password(office.database, admin, actor.id, PASSWORDS[1], guard=office.guard)


def _reset_password(office: Any, actor: Any, admin: Any) -> None:
    with office.database.store(admin) as store:
        link = access.issue_reset(store, actor.id, guard=office.guard).link
    access.use_reset(office.database, link.partition("#")[2], PASSWORDS[2], HERE, guard=office.guard)


def _set_totp(office: Any, actor: Any, _admin: Any) -> Any:
    with office.database.store(actor) as store:
        seed = access.offer_totp(store, guard=office.guard).seed
    with office.database.store(actor) as store:
        return access.confirm_totp(store, kit.current_code(seed), HERE, guard=office.guard).signed_in


def _add_passkey(office: Any, actor: Any, _admin: Any) -> None:
    with office.database.store(actor) as store:
        options = access.offer_passkey(store, guard=office.guard)
    answer = devices.Authenticator().create(options)
    with office.database.store(actor) as store:
        access.add_passkey(store, answer, "Laptop", HERE, guard=office.guard)


def _as_admin(deed: Callable[..., Any], *more: Any, guarded: bool = True) -> Callable[..., None]:
    def do(office: Any, actor: Any, admin: Any) -> None:
        with office.database.store(admin) as store:
            deed(store, actor.id, *more, **({"guard": office.guard} if guarded else {}))

    return do


def _give_role(office: Any, actor: Any, admin: Any) -> None:
    _as_admin(access.change_account, {"role_ids": [office.roles["Reader"]]})(office, actor, admin)


def _sign_out_everywhere(office: Any, actor: Any, _admin: Any) -> None:
    with office.database.store(actor) as store:
        access.sign_out_everywhere(store)


ENDINGS: dict[str, Callable[..., Any]] = {
    "own password": _change_password,
    "password set": _set_password,
    "password by a link": _reset_password,
    "authenticator set": _set_totp,
    "passkey added": _add_passkey,
    "factors reset": _as_admin(access.reset_second_factor),
    "roles": _give_role,
    "deactivated": _as_admin(access.deactivate_account),
    "signed out everywhere": _sign_out_everywhere,
    "signed out by an administrator": _as_admin(access.sign_out_account, guarded=False),
}


@pytest.mark.goal("auth-revoke")
def test_everything_signed_in_ends_with_what_it_rests_on(goal: Goal, office: Any) -> None:
    """F4: two browsers and a token, before every way to change password, factor, roles or activity."""
    alive, admin = [], office.actor("root")
    for number, (cause, end) in enumerate(ENDINGS.items()):
        login = f"user{number}"
        office.account(login, "Manager")
        first, second = office.sign_in(login), office.sign_in(login)
        actor = office.who(first)
        with office.database.store(actor) as store:
            draft = TokenDraft(name="robot", scopes={"contact.read": "own"})
            bearer = access.create_token(store, draft, guard=office.guard)[1]
        assert office.who(second).id == office.who(bearer=bearer).id, "alive before"
        end(office, actor, admin)
        for facts in ({"cookie": first.secret}, {"cookie": second.secret}, {"bearer": bearer}):
            try:
                office.who(**facts)
            except Unauthenticated:
                continue
            alive.append((cause, next(iter(facts))))
    goal.at_least("causes tried", len(ENDINGS), 10)
    goal.none_of("sessions and tokens alive afterwards", alive)


# ---- F6
@pytest.mark.goal("auth-attacks")
def test_code_and_link_are_good_once(goal: Goal, office: Any) -> None:
    """F6: a code of the authenticator, a recovery code and a reset link, each used a second time."""
    office.account("anna", "Manager")
    actor, admin = office.actor("anna"), office.actor("root")
    with office.database.store(actor) as store:
        seed = access.offer_totp(store, guard=office.guard).seed
    code = kit.current_code(seed)
    with office.database.store(actor) as store:
        codes = access.confirm_totp(store, code, HERE, guard=office.guard).recovery_codes
    accepted = []
    assert office.sign_in("anna", code=codes[0]).secret
    for name, used in (("code of the authenticator", code), ("recovery code", codes[0])):
        try:
            office.sign_in("anna", code=used)
        except Unauthenticated:
            continue
        accepted.append(name)
    with office.database.store(admin) as store:
        link = access.issue_reset(store, actor.id, guard=office.guard).link.partition("#")[2]
    access.use_reset(office.database, link, PASSWORDS[0], HERE, guard=office.guard)
    try:
        access.use_reset(office.database, link, PASSWORDS[1], HERE, guard=office.guard)
        accepted.append("reset link")
    except RetinueError:
        pass
    goal.none_of("secrets taken a second time", accepted)


SITES = ("cross-site", "same-site", "Cross-Site", "", "none,cross-site", "same-origin, cross-site", "x")
ORIGINS = (
    *("https://evil.example", "null", "", "http://crm.example", "https://crm.example.evil.example"),
    *("https://crm.example:444", "https://crm.example/", "https://evil.example/https://crm.example"),
)
SPOOFED = (
    *("203.0.113.7", "203.0.113.7, 203.0.113.7", "127.0.0.1", "::1", "::ffff:203.0.113.7", "10.0.0.1"),
    *("203.0.113.7:80", "[203.0.113.7]", "", ",", "unknown", "203.0.113.7,,", "'; --", "203.0.113.7\t"),
)


@pytest.mark.goal("auth-attacks")
def test_foreign_page_form_token_and_forwarded_address_are_not_believed(goal: Goal) -> None:
    """F6: Sec-Fetch-Site, Origin, form tokens of other sessions, X-Forwarded-For from no proxy of ours."""
    settings = WebSettings(base_url="https://crm.example", secret=b"s" * 32)
    taken = []
    attacks = [{"sec-fetch-site": site} for site in SITES] + [{"origin": origin} for origin in ORIGINS]
    attacks += [{"sec-fetch-site": site, "origin": "https://crm.example"} for site in SITES]
    for headers in (*attacks, {}):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            try:
                check_same_origin(method, headers, settings, has_session=True)
            except RetinueError:
                continue
            taken.append((method, headers))
    mine, other = new_secret(), new_secret()
    for given in (csrf_token(other), "", None, csrf_token(mine)[:-1], csrf_token(mine).upper(), mine):
        taken += [("form token", given)] if is_csrf_token(mine, given) else []
    proxies = settings.trusted_proxies
    for header in SPOOFED:
        judged = client_address("198.51.100.9", header, proxies)
        taken += [("X-Forwarded-For", header)] if judged != "198.51.100.9" else []
    assert is_csrf_token(mine, csrf_token(mine))
    check_same_origin("POST", {"sec-fetch-site": "same-origin"}, settings, has_session=True)
    goal.at_least("attacks tried", 4 * (len(attacks) + 1) + 6 + len(SPOOFED), 100)
    goal.none_of("requests taken", taken)


# ---- F7
@pytest.mark.goal("oidc-attacks")
def test_id_tokens_of_an_attacker_are_not_believed(goal: Goal) -> None:
    """F7: none, swapped algorithms, foreign, weak and empty keys, crit, audience, issuer, nonce, time, subject."""
    believed = []
    tokens.publish()
    assert tokens.read(tokens.made()).subject == "p1", "the control"
    attacks = dict(tokens.SIGNATURES)
    attacks |= {name: lambda bent=bent: tokens.made(**bent) for name, bent in tokens.CLAIMS.items()}
    for name, make in attacks.items():
        try:
            tokens.read(make())
        except Unauthenticated:
            continue
        believed.append(name)
    tokens.wire.memory.forget()
    goal.at_least("attacks tried", len(attacks), 60)
    goal.none_of("id tokens believed", believed)
