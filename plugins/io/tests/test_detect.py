from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue_io.detect import _couples, compare, find_matches, find_pairs
from retinue_io.drafts import build_drafts
from retinue_io.fingerprints import Fingerprint, blocks, fingerprint, normal_email, pack, skeleton, unpack
from retinue_io.mapping import propose_mapping

WORD = st.text("abcdeřžyıя ", max_size=8)
PRINTS = st.builds(
    Fingerprint,
    key=st.text("0123456789", min_size=1, max_size=4),
    given=WORD,
    family=WORD,
    birth=st.sampled_from(["", "19800501", "19800105", "19800502", "19900501"]),
    street=WORD,
    city=WORD,
    postal=st.sampled_from(["", "11000", "11001"]),
    emails=st.sampled_from([(), ("a@x.cz",), ("a@x.cz", "b@x.cz")]),
    phones=st.sampled_from([(), ("+420777555321",)]),
    marks=st.sampled_from([(), (("no", "123456"),), (("no", "123465"),)]),
)


def febrl_prints(opened, febrl: bytes, *, with_number: bool) -> list[Fingerprint]:
    source = opened(febrl)
    mapping = propose_mapping(source.headings, [row.cells for row in source.rows()])
    columns = tuple(
        msgspec.structs.replace(c, target="custom.soc_sec_id")
        if with_number and c.heading == "soc_sec_id"
        else c
        for c in mapping.columns
    )
    drafts = build_drafts(source.rows(), msgspec.structs.replace(mapping, columns=columns))
    return [fingerprint(d.links["external_id"], d.contact) for d in drafts]


def person(key: str) -> str:
    return key.split("-")[1]


@pytest.mark.parametrize(("with_number", "recall_at_least"), [(True, 0.98), (False, 0.93)])
def test_pairs_of_febrl_are_found(opened, febrl, with_number: bool, recall_at_least: float) -> None:
    """500 true pairs; without the number only names, date of birth and address are left."""
    pairs = list(find_pairs(febrl_prints(opened, febrl, with_number=with_number)))
    right = sum(1 for p in pairs if person(p.first) == person(p.second))
    assert len({frozenset(p[:2]) for p in pairs}) == len(pairs)
    assert right / len(pairs) >= 0.99
    assert right / 500 >= recall_at_least
    assert all(p.reasons for p in pairs)


def test_pairs_of_febrl_are_found_by_blocks_and_not_by_the_square(opened, febrl) -> None:
    compared = list(find_pairs(febrl_prints(opened, febrl, with_number=True), threshold=0.0))
    assert len(compared) < 1000
    assert sum(1 for p in compared if person(p.first) == person(p.second)) >= 499


def test_pairs_against_a_source_are_the_same_as_within_one_file(opened, febrl) -> None:
    prints = febrl_prints(opened, febrl, with_number=True)
    originals = [p for p in prints if p.key.endswith("org")]
    copies = [p for p in prints if not p.key.endswith("org")]
    asked = []

    def candidates(keys: frozenset[tuple[str, str]]) -> list[Fingerprint]:
        asked.append(len(keys))
        return [p for p in originals if not keys.isdisjoint(blocks(p))]

    found = {(m.first, m.second) for m in find_matches(copies, candidates)}
    within = {tuple(sorted(p[:2])) for p in find_pairs(prints)}
    assert {tuple(sorted(pair)) for pair in found} == within
    assert len(asked) == 1


def test_pair_with_the_same_email_or_phone_is_always_shown() -> None:
    one = Fingerprint("1", "jiri", "novak", emails=("a@x.cz",))
    assert compare(one, Fingerprint("2", "jiri", "novak", emails=("a@x.cz",))).score > 0.99
    other = compare(one, Fingerprint("3", "eva", "dvorakova", emails=("a@x.cz",)))
    assert (other.score, other.reasons) == (0.6, ("same e-mail",))
    family = compare(
        Fingerprint("4", "jan", "b", phones=("+1",)), Fingerprint("5", "eva", "c", phones=("+1",))
    )
    assert family.score >= 0.5


def test_pair_of_a_common_name_in_one_town_is_not_shown() -> None:
    one = Fingerprint("1", "jan", "novak", city="praha")
    assert compare(one, one._replace(key="2")).score < 0.5
    assert compare(one._replace(birth="19800501"), one._replace(key="2", birth="19800501")).score > 0.9


def test_pair_of_exchanged_names_and_turned_dates_is_found() -> None:
    one = Fingerprint("1", "anthony", "beazley", "19800501", "1 dlouha", "praha", "11000")
    match = compare(one, one._replace(key="2", given="beazley", family="anthony", birth="19800105"))
    assert match.score > 0.9
    assert "given and family name exchanged" in match.reasons
    assert "day and month of birth exchanged" in match.reasons


@settings(max_examples=40, deadline=None)
@given(PRINTS, PRINTS)
def test_score_is_symmetric(one: Fingerprint, two: Fingerprint) -> None:
    assert compare(one, two).score == compare(two, one).score
    assert sorted(compare(one, two).reasons) == sorted(compare(two, one).reasons)


@settings(max_examples=40, deadline=None)
@given(PRINTS)
def test_fingerprint_packed_is_the_same_when_unpacked(one: Fingerprint) -> None:
    assert unpack(pack(one)) == one


@settings(max_examples=40, deadline=None)
@given(st.lists(PRINTS, max_size=12, unique_by=lambda p: p.key))
def test_pairs_share_a_block_and_come_once_in_any_order(prints: list[Fingerprint]) -> None:
    pairs = list(find_pairs(prints))
    by_key = {p.key: p for p in prints}
    found = {frozenset((p.first, p.second)): p.score for p in pairs}
    assert len(found) == len(pairs)
    for pair in pairs:
        assert set(blocks(by_key[pair.first])) & set(blocks(by_key[pair.second]))
    backwards = {frozenset((p.first, p.second)): p.score for p in find_pairs(reversed(prints))}
    assert found == backwards


def test_block_of_thousands_is_compared_with_neighbours_only() -> None:
    crowd = [(i, Fingerprint(str(i), f"g{i % 7}", f"f{i % 97}", f"19{i % 90:02d}0101")) for i in range(1500)]
    assert sum(1 for _ in _couples(crowd)) < 1500 * 10


def test_thousands_of_one_name_are_not_compared_with_each_other() -> None:
    """The worst file: one name, one town. 1,500 contacts have 1,124,250 pairs."""
    rng = random.Random(5)
    prints = [
        Fingerprint(
            str(i),
            "jan",
            "novak",
            f"19{rng.randrange(40, 99)}0{rng.randrange(1, 9)}15",
            city="praha",
            postal="11000",
        )
        for i in range(1500)
    ]
    assert sum(1 for _ in find_pairs(prints, threshold=0.0)) < 1500 * 30


def test_email_is_normalised_as_one_mailbox() -> None:
    assert normal_email("J.Novak+news@GoogleMail.com") == "jnovak@gmail.com"
    assert normal_email("J.Novak+news@Example.cz") == "j.novak+news@example.cz"


def test_skeleton_joins_words_that_sound_alike() -> None:
    assert skeleton("novak") == skeleton("nowwak") == "nk" or skeleton("novak") == skeleton("novack")
    assert skeleton("waller") == skeleton("waler")
