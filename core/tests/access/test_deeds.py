"""Delicate deeds: a fresh proof, and a second person where the installation wants one. On both databases."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from retinue.access import (
    Approval,
    DeedWatch,
    SignInSession,
    ask_approval,
    change_account,
    create_account,
    create_role,
    decide_approval,
    describe_approvals,
    list_approvals,
    prove_again,
    withdraw_approval,
)
from retinue.access.deeds import name_subjects
from retinue.actor import Actor
from retinue.errors import Conflict, Denied, Invalid, NotFound
from retinue.storage import Store, new_id

from .conftest import PASSWORD, Office, with_rules

STEP_UP = frozenset({"contact.erase", "account.change_roles", "role.change"})
TWO = frozenset({"contact.erase", "account.change_roles"})


@pytest.fixture
def strict(office: Office) -> Office:
    made = with_rules(office, step_up_deeds=STEP_UP, approved_deeds=TWO)
    made.account("root", "Administrator")
    made.account("second", "Administrator")
    made.account("lead", "Team lead")
    return made


@contextlib.contextmanager
def opened(office: Office, actor: Actor, *, readonly: bool = False) -> Iterator[Store]:
    watch = {"watch": DeedWatch(office.guard)}
    with office.database.store(actor, declared=watch, readonly=readonly) as store:
        yield store


def _refused(office: Office, actor: Actor, deed: str, *subjects: Any) -> Denied:
    with pytest.raises(Denied) as refused, opened(office, actor) as store:
        store.watch(deed, *subjects)
    return refused.value


def _approved(office: Office, actor: Actor, by: Actor, deed: str, subject: str) -> None:
    with opened(office, actor) as store:
        asked = ask_approval(store, deed, subject, "", guard=office.guard).id
    with opened(office, by) as store:
        decide_approval(store, asked, approve=True, guard=office.guard)


# ---- a fresh proof
def test_delicate_deed_asks_for_a_fresh_proof(office: Office) -> None:
    """ASVS 7.5.3: after the step-up time the deed is refused with a code that tells what to do."""
    from .test_factors import HERE

    rules = with_rules(office, step_up_deeds=STEP_UP)
    rules.account("root", "Administrator")
    root = rules.actor("root")
    with opened(rules, root) as store:
        store.require("contact.erase")
    rules.age(SignInSession, timedelta(minutes=16), "proved_at")
    refused = _refused(rules, root, "contact.erase")
    assert (refused.status, refused.code, refused.extra) == (403, "proof-required", {"minutes": 15})
    with opened(rules, root) as store:
        store.require("contact.change")
    prove_again(rules.database, root, PASSWORD, HERE, guard=rules.guard)
    with opened(rules, root) as store:
        store.require("contact.erase")


def test_change_of_roles_asks_for_a_fresh_proof_and_a_change_of_name_does_not(office: Office) -> None:
    rules = with_rules(office, step_up_deeds=STEP_UP)
    rules.account("root", "Administrator")
    anna = rules.account("anna", "Reader")
    root = rules.actor("root")
    rules.age(SignInSession, timedelta(minutes=16), "proved_at")
    with opened(rules, root) as store:
        change_account(store, anna, {"name": "Anna N."}, guard=rules.guard)
    with pytest.raises(Denied) as refused, opened(rules, root) as store:
        change_account(store, anna, {"role_ids": [rules.roles["Manager"]]}, guard=rules.guard)
    assert refused.value.code == "proof-required"
    draft = {"login": "new", "name": "New", "role_ids": [rules.roles["Administrator"]]}
    with pytest.raises(Denied), opened(rules, root) as store:
        create_account(store, draft, guard=rules.guard)


# ---- a second person
def test_deed_waits_for_a_second_person_and_is_done_once(strict: Office) -> None:
    """The problem names deed and subject; approved, the deed is done once and not again."""
    root, second, contact = strict.actor("root"), strict.actor("second"), new_id()
    refused = _refused(strict, root, "contact.erase", contact)
    assert refused.code == "approval-required"
    assert refused.extra == {"deed": "contact.erase", "subject": str(contact)}
    _approved(strict, root, second, **refused.extra)
    _refused(strict, second, "contact.erase", contact)
    _refused(strict, root, "contact.erase", new_id())
    with contextlib.suppress(ZeroDivisionError), opened(strict, root) as store:
        store.watch("contact.erase", contact)
        raise ZeroDivisionError  # the deed fails: the approval is still there
    with opened(strict, root) as store:
        store.watch("contact.erase", contact)
        store.watch("contact.erase", contact)
    assert _refused(strict, root, "contact.erase", contact).code == "approval-required"
    with opened(strict, root, readonly=True) as store:
        store.watch("contact.erase", contact)
    done = ["approval.ask", "approval.approve", "approval.use"]
    assert [len(strict.audit(action)) for action in done] == [1, 1, 1]
    assert strict.audit("approval.use")[0].actor_id == root.id


def test_nobody_approves_their_own_deed_nor_without_the_permission(strict: Office) -> None:
    root, second, lead = (strict.actor(login) for login in ("root", "second", "lead"))
    with opened(strict, root) as store:
        asked = ask_approval(store, "contact.erase", "x", "A request by letter", guard=strict.guard).id
        again = ask_approval(store, "contact.erase", "x", "", guard=strict.guard).id
    assert asked == again
    with pytest.raises(Denied) as own, opened(strict, root) as store:
        decide_approval(store, asked, approve=True, guard=strict.guard)
    assert own.value.code == "own-approval"
    with pytest.raises(NotFound), opened(strict, lead) as store:
        decide_approval(store, asked, approve=True, guard=strict.guard)
    with opened(strict, lead) as store:
        assert list_approvals(store) == []
    with opened(strict, second) as store:
        shown = describe_approvals(store, list_approvals(store, waiting=True), guard=strict.guard)
    assert [(row["state"], row["may_decide"], row["asked_by_name"]) for row in shown] == [
        ("waiting", True, "Root")
    ]
    with opened(strict, second) as store:
        decide_approval(store, asked, approve=False, guard=strict.guard)
    assert _refused(strict, root, "contact.erase", "x").code == "approval-required"
    with pytest.raises(Conflict), opened(strict, second) as store:
        decide_approval(store, asked, approve=True, guard=strict.guard)


def test_approver_has_to_be_really_there(strict: Office) -> None:
    root, second = strict.actor("root"), strict.actor("second")
    with opened(strict, root) as store:
        asked = ask_approval(store, "contact.erase", "x", "", guard=strict.guard).id
    strict.age(SignInSession, timedelta(minutes=16), "proved_at")
    with pytest.raises(Denied) as stale, opened(strict, second) as store:
        decide_approval(store, asked, approve=True, guard=strict.guard)
    assert stale.value.code == "proof-required"
    for kind in ("token", "system"):
        with pytest.raises(Denied), opened(strict, Actor(kind=kind, id=second.id)) as store:
            decide_approval(store, asked, approve=True, guard=strict.guard)


def test_approval_ends_and_can_be_withdrawn(strict: Office) -> None:
    root, second = strict.actor("root"), strict.actor("second")
    _approved(strict, root, second, "contact.erase", "x")
    strict.age(Approval, timedelta(hours=25), "expires_at")
    assert _refused(strict, root, "contact.erase", "x").code == "approval-required"
    _approved(strict, root, second, "contact.erase", "x")
    fresh = max(strict.rows(Approval), key=lambda row: row.asked_at).id
    with pytest.raises(NotFound), opened(strict, second) as store:
        withdraw_approval(store, fresh)
    with opened(strict, root) as store:
        withdraw_approval(store, fresh)
    assert _refused(strict, root, "contact.erase", "x").code == "approval-required"


def test_approval_of_roles_is_bound_to_these_roles(strict: Office) -> None:
    """An approved promotion to manager cannot be used for one to administrator."""
    root, second, anna = strict.actor("root"), strict.actor("second"), strict.find("lead").id
    manager, admin = strict.roles["Manager"], strict.roles["Administrator"]
    with pytest.raises(Denied) as refused, opened(strict, root) as store:
        change_account(store, anna, {"role_ids": [manager]}, guard=strict.guard)
    _approved(strict, root, second, **refused.value.extra)
    with pytest.raises(Denied), opened(strict, root) as store:
        change_account(store, anna, {"role_ids": [admin]}, guard=strict.guard)
    with opened(strict, root) as store:
        change_account(store, anna, {"role_ids": [manager]}, guard=strict.guard)


def test_approval_is_asked_only_for_what_one_may_and_what_needs_it(strict: Office) -> None:
    lead, root = strict.actor("lead"), strict.actor("root")
    with pytest.raises(Denied), opened(strict, lead) as store:
        ask_approval(store, "contact.erase", "x", "", guard=strict.guard)
    with pytest.raises(Invalid), opened(strict, root) as store:
        ask_approval(store, "contact.change", "x", "", guard=strict.guard)


def test_role_is_watched_with_its_values(office: Office) -> None:
    rules = with_rules(office, approved_deeds=frozenset({"role.create"}))
    rules.account("root", "Administrator")
    with pytest.raises(Denied) as refused, opened(rules, rules.actor("root")) as store:
        create_role(store, {"name": "Desk", "permissions": {}}, guard=rules.guard)
    assert len(refused.value.extra["subject"]) == 40


def test_jobs_and_the_command_line_pass_the_watch(strict: Office) -> None:
    """A job's deed was watched when it was asked for; whoever has the machine has the database."""
    person = strict.actor("root")
    for actor in (Actor.system("job"), Actor(kind="person", id=person.id, permissions=person.permissions)):
        with opened(strict, actor) as store:
            store.require("contact.erase")


def test_subjects_of_many_rows_are_a_number_and_a_fingerprint() -> None:
    ids = [new_id() for _ in range(20)]
    assert name_subjects(ids) == name_subjects(reversed(ids))
    assert name_subjects(ids).startswith("20 rows ")
    assert name_subjects(ids) != name_subjects([*ids[:-1], new_id()])
    assert name_subjects([]) == ""
