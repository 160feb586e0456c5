"""The web, from outside: headers on every route, addresses that are not called, exports without live formulas (E4, E5, E7)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from api_kit import enable_all
from goal_kit import Goal

from retinue.web import Outbound, OutboundRefused, OutboundRules

HARDENED = {
    "content-security-policy": "frame-ancestors",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=()",
    "cache-control": "",
}
TELLING = ("server", "x-powered-by", "access-control-allow-origin", "x-debug")


@pytest.mark.goal("web-hardening")
@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_every_route_answers_hardened(crm: Any, goal: Goal) -> None:
    """E4: every served route, every plugin on, signed in and not, errors included: 100 % with every header."""
    enable_all(crm)
    admin, bare, asked = crm.user().client, [], 0
    paths = sorted({path for _, path in crm.client.app.policies})
    for path in paths:
        plain = path.replace("{", "").replace("}", "").replace(":uuid", "")
        for headers in ({}, {"Authorization": f"Bearer {admin.token}"}):
            answer = crm.client.get(plain, headers=headers, follow_redirects=False)
            asked += 1
            lacking = [h for h, part in HARDENED.items() if part not in answer.headers.get(h, "\0")]
            lacking += [f"tells {h}" for h in TELLING if h in answer.headers]
            if answer.content and "content-type" not in answer.headers:
                lacking.append("content-type")
            if "no-store" not in answer.headers.get("cache-control", "") and answer.status_code < 300:
                lacking += ["no-store"] if path.startswith("/api") else []
            if "Traceback" in answer.text or (answer.status_code >= 500 and answer.status_code != 503):
                lacking.append(f"status {answer.status_code}")
            if lacking:
                bare.append(f"GET {path}: {lacking}")
    goal.at_least("answers looked at", asked, 150)
    goal.none_of("answers that lack a header or tell too much", bare)


@pytest.mark.goal("web-hardening")
@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_methods_nobody_named_are_refused(crm: Any, goal: Goal) -> None:
    """E4: TRACE, CONNECT and invented methods; folders and files of the machine; a foreign host and origin."""
    served = []
    for method in ("TRACE", "CONNECT", "DEBUG", "PROPFIND"):
        if crm.client.request(method, "/api/v1/contacts").status_code < 400:
            served.append(method)
    for path in (
        "/api/v1/",
        "/static/",
        "/.git/config",
        "/retinue.toml",
        "/..%2f..%2fetc/passwd",
        "/docs",
        "/schema",
    ):
        answer = crm.client.get(path, follow_redirects=False)
        if answer.status_code < 300:
            served.append(f"GET {path}")
    goal.none_of("methods and paths nobody named that are served", served)


# ---- E5 -------------------------------------------------------------------------------------------------------------
FORMS = Path(__file__).parents[2] / "core" / "tests" / "web" / "outbound_forms.txt"


@pytest.mark.goal("ssrf")
def test_no_form_of_an_inner_address_is_called(goal: Goal, monkeypatch: pytest.MonkeyPatch) -> None:
    """E5: decimal, octal, mapped, short, with names, with user parts; and names that resolve inside: 0 connects."""
    import socket

    connects: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _s, address: connects.append(address))
    monkeypatch.setattr(socket, "create_connection", lambda address, *_a, **_k: connects.append(address))
    forms = [line.replace("{p}", "443") for line in FORMS.read_text("utf-8").splitlines() if line]
    accepted = [form for form in forms if not _is_refused(Outbound(OutboundRules()), form)]
    inner = (
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "::1",
        "::ffff:127.0.0.1",
        "fd00::1",
        "100.64.0.1",
        "0.0.0.0",
    )
    for address in inner:
        for answers in ([address], ["9.9.9.9", address]):
            client = Outbound(OutboundRules(), resolver=lambda _h, _p, a=answers: a)
            if not _is_refused(client, "https://hooks.example.com/"):
                accepted.append(f"{answers}")
    goal.at_least("forms of an inner address", len(set(forms)) + 2 * len(inner), 100)
    goal.none_of("forms that were not refused", accepted)
    goal.none_of("connections tried", connects)


def _is_refused(client: Outbound, url: str) -> bool:
    try:
        client.send("POST", url)
    except OutboundRefused:
        return True
    except Exception:  # anything else means that it was tried
        return False
    return False


# ---- E7 -------------------------------------------------------------------------------------------------------------
STARTS = "=+-@\t\r|%＝＋－＠−"
WORDS = ("1+1", "Привет", "Žofie", "Şule", 'HYPERLINK("http://x";"y")', "cmd|' /C calc'!A0", "555 321", "")


@pytest.mark.goal("export-inject")
def test_exports_hold_no_live_formula(goal: Goal) -> None:
    """E7: every sign that begins a formula, full-width ones too, before words of three languages: dead, and whole again."""
    io_plugin = pytest.importorskip("retinue_io.writers")
    from retinue_io.readers import Reading, open_source

    values = [f"{lead}{sign}{word}" for sign in STARTS for word in WORDS for lead in ("", " ", "\u00a0", "'")]
    values = [v for v in values if v.strip(" \u00a0\r\t")]
    columns = [io_plugin.OutColumn(key="a", heading="Note A"), io_plugin.OutColumn(key="b", heading="Note B")]
    rows = [{"a": value, "b": f"x{n}"} for n, value in enumerate(values)]
    csv, book, card = io.BytesIO(), io.BytesIO(), io.BytesIO()
    io_plugin.write_csv(csv, columns, rows)
    io_plugin.write_xlsx(book, columns, rows)
    raw = open_source(io.BytesIO(csv.getvalue()), "x.csv", Reading(unguard=False))
    live = [
        c for r in raw.rows() if (c := r.cells["Note A"]).lstrip(" \u00a0\ufeff").startswith(tuple(STARTS))
    ]
    goal.none_of(f"live cells in a CSV of {len(values)}", live)
    sheet = zipfile.ZipFile(io.BytesIO(book.getvalue())).read("xl/worksheets/sheet1.xml").decode()
    goal.at_most("formulas in the workbook", sheet.count("<f>") + sheet.count("<f "), 0)
    lost = []
    for name, data in (("x.csv", csv), ("x.xlsx", book)):
        back = [row.cells.get("Note A", "") for row in open_source(io.BytesIO(data.getvalue()), name).rows()]
        lost += [f"{name}: {a!r} became {b!r}" for a, b in zip(values, back, strict=True) if a != b]
    goal.none_of("values that did not come back as they were", lost)
    note = io_plugin.out_column("note")
    io_plugin.write_vcard(card, [note], [{"note": "a\r\nTEL:+1\nEND:VCARD"}])
    goal.at_most("properties added to a card by a value", card.getvalue().count(b"\nTEL:"), 0)
