"""Rules and hashes of passwords, without a database."""

from __future__ import annotations

import statistics
import threading
import time

import pytest

from retinue.access import AccessRules, HashCost
from retinue.access.passwords import Hasher, normalise, password_problems
from retinue.config import Config, Security
from retinue.errors import Unavailable

RULES = AccessRules()
ANNA = ("anna.novak@example.com", "Anna Nováková")


def _codes(password: str, rules: AccessRules = RULES, *, second_factor: bool = False) -> list[str]:
    return [
        problem.code
        for problem in password_problems(password, rules, words=ANNA, second_factor=second_factor)
    ]


def test_password_too_short_names_rule_length() -> None:
    """C-18: with a least length of 12, 'Secret123' is refused by the rule named length."""
    assert _codes("Secret123", AccessRules(password_min=12)) == ["length"]


@pytest.mark.parametrize(
    ("password", "codes"),
    [
        ("tulip frog mountain", []),
        ("9fK2-xQ7b-LmP0-rT", []),
        ("84726159308462715093", []),
        ("ножик лиса облако", []),
        ("passwordpassword", ["common"]),
        ("P@ssw0rd12345678", ["common"]),
        ("qwertyuiop1234567", ["common"]),
        ("aaaaaaaaaaaaaaaa", ["common"]),
        ("correct horse battery staple", ["common"]),
        ("retinue-retinue-2026", ["context"]),
        ("anna.novak-12345", ["context"]),
        ("Nováková Nováková", ["context"]),
    ],
)
def test_password_is_judged_by_what_is_its_own(password: str, codes: list[str]) -> None:
    assert _codes(password) == codes


def test_password_lengths_follow_the_second_factor() -> None:
    """NIST SP 800-63B-4: 15 alone, 8 beside a second factor, at least 64 allowed, no rules of composition."""
    assert _codes("kxvmqzpj") == ["length"]
    assert _codes("kxvmqzpj", second_factor=True) == []
    assert _codes("k x v m q z p j f w g h l b n d " * 8) == []
    assert _codes("kxvmqzpj" * 33) == ["length"]


def test_password_of_the_organisation_is_refused() -> None:
    rules = AccessRules(context_words=("Retinue", "Dřevo Klement"))
    assert _codes("drevo klement 1999", rules) == []
    assert _codes("dřevo klement 1999", rules) == ["context"]


def test_password_is_normalised_before_hashing() -> None:
    hasher = Hasher(HashCost(8, 1, 1))
    stored = hasher.hash("ﬁne café ①")
    assert normalise("ﬁ①") == "fi1"
    assert hasher.verify(stored, "fine cafe\u0301 1")
    assert not hasher.verify(stored, "fine cafe 1")


def test_hash_parameters_of_production_are_pinned() -> None:
    """F1: argon2id, 64 MiB, 3 passes, 1 lane, at most two at once."""
    cost = AccessRules.from_config(Config.for_folder("/nowhere")).cost
    assert (cost.memory_kib, cost.passes, cost.lanes, cost.parallel) == (65536, 3, 1, 2)
    assert Hasher(cost).hash("x").startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert Security().password_min_length == RULES.password_min == 15


def test_hash_of_other_parameters_is_due_for_renewal() -> None:
    old, new = Hasher(HashCost(8, 1, 1)), Hasher(HashCost(16, 1, 1))
    assert new.is_weaker(old.hash("a"))
    assert not new.is_weaker(new.hash("a"))


def test_hash_garbage_is_simply_wrong() -> None:
    assert not Hasher(HashCost(8, 1, 1)).verify("not a hash", "a")


def test_verify_without_hash_takes_as_long_and_is_false() -> None:
    """F3: an account that does not exist costs what one with a wrong password costs."""
    hasher = Hasher(HashCost(4096, 3, 1))
    stored = hasher.hash("right")

    def median(subject: str | None) -> float:
        times = []
        for _ in range(9):
            begun = time.thread_time()
            assert not hasher.verify(subject, "wrong")
            times.append(time.thread_time() - begun)
        return statistics.median(times)

    known, unknown = median(stored), median(None)
    assert abs(known - unknown) < 0.5 * known


def test_hasher_runs_at_most_two_at_once_and_gives_up_waiting() -> None:
    """F1: 64 MiB times two is the most that hashing holds, whatever knocks."""
    hasher = Hasher(HashCost(8, 1, 1, parallel=2, wait=0.05))
    running = threading.Event()
    release = threading.Event()

    def occupy() -> None:
        with hasher._turn():
            running.set()
            release.wait(5)

    threads = [threading.Thread(target=occupy) for _ in range(2)]
    for thread in threads:
        thread.start()
    running.wait(5)
    time.sleep(0.05)
    with pytest.raises(Unavailable) as refused:
        hasher.hash("a")
    assert refused.value.headers["Retry-After"] == "5"
    release.set()
    for thread in threads:
        thread.join()
    assert hasher.hash("a").startswith("$argon2id$")
