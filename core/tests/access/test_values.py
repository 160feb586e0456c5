"""Tokens, addresses, throttle arithmetic, codes, permissions and rights: pure functions, no database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.access import CORE_PERMISSIONS, AccessRules, Permission, Permissions
from retinue.access.addresses import is_allowed, parse_networks, throttle_key
from retinue.access.builtin import BUILT_IN
from retinue.access.rights import Rights, RoleRights, exceeding, join_roles, narrow_to_scopes, usable_roles
from retinue.access.secret import (
    csrf_token,
    is_csrf_token,
    is_token,
    new_recovery_codes,
    new_token,
    plain_recovery_code,
)
from retinue.access.throttle import Counter, block_length, give_back, take_try, wait_of
from retinue.access.totp import STEP, enrolment_address, enrolment_picture, matching_step, new_seed, step_at
from retinue.actor import Reach
from retinue.errors import Invalid, Misconfigured
from retinue.web.requests import client_address

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
RULES = AccessRules()


# ---- tokens
def test_token_has_prefix_body_and_checksum() -> None:
    token = new_token()
    assert token.startswith("retinue_pat_")
    assert len(token) == len("retinue_pat_") + 43 + 6
    assert is_token(token)
    assert new_token() != token


@given(st.integers(12, 60), st.sampled_from("0aZ_-é"))
def test_token_with_one_letter_changed_is_no_token(place: int, letter: str) -> None:
    token = new_token()
    changed = token[:place] + letter + token[place + 1 :]
    assert is_token(changed) is (changed == token)


@pytest.mark.parametrize(
    "text", ["", "retinue_pat_", "Bearer x", "retinue_pat_" + "0" * 49, "ghp_" + "a" * 50]
)
def test_token_of_another_shape_is_no_token(text: str) -> None:
    assert not is_token(text)


def test_csrf_token_belongs_to_one_session() -> None:
    """F6: the form token of one session does not open another."""
    assert is_csrf_token("a", csrf_token("a"))
    assert not is_csrf_token("b", csrf_token("a"))
    assert not is_csrf_token("a", None)
    assert not is_csrf_token("a", "ж")


def test_recovery_codes_hold_120_bits_and_forgive_typing() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    assert all(len(plain_recovery_code(code)) * 5 == 120 for code in codes)
    assert plain_recovery_code(f" {codes[0].upper()} ") == plain_recovery_code(codes[0])


# ---- addresses
def test_client_address_is_counted_from_the_right() -> None:
    """F6: a client writes what it likes on the left; only what our proxies appended counts."""
    proxies = parse_networks(["10.0.0.0/8"])
    assert client_address("198.51.100.9", "203.0.113.7", proxies) == "198.51.100.9"
    assert client_address("10.0.0.1", "203.0.113.7, 198.51.100.9", proxies) == "198.51.100.9"
    assert client_address("10.0.0.1", "203.0.113.7, 198.51.100.9, 10.0.0.2", proxies) == "198.51.100.9"


def test_networks_name_each_wrong_entry() -> None:
    with pytest.raises(Invalid) as wrong:
        parse_networks(["203.0.113.0/24", "office", "300.1.1.1"])
    assert [problem.pointer for problem in wrong.value.problems] == ["/addresses/1", "/addresses/2"]


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("203.0.113.7", True),
        ("::ffff:203.0.113.7", True),
        ("198.51.100.9", False),
        ("", False),
        (None, False),
    ],
)
def test_address_list_decides(address: str | None, allowed: bool) -> None:
    """C-17: the list 203.0.113.0/24."""
    assert is_allowed(address, parse_networks(["203.0.113.0/24"])) is allowed


def test_address_list_that_is_empty_allows_everything() -> None:
    assert is_allowed(None, ())


def test_throttle_key_joins_what_one_subscriber_holds() -> None:
    assert throttle_key("2001:db8:1:2:3::4") == throttle_key("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert throttle_key("203.0.113.7") != throttle_key("203.0.113.8")


# ---- throttle
def _guess(counter: Counter, now: datetime) -> tuple[Counter, bool]:
    if wait_of(counter, now) is not None:
        return counter, False
    return take_try(counter, now, RULES), True


def test_throttle_lets_ten_tries_through_and_closes_for_15_minutes() -> None:
    """C-18: ten wrong tries, then 15 minutes."""
    counter, done = Counter(), []
    for _ in range(12):
        counter, let = _guess(counter, NOW)
        done.append(let)
    assert done == [True] * 10 + [False] * 2
    assert wait_of(counter, NOW) == 900
    assert wait_of(counter, NOW + timedelta(seconds=899)) == 1
    assert wait_of(counter, NOW + timedelta(minutes=15)) is None


def test_throttle_waits_longer_each_time_but_never_for_good() -> None:
    assert [block_length(level, RULES) // timedelta(minutes=1) for level in range(6)] == [
        15,
        30,
        60,
        60,
        60,
        60,
    ]
    assert block_length(10**6, RULES) == timedelta(hours=1)


def test_throttle_allows_at_most_100_guesses_an_hour() -> None:
    """F2: a guess every second for a day, against one account."""
    counter, lets = Counter(), []
    for second in range(86_400):
        counter, let = _guess(counter, NOW + timedelta(seconds=second))
        lets.append(let)
    hours = [sum(lets[start : start + 3600]) for start in range(0, 86_400, 600)]
    assert max(hours) <= 100
    assert max(hours) == 30
    slow = Counter()
    done = 0
    for minute in range(0, 60 * 24, 2):
        slow, let = _guess(slow, NOW + timedelta(minutes=minute))
        done += let
    assert done <= 24 * 100


def test_throttle_forgets_after_a_quiet_day() -> None:
    closed = Counter(10, NOW, NOW + timedelta(hours=1), level=5)
    again = take_try(closed, NOW + timedelta(hours=26), RULES)
    assert (again.tries, again.level, again.until) == (1, 0, None)


def test_throttle_gives_a_right_try_back() -> None:
    nine = Counter(9, NOW)
    closing = take_try(nine, NOW, RULES)
    assert wait_of(closing, NOW) == 900
    assert give_back(closing, RULES) == Counter(9, NOW)
    assert give_back(Counter(), RULES) == Counter()


@given(st.lists(st.tuples(st.integers(0, 4000), st.booleans()), max_size=80))
def test_throttle_never_lets_more_than_ten_wrong_tries_into_one_window(steps: list[tuple[int, bool]]) -> None:
    """Whatever the order of right and wrong tries: between two closings there are at most ten wrong ones."""
    counter, now, wrong = Counter(), NOW, 0
    for seconds, right in steps:
        now += timedelta(seconds=seconds)
        before = counter
        if wait_of(counter, now) is not None:
            continue
        counter = take_try(counter, now, RULES)
        if counter.tries <= before.tries or before.tries == 0:
            wrong = 0
        if right:
            counter = give_back(counter, RULES)
        else:
            wrong += 1
        assert wrong <= RULES.tries
        assert counter.until is None or counter.until - now <= RULES.block_limit


# ---- codes
def test_totp_takes_the_current_step_only() -> None:
    seed = new_seed()
    code = pyotp.TOTP(seed).at(NOW)
    assert matching_step(seed, code, NOW) == step_at(NOW)
    assert matching_step(seed, f"{code[:3]} {code[3:]}", NOW) == step_at(NOW)
    assert matching_step(seed, code, NOW + timedelta(seconds=STEP)) is None
    assert matching_step(seed, code, NOW - timedelta(seconds=STEP)) is None
    assert matching_step(seed, code, NOW + timedelta(seconds=STEP), skew=1) == step_at(NOW)
    assert matching_step(seed, "", NOW) is None
    assert matching_step(seed, "abcdef", NOW) is None


def test_totp_enrolment_is_a_picture_without_scripts() -> None:
    address = enrolment_address("ABCDEFGH" * 4, login="anna@example.com", issuer="Retinue")
    picture = enrolment_picture(address)
    assert address == "otpauth://totp/Retinue:anna%40example.com?secret=" + "ABCDEFGH" * 4 + "&issuer=Retinue"
    assert picture.startswith("<svg")
    assert not any(word in picture for word in ("<script", "style=", "href", "<?xml"))


# ---- permissions and rights
def test_permission_that_is_unknown_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Invalid) as wrong:
        Permissions().parse({"contact.reed": "own", "contact.read": "mine", "role.read": "own", "x/y": "all"})
    found = {problem.pointer: problem.detail for problem in wrong.value.problems}
    assert (
        found["/permissions/contact.reed"]
        == "There is no permission contact.reed. Did you mean contact.read?"
    )
    assert found["/permissions/contact.read"] == "'mine' is no reach: write own, team or all."
    assert found["/permissions/role.read"] == "role.read is held wholly or not at all: write all."
    assert "/permissions/x~1y" in found


def test_permission_of_a_plugin_can_be_declared_once() -> None:
    known = Permissions()
    points = Permission("loyalty.adjust", "Adjust points", scoped=True, plugin="loyalty")
    known.declare(points)
    known.declare(points)
    assert known.parse({"loyalty.adjust": "team"}) == {"loyalty.adjust": Reach.TEAM}
    with pytest.raises(Misconfigured):
        known.declare(Permission("loyalty.adjust", "Other", plugin="points"))
    with pytest.raises(Misconfigured):
        known.declare(Permission("Loyalty", "no verb"))


def test_permissions_of_builtin_roles_are_all_declared() -> None:
    known = Permissions()
    for permissions in BUILT_IN.values():
        assert set(known.parse(permissions)) == set(permissions)
    assert len({permission.name for permission in CORE_PERMISSIONS}) == len(CORE_PERMISSIONS)


def _role(hidden: str = "", locked: str = "", at: str = "", **permissions: int) -> RoleRights:
    named = {name.replace("_", "."): Reach(reach) for name, reach in permissions.items()}
    return RoleRights(named, frozenset(hidden.split()), frozenset(locked.split()), parse_networks(at.split()))


def test_rights_are_the_union_with_the_strongest_reach() -> None:
    joined = join_roles([_role(contact_read=1, view_read=1), _role(contact_read=3)])
    assert joined.permissions == {"contact.read": Reach.ALL, "view.read": Reach.OWN}
    assert join_roles([]).permissions == {}


def test_rights_hide_a_field_only_if_every_role_about_it_does() -> None:
    """C-14: revenue is hidden unless one role that grants something on contacts shows it."""
    blind = _role(hidden="contact.revenue", contact_read=1)
    assert join_roles([blind]).hidden_fields == {"contact.revenue"}
    assert join_roles([blind, _role(contact_read=1)]).hidden_fields == frozenset()
    assert join_roles([blind, _role(audit_read=3)]).hidden_fields == {"contact.revenue"}


def test_rights_do_not_unlock_a_field_by_a_role_that_hides_it() -> None:
    joined = join_roles(
        [_role(hidden="contact.revenue", contact_read=1), _role(locked="contact.revenue", contact_read=1)]
    )
    assert joined.hidden_fields == frozenset()
    assert joined.locked_fields == {"contact.revenue"}


def test_rights_of_a_role_bound_to_addresses_are_absent_elsewhere() -> None:
    office, anywhere = _role(at="203.0.113.0/24", contact_read=3), _role(contact_read=1)
    assert usable_roles([office, anywhere], "203.0.113.7") == [office, anywhere]
    assert usable_roles([office, anywhere], "198.51.100.9") == [anywhere]


reaches = st.dictionaries(
    st.sampled_from(["contact.read", "contact.change", "view.read", "audit.read"]), st.sampled_from(Reach)
)


@given(reaches, reaches)
def test_scopes_never_widen_the_owner(owner: dict[str, Reach], scopes: dict[str, Reach]) -> None:
    left = narrow_to_scopes(Rights(owner), scopes).permissions
    for name, reach in left.items():
        assert reach <= owner.get(name, Reach.NONE)
        assert reach <= scopes[name]
    assert Reach.NONE not in left.values()


@given(reaches, reaches)
def test_exceeding_is_empty_exactly_when_nothing_is_beyond(
    wanted: dict[str, Reach], held: dict[str, Reach]
) -> None:
    beyond = exceeding(Rights(wanted), Rights(held))
    assert (beyond == []) is all(reach <= held.get(name, Reach.NONE) for name, reach in wanted.items())


def test_exceeding_names_fields_that_would_be_uncovered() -> None:
    held = Rights({"contact.read": Reach.ALL}, frozenset({"contact.revenue"}), frozenset({"contact.revenue"}))
    assert exceeding(Rights({"contact.read": Reach.OWN}), held) == ["contact.revenue"]
    assert exceeding(Rights({}), held) == []
