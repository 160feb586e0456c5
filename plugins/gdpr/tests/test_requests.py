"""Requests under a clock, the copy, erasure with manifest, holds, replay, and what goes wrong."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from gdpr_kit import begin, person, say, set_to
from sqlalchemy import select

from retinue.actor import Actor
from retinue.contacts import Contact
from retinue.errors import Conflict, NotFound
from retinue.interactions import record_interaction
from retinue_gdpr import erasing, profiles, requests
from retinue_gdpr.clock import add_months
from retinue_gdpr.duty_models import Manifest, Request
from retinue_orders.models import Order


def ask(crm: Any, kind: str, contact_id: UUID, **more: Any) -> dict[str, Any]:
    body = {"kind": kind, "contact_id": str(contact_id), "verified_how": "passport", **more}
    answer = crm.user().client.post("/gdpr/requests", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def carry_out(crm: Any, request: dict[str, Any], **body: Any) -> Any:
    return crm.user().client.post(f"/gdpr/requests/{request['id']}/carry-out", body)


def order(crm: Any, contact_id: UUID, total: int = 100000, **more: Any) -> None:
    draft = {
        "number": f"A-{contact_id.hex[-6:]}", "contact_id": str(contact_id), "currency": "EUR",
        "placed_at": "2026-01-05T10:00:00Z", "total_minor": total, "payment": "paid", **more,
    }  # fmt: skip
    answer = crm.user().client.post("/orders", draft)
    assert answer.status_code < 300, answer.text


def unzip(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


# ---- clock ----
@pytest.mark.parametrize(
    ("profile", "asked", "received", "due", "extended"),
    [
        ("eu-gdpr", "access", "2026-03-15", "2026-04-15", "2026-06-15"),
        ("eu-gdpr", "erasure:unlawful", "2026-01-31", "2026-02-28", "2026-04-30"),
        ("ru-152fz", "access", "2026-11-20", "2026-12-04", "2026-12-11"),
        ("ru-152fz", "rectification", "2026-11-20", "2026-12-01", None),
        ("ru-152fz", "erasure", "2026-11-20", "2026-12-01", None),
        ("ru-152fz", "erasure:needless", "2026-11-20", "2026-12-01", None),
        ("ru-152fz", "erasure:unlawful", "2026-11-20", "2026-12-04", None),
        ("ru-152fz", "erasure:withdrawn", "2026-11-20", "2026-12-20", None),
        ("ru-152fz", "erasure:achieved", "2026-11-20", "2026-12-20", None),
    ],
)
def test_terms_of_the_profiles(
    profile: str, asked: str, received: str, due: str, extended: str | None
) -> None:
    """GD-x7: a month, and two more; ten working days, and five more; to destroy seven, ten or thirty days by the grounds."""
    term = profiles.PROFILES[profile].term_of(*asked.split(":"))
    day = date.fromisoformat(received)
    assert (term.due_on(day), term.extended_due_on(day)) == (
        date.fromisoformat(due), date.fromisoformat(extended) if extended else None,
    )  # fmt: skip


def test_grounds_of_an_erasure_move_its_term(crm: Any) -> None:
    """GD-x7, ru-152fz: found out with the identity, the grounds set the due day; where the law has no extension none is given;
    who withdraws all consents has an erasure opened for them, due thirty days after they said so."""
    begin(crm)
    set_to(crm, profile="ru-152fz")
    contact_id, api = person(crm), crm.user().client
    made = api.post(
        "/gdpr/requests", {"kind": "erasure", "contact_id": str(contact_id), "received_on": "2026-11-20"}
    ).json()
    assert (made["due_on"], made["grounds"]) == ("2026-12-01", "")
    path = f"/gdpr/requests/{made['id']}"
    body = {"how": "passport", "grounds": "unlawful"}
    assert (verified := api.post(f"{path}/verify", body).json())["due_on"] == "2026-12-04"
    assert verified["grounds"] == "unlawful"
    refused = api.post(f"{path}/extend", {"reason": "many systems"})
    assert (refused.status_code, "no extension" in refused.json()["detail"]) == (409, True)
    assert api.post(f"{path}/cancel").status_code == 200
    wrong = {"kind": "access", "contact_id": str(contact_id), "grounds": "unlawful"}
    assert [e["pointer"] for e in api.post("/gdpr/requests", wrong).json()["errors"]] == ["/grounds"]
    say(crm, contact_id, "newsletter", "given")
    carry_out(crm, ask(crm, "withdrawal", contact_id, received_on="2026-11-10"))
    (follows,) = api.get("/gdpr/requests", params={"live": "true"}).json()
    assert (follows["kind"], follows["grounds"], follows["state"], follows["due_on"]) == (
        "erasure", "withdrawn", "open", "2026-12-10",
    )  # fmt: skip
    assert carry_out(crm, follows).json()["state"] == "completed"
    manifest = api.get("/gdpr/manifests", params={"subject_id": str(contact_id)}).json()[0]
    assert manifest["grounds"] == "request of the person: withdrawn"


def test_request_waits_for_identity_and_runs_its_clock(crm: Any) -> None:
    """GD-x7: due in a month, paused days are added, extended once, refused after the due day."""
    contact_id, api = person(crm), crm.user().client
    made = api.post("/gdpr/requests", {"kind": "rectification", "address": "eva@example.cz"}).json()
    assert (made["state"], made["contact_id"]) == ("unverified", str(contact_id))
    path = f"/gdpr/requests/{made['id']}"
    assert carry_out(crm, made).json()["type"].endswith("request-state")
    verified = api.post(f"{path}/verify", {"how": "called back"}).json()
    assert (verified["state"], verified["verified_how"]) == ("open", "called back")
    assert api.post(f"{path}/verify", {"how": "again"}).status_code == 409
    assert api.post(f"{path}/pause", {"reason": "which address is wrong?"}).json()["state"] == "paused"
    with crm.store() as store:
        row = store.get(Request, UUID(made["id"]))
        row.paused_on = store.now.date() - timedelta(days=5)
    resumed = api.post(f"{path}/resume").json()
    due = date.fromisoformat(made["due_on"])
    assert date.fromisoformat(resumed["due_on"]) == due + timedelta(days=5)
    extended = api.post(f"{path}/extend", {"reason": "many systems"}).json()
    received = date.fromisoformat(made["received_on"])
    two_more = profiles.PROFILES["eu-gdpr"].term_of("rectification").extended_due_on(received)
    assert two_more is not None
    assert date.fromisoformat(extended["due_on"]) == two_more + timedelta(days=5)
    assert api.post(f"{path}/extend", {"reason": "once more"}).status_code == 409
    assert carry_out(crm, made).json()["type"].endswith("request-reason")
    done = carry_out(crm, made, reason="the street is right now").json()
    assert (done["state"], done["attempts"]) == ("completed", 1)
    late = ask(crm, "access", contact_id, received_on="2026-01-31")
    assert late["due_on"] == "2026-02-28"
    assert api.post(f"/gdpr/requests/{late['id']}/extend", {"reason": "x"}).status_code == 409


def test_repeated_request_is_a_duplicate_and_wrong_ones_are_named(crm: Any) -> None:
    contact_id, api = person(crm), crm.user().client
    first = ask(crm, "access", contact_id)
    again = ask(crm, "access", contact_id)
    assert (again["state"], again["duplicate_of_id"]) == ("duplicate", first["id"])
    assert ask(crm, "erasure", contact_id)["state"] == "open"
    assert api.post("/gdpr/requests", {"kind": "access"}).status_code == 422
    assert api.post("/gdpr/requests", {"kind": "access", "contact_id": str(UUID(int=5))}).status_code == 404
    unknown = api.post("/gdpr/requests", {"kind": "access", "address": "nobody@example.cz"}).json()
    assert unknown["contact_id"] is None
    assert api.post(f"/gdpr/requests/{unknown['id']}/verify", {"how": "letter"}).status_code == 422
    refused = api.post(f"/gdpr/requests/{unknown['id']}/refuse", {"reason": "we do not know you"}).json()
    assert (refused["state"], refused["reason"]) == ("refused", "we do not know you")
    reader = crm.user({"contact.read": "all", "request.read": "all"}).client
    assert reader.post(f"/gdpr/requests/{first['id']}/carry-out", {}).status_code == 403


def test_states_follow_the_table_alone(crm: Any) -> None:
    """Every pair that the table does not name is refused."""
    contact_id = person(crm)
    for state, following in requests.NEXT.items():
        for wanted in requests.NEXT:
            with crm.store() as store:
                made = requests.take_in(
                    store, {"kind": "access", "contact_id": contact_id, "verified_how": "x"}
                )
                made.state = state
                store.legal("x").flush()
                if wanted in following:
                    assert requests.move(store, made.id, wanted).state == wanted
                else:
                    with pytest.raises(Conflict):
                        requests.move(store, made.id, wanted)
                made.state = "cancelled"


# ---- copy ----
def test_copy_has_json_csv_and_a_page_with_a_section_per_plugin(crm: Any) -> None:
    """GD-08, GD-x6: all that is kept, one section per plugin that declared data; the same state, the same bytes; escaped."""
    begin(crm)
    contact_id, api = person(crm, note="<script>alert(1)</script>", job_title="=1+1"), crm.user().client
    say(crm, contact_id, "newsletter", "given", evidence="paper 4")
    order(crm, contact_id)
    answer = api.post(f"/gdpr/contacts/{contact_id}/copy")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.content == api.post(f"/gdpr/contacts/{contact_id}/copy").content
    files = unzip(answer.content)
    data = json.loads(files["data.json"])
    assert data["schema"] == "retinue-copy/1"
    names = {s["name"] for s in data["sections"]}
    assert {"contact", "orders", "gdpr_consent_event", "gdpr_standing"} <= names
    assert "paper 4" in files["data.json"]
    assert "eva@example.cz" in files["index.html"]
    assert "<script>" not in files["index.html"]
    assert "sort_name" not in files["portable/contact.csv"]
    assert "'=1+1" in files["portable/contact.csv"]
    reader = crm.user({"contact.read": "all"}).client
    assert reader.post(f"/gdpr/contacts/{contact_id}/copy").status_code == 403


def test_access_request_sends_a_link_to_the_copy(crm: Any) -> None:
    """The archive is made when the link is opened, in the language of the person and by nobody else's link; the same link
    fetches it three times, and nothing any more once the person is erased."""
    contact_id = person(crm, language="de-AT")
    done = carry_out(crm, ask(crm, "access", contact_id)).json()
    assert done["state"] == "completed"
    api = crm.user().client
    assert {s["plugin"] for s in api.get(f"/gdpr/requests/{done['id']}/steps").json()} >= {"core", "gdpr"}
    letter = next(x for x in api.get("/gdpr/letters").json() if x["kind"] == "copy")
    assert (letter["language"], letter["subject"]) == ("de", "Kopie Ihrer Daten")
    assert "Guten Tag, Eva" in letter["body"]
    path = letter["body"].rsplit("8000", 1)[1].strip()
    assert [crm.client.get(path).status_code for _ in range(5)] == [200] * 5, (
        "looking at the page uses nothing up"
    )
    fetched = crm.client.post(path)
    assert json.loads(unzip(fetched.content)["data.json"])["contact_id"] == str(contact_id)
    other = "A" if path[-1] != "A" else "B"
    assert crm.client.post(path[:-1] + other).status_code == 403
    assert [crm.client.post(path).status_code for _ in range(3)] == [200, 200, 409]
    assert crm.client.get(path).status_code == 409
    assert carry_out(crm, ask(crm, "access", contact_id)).json()["state"] == "completed"
    fresh = (
        [x for x in api.get("/gdpr/letters").json() if x["kind"] == "copy"][-1]["body"]
        .rsplit("8000", 1)[1]
        .strip()
    )
    assert crm.client.get(fresh).status_code == 200
    assert carry_out(crm, ask(crm, "erasure", contact_id)).json()["state"] == "completed"
    assert (crm.client.get(fresh).status_code, crm.client.post(fresh).status_code) == (404, 404)


# ---- erasure ----
def test_erasure_over_all_plugins_with_manifest(crm: Any) -> None:
    """GD-09: no cell with the address is left, the order keeps its sum, the manifest counts rows; a second one is 404."""
    begin(crm)
    contact_id, api = person(crm), crm.user().client
    say(crm, contact_id, "newsletter", "given")
    order(crm, contact_id)
    request = ask(crm, "erasure", contact_id, message="Please forget eva@example.cz")
    assert carry_out(crm, request).json()["state"] == "completed"
    manifest = api.get("/gdpr/manifests", params={"subject_id": str(contact_id)}).json()[0]
    assert manifest["request_id"] == request["id"]
    assert manifest["tables"]["contact_lookup"] > 0
    steps = {s["plugin"]: s["rows"] for s in api.get(f"/gdpr/requests/{request['id']}/steps").json()}
    assert steps["core"] > 0
    assert steps["gdpr"] > 0
    with crm.store() as store:
        assert [(o.contact_id, o.total_minor) for o in store.scalars(select(Order))] == [(None, 100000)]
        assert erasing.check_manifest(store, store.get(Manifest, UUID(manifest["id"])))
        with pytest.raises(NotFound) as gone:
            erasing.erase_person(store, contact_id, grounds="again")
        assert gone.value.code == "erased"
    answer = api.post(f"/gdpr/contacts/{contact_id}/copy")
    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[1]) == (404, "erased")
    closed = api.get(f"/gdpr/requests/{request['id']}").json()
    assert (closed["contact_id"], closed["message"], closed["address"]) == (None, "", "")


def test_erased_address_does_not_come_back_by_file_or_form(crm: Any) -> None:
    """GD-x16: blocked by the keyed hash until a new consent is recorded; no address is kept."""
    contact_id, api = person(crm), crm.user().client
    carry_out(crm, ask(crm, "erasure", contact_id))
    draft = {"kind": "person", "given_name": "Eva", "emails": [{"value": "EVA@example.cz"}]}
    refused = api.post("/contacts", draft)
    assert refused.status_code == 422
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [
        ("/emails/0/value", "suppressed")
    ]
    assert api.get("/gdpr/suppressions").json()["counts"] == {"erased": 1}
    released = api.post(
        "/gdpr/suppressions/release", {"address": "eva@example.cz", "evidence": "signed form 12"}
    )
    assert released.json() == {"count": 1}
    assert api.post("/contacts", draft).status_code == 201
    assert (
        api.post("/gdpr/suppressions/release", {"address": "eva@example.cz", "evidence": "x"}).status_code
        == 404
    )


def test_whole_hold_refuses_and_a_hold_of_a_table_leaves_it_nameless(crm: Any) -> None:
    """GD-x12: `partial`, the kept rows with basis and end date, everything else gone; at the end they go too."""
    contact_id, api = person(crm), crm.user().client
    with crm.store() as store:
        record_interaction(store, contact_id, {"kind": "call", "body": "secret of Eva"})
    claim = api.post("/gdpr/holds", {"contact_id": str(contact_id), "basis": "a claim in court"}).json()
    request = ask(crm, "erasure", contact_id)
    held = carry_out(crm, request)
    assert (held.status_code, held.json()["type"].rsplit(":", 1)[1]) == (409, "erasure-held")
    assert api.get(f"/gdpr/requests/{request['id']}").json()["state"] == "open"
    assert api.post(f"/gdpr/holds/{claim['id']}/lift").status_code == 200
    assert api.post(f"/gdpr/holds/{claim['id']}/lift").status_code == 409
    body = {
        "contact_id": str(contact_id),
        "basis": "tax law, 10 years",
        "tables": ["interaction"],
        "until": "2036-12-31",
    }
    hold = api.post("/gdpr/holds", body).json()
    assert carry_out(crm, request).json()["state"] == "partial"
    manifest = api.get("/gdpr/manifests", params={"subject_id": str(contact_id)}).json()[0]
    assert [(k["basis"], k["until"]) for k in manifest["kept"]] == [("tax law, 10 years", "2036-12-31")]
    assert [h["stands_in"] for h in api.get("/gdpr/holds").json()] == [True]
    with crm.store() as store:
        assert erasing.erase_ended(store) == 0
    assert api.post(f"/gdpr/holds/{hold['id']}/lift").status_code == 200
    with crm.store() as store:
        assert erasing.erase_ended(store) == 1
        assert erasing.erase_ended(store) == 0
    wrong = {
        "contact_id": str(person(crm, "Ota")),
        "basis": "x",
        "tables": ["audit_entry"],
        "until": "2020-01-01",
    }
    assert [e["pointer"] for e in api.post("/gdpr/holds", wrong).json()["errors"]] == ["/tables/0", "/until"]


def test_hold_ends_with_its_day_and_what_it_kept_goes(crm: Any) -> None:
    """GD-x12: a hold of orders keeps the invoice, nameless, with basis and end; on its last day the job of retention erases."""
    contact_id, api = person(crm), crm.user().client
    order(crm, contact_id)
    with crm.store() as store:
        until = (store.now.date() + timedelta(days=40)).isoformat()
    body = {"contact_id": str(contact_id), "basis": "tax law", "tables": ["orders_order"], "until": until}
    assert api.post("/gdpr/holds", body).status_code == 201
    assert carry_out(crm, ask(crm, "erasure", contact_id)).json()["state"] == "partial"
    (manifest,) = api.get("/gdpr/manifests", params={"subject_id": str(contact_id)}).json()
    assert [(k["basis"], k["until"], k["tables"]) for k in manifest["kept"]] == [
        ("tax law", until, ["orders_order"])
    ]
    stand_in = UUID(manifest["kept"][0]["stand_in"])
    with crm.store() as store:
        own = store.legal("look")
        assert [(o.contact_id, o.total_minor) for o in own.scalars(select(Order))] == [(stand_in, 100000)]
        assert own.get(Contact, stand_in).emails == []
    for days, gone in ((39, 0), (40, 1), (41, 0)):
        with crm.store() as store:
            store.now += timedelta(days=days)
            assert erasing.erase_ended(store) == gone, days
    with crm.store() as store:
        assert [(o.contact_id, o.total_minor) for o in store.legal("look").scalars(select(Order))] == [
            (None, 100000)
        ]


def test_plugin_that_raises_leaves_everything_and_a_retry_completes(
    crm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GD-x18, GD-09: the request is `error`, nothing is half done, the next try completes."""
    import retinue_orders.people

    contact_id = person(crm)
    order(crm, contact_id)
    request = ask(crm, "erasure", contact_id)

    def broken(*_: Any) -> None:
        raise ValueError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(retinue_orders.people, "forget_people", broken)
        failed = carry_out(crm, request).json()
    assert (failed["state"], failed["failure"], failed["attempts"]) == ("error", "orders: HookFailed", 1)
    with crm.store() as store:
        assert store.get(Contact, contact_id).name == "Eva"
        assert store.scalars(select(Order.contact_id)) == [contact_id]
        assert store.scalars(select(Manifest)) == []
    done = carry_out(crm, request).json()
    assert (done["state"], done["failure"], done["attempts"]) == ("completed", "", 2)


@pytest.mark.parametrize("how", ["off", "missing"])
def test_rows_of_a_plugin_that_is_not_there_are_named_until_decided(crm: Any, how: str) -> None:
    """A plugin that is switched off, or whose code is gone, stops the erasure with its tables' names, if it has rows."""
    contact_id, stranger = person(crm), person(crm, "Ota")
    order(crm, contact_id)
    request, other = ask(crm, "erasure", contact_id), ask(crm, "erasure", stranger)
    crm.house.disable(Actor.system("test"), "loyalty")
    if how == "off":
        crm.house.disable(Actor.system("test"), "orders")
    else:
        del crm.house.catalogue["orders"]
        crm.house.refresh(force=True)
        assert crm.house.plugins.missing == ("orders",)
    crm.rebuild()
    refused = carry_out(crm, request).json()
    assert refused["type"].endswith("plugins-off")
    assert "orders_order" in refused["tables"]
    assert crm.user().client.get(f"/gdpr/requests/{request['id']}").json()["state"] == "open"
    assert carry_out(crm, other).json()["state"] == "completed", "it has no rows of this one"
    assert carry_out(crm, request, decided=["orders_line"]).status_code == 409, "only what is decided"
    assert carry_out(crm, request, decided=list(refused["tables"])).json()["state"] == "completed"
    again = crm.user().client.post("/gdpr/requests", {"kind": "erasure", "contact_id": str(contact_id)})
    assert (again.status_code, again.json()["type"].rsplit(":", 1)[1]) == (404, "erased")


def test_restriction_objection_and_withdrawal(crm: Any) -> None:
    """GD-x13: the restricted person is gone from lists, cannot be entered twice, can be copied, and comes back."""
    begin(crm)
    contact_id, api = person(crm), crm.user().client
    say(crm, contact_id, "newsletter", "given")
    assert carry_out(crm, ask(crm, "withdrawal", contact_id)).json()["state"] == "completed"
    assert [c["state"] for c in api.get(f"/gdpr/contacts/{contact_id}/consents").json()] == ["withdrawn"]
    assert carry_out(crm, ask(crm, "restriction", contact_id)).json()["state"] == "completed"
    assert api.get(f"/contacts/{contact_id}").status_code == 404
    assert api.get("/contacts").json()["items"] == []
    assert (
        api.post("/contacts", {"given_name": "E", "emails": [{"value": "eva@example.cz"}]}).status_code == 422
    )
    assert len(api.get("/gdpr/requests").json()) == 2
    assert b"PK" in api.post(f"/gdpr/contacts/{contact_id}/copy").content[:2]
    assert api.post(f"/gdpr/contacts/{contact_id}/unrestrict").status_code < 300
    assert api.get(f"/contacts/{contact_id}").status_code == 200
    assert carry_out(crm, ask(crm, "objection", contact_id)).json()["state"] == "completed"


def test_restricted_person_is_out_of_reach_of_work_on_many(crm: Any) -> None:
    """GD-x13: changing, tagging, removing, merging, exporting many and recording an order for them pass the restricted one
    by or say there is no such contact; what is kept of them is as it was; a copy still has it all."""
    contact_id, other, api = person(crm), person(crm, "Ota"), crm.user().client
    order(crm, contact_id)
    assert carry_out(crm, ask(crm, "restriction", contact_id)).json()["state"] == "completed"
    before = unzip(api.post(f"/gdpr/contacts/{contact_id}/copy").content)["data.json"]
    one = str(contact_id)
    for batch in ({"change": [{"id": one, "city": "Brno"}]}, {"remove": [one]}):
        assert api.post("/contacts/batch", {"label": "many", **batch}).status_code == 404, batch
    assert (
        api.post("/tags/apply", {"contacts": [one, str(other)], "add": ["vip"], "remove": []}).status_code
        == 404
    )
    assert api.post(f"/contacts/{other}/merge", {"merged": [one], "picks": {}}).status_code == 404
    assert api.post(f"/contacts/{one}/interactions", {"kind": "note", "body": "x"}).status_code == 404
    draft = {
        "number": "A-9",
        "contact_id": one,
        "currency": "EUR",
        "placed_at": "2026-01-05T10:00:00Z",
        "total_minor": 1,
    }
    assert api.post("/orders", draft).status_code in (404, 422)
    assert api.get("/contacts", params={"q": "Eva"}).json()["items"] == []
    taken = api.post("/exports/download", {"columns": ["given_name", "emails"]})
    assert taken.status_code == 200, taken.text
    assert ("ota@example.cz" in taken.text, "eva@example.cz" in taken.text) == (True, False)
    with crm.store() as store:
        rows = [{"id": one, "job_title": "swept"} for one in (contact_id, other)]
        assert store.update_many(Contact, rows) == 1
        assert store.remove_many(Contact, [contact_id]) == 0
    assert unzip(api.post(f"/gdpr/contacts/{contact_id}/copy").content)["data.json"] == before


def test_restored_backup_is_erased_again(crm: Any) -> None:
    """GD-x4, GD-x5: who comes back with an old backup is forgotten again; the old ciphertext stays shut; twice: nothing."""
    contact_id, other = person(crm), person(crm, "Ota")
    table = Contact.__table__
    with crm.store() as store:
        before = (
            store.raw_connection().execute(select(table).where(table.c.id == contact_id)).mappings().one()
        )
    carry_out(crm, ask(crm, "erasure", contact_id))
    with crm.store() as store:  # what a restored backup has: the row of old, and no order to shred
        connection = store.raw_connection()
        connection.execute(table.update().where(table.c.id == contact_id).values(dict(before)))
        connection.exec_driver_sql("DELETE FROM shred_order")
    with crm.store() as store:
        back = store.get(Contact, contact_id)
        assert (back.name, back.emails) == ("Eva", [])
        assert store.get(Contact, other).emails[0]["value"] == "ota@example.cz"
    with crm.store() as store:
        assert erasing.replay_erasures(store) == 1
    with crm.store() as store:
        assert store.raw("look").get(Contact, contact_id).name == "Erased"
        assert erasing.replay_erasures(store) == 0


def test_act_of_destruction_with_extract_of_the_log(crm: Any) -> None:
    """Profile ru-152fz: the act names operator, grounds and rows; the extract has the erasure from the audit; both signed."""
    set_to(crm, profile="ru-152fz", controller="ООО Пример")
    contact_id, api = person(crm), crm.user().client
    assert ask(crm, "erasure", contact_id, received_on="2026-11-20")["due_on"] == "2026-12-01"
    carry_out(crm, ask(crm, "erasure", person(crm, "Ilja")))
    manifest = api.get("/gdpr/manifests").json()[0]
    act = api.get(f"/gdpr/manifests/{manifest['id']}/act").json()["document"]
    assert (act["operator"]["name"], act["law"][:17]) == ("ООО Пример", "Federal Law 152-F")
    assert act["manifest_holds"]
    assert act["rows"] == manifest["tables"]
    assert any(entry["action"] == "contact.erase" for entry in act["log_extract"])
    destroyed = date.fromisoformat(act["destroyed_at"][:10])
    assert act["keep_until"] == add_months(destroyed, 36).isoformat()
    for change, good in (
        ({}, True),
        ({"grounds": "other"}, False),
        ({"rows": {}}, False),
        ({"signature": ""}, False),
    ):
        answer = api.post("/gdpr/acts/check", {"document": {**act, **change}})
        assert answer.json() == {"good": good}, change
    set_to(crm, profile="eu-gdpr")
    assert api.get(f"/gdpr/manifests/{manifest['id']}/act").json()["document"]["keep_until"] is None
