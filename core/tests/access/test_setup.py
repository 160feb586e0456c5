"""The first visit: whoever holds the printed code becomes the first administrator, once; on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from retinue.access import Caller, awaits_setup, set_up, setup_address, setup_code
from retinue.errors import Conflict, Invalid, TooMany

from .conftest import AWAY, HOME, SYSTEM, Office

DRAFT = {"login": "Ada@Example.org", "name": "Ada Byron", "password": "meadow violin salt"}


def _code(office: Office) -> str:
    with office.database.store(SYSTEM, readonly=True) as store:
        return setup_code(store)


def _try(office: Office, code: str, address: str = HOME, **more: Any) -> None:
    set_up(office.database, code, {**DRAFT, **more}, Caller(address), guard=office.guard)


def test_first_visit_makes_one_administrator_by_the_code_and_then_nobody_more(office: Office) -> None:
    code = _code(office)
    assert code == _code(office), "every process prints the same code"
    assert setup_address(code, "https://crm.example").endswith(f"/setup#{code}")
    with pytest.raises(Invalid) as refused:
        _try(office, "aaaaaa-aaaaaa-aaaaaa-aaaaaa")
    assert refused.value.code == "wrong-code"
    with pytest.raises(Invalid):
        _try(office, code, password="password1234")
    with office.database.store(SYSTEM, readonly=True) as store:
        assert awaits_setup(store), "a password that is refused does not use the code up"
    _try(office, code.upper().replace("-", " "))
    assert office.sign_in("ada@example.org", DRAFT["password"])
    assert _code(office) == ""
    with pytest.raises(Conflict):
        _try(office, code, login="eve@example.org")


def test_guessing_the_code_is_slowed_down_and_does_not_hinder_others(office: Office) -> None:
    for number in range(30):
        try:
            _try(office, f"guess-{number}", AWAY)
        except TooMany:
            break
        except Invalid:
            continue
    else:
        pytest.fail("thirty guesses were let through")
    _try(office, _code(office))
