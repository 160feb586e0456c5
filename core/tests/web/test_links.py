"""Links without an account: single-purpose, expiring, unforgeable."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retinue.errors import Denied
from retinue.storage import new_id
from retinue.web import make_link, read_link, sign_bytes

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def store(database: Any) -> Any:
    from retinue.actor import Actor

    database.create_schema()
    with database.store(Actor.system("test")) as opened:
        yield opened


def test_link_says_what_was_put_in(store: Any) -> None:
    subject = new_id()
    token = make_link(store, "preferences", subject, lasts=timedelta(days=7), extra="větší")
    link = read_link(store, "preferences", token)
    assert (link.subject, link.extra) == (subject, "větší")
    assert timedelta(days=6) < link.until - store.now <= timedelta(days=7)
    other = make_link(store, "preferences", subject, lasts=timedelta(days=7), extra="větší")
    assert read_link(store, "preferences", other).mark != link.mark


def test_link_opens_only_its_purpose_and_ends(store: Any) -> None:
    """GD-x15: single-purpose and expiring."""
    token = make_link(store, "preferences", new_id(), lasts=timedelta(days=7))
    with pytest.raises(Denied, match="not valid"):
        read_link(store, "request", token)
    over = make_link(store, "preferences", new_id(), lasts=timedelta(seconds=-1))
    with pytest.raises(Denied) as refused:
        read_link(store, "preferences", over)
    assert refused.value.code == "link-expired"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0, 400), sign=st.sampled_from("ABCxyz019-_=.% é"), cut=st.integers(0, 3))
def test_changed_link_is_refused(store: Any, place: int, sign: str, cut: int) -> None:
    """GD-03: every change of one sign, every cut, is refused; nothing else is raised."""
    token = make_link(store, "preferences", new_id(), lasts=timedelta(days=7))
    place %= len(token)
    changed = token[:place] + sign + token[place + cut :]
    if changed != token:
        with pytest.raises(Denied):
            read_link(store, "preferences", changed)


def test_signatures_differ_by_purpose(store: Any) -> None:
    assert sign_bytes(store, "report", b"x") == sign_bytes(store, "report", b"x")
    assert sign_bytes(store, "report", b"x") != sign_bytes(store, "receipt", b"x")
