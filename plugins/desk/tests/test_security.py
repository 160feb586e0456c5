"""One's own security in a browser: proof before what is delicate, tokens, the second factor, passkeys."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pyotp
from playwright.sync_api import expect
from sqlalchemy import update

from retinue.access import SignInSession
from retinue.actor import Actor

if TYPE_CHECKING:
    from conftest import Opens, Site

PASSWORD = "correct-horse-battery-42"
CLARA = "clara@staff.example"


def _age(site: Site) -> None:
    """Let every proof be long ago."""
    with site.house.store(Actor.system("test")) as store:
        for row in store.scalars(SignInSession.__table__.select().with_only_columns(SignInSession.id)):
            store.session.execute(
                update(SignInSession)
                .where(SignInSession.id == row)
                .values(proved_at=store.now - timedelta(hours=2))
            )


def test_token_is_made_after_a_proof_shown_once_and_revoked(visit: Opens, site: Site) -> None:
    """A problem `proof-required` asks for the password and repeats the request; nothing typed is lost."""
    visitor = visit()
    page = visitor.go("/settings/security")
    _age(site)
    page.get_by_role("button", name="New token").click()
    page.get_by_label("What it is for").fill("Nightly export")
    page.locator("[id='scope-contact.read']").select_option("team")
    page.get_by_role("button", name="Create", exact=True).click()
    proof = page.get_by_role("dialog", name="Is it still you?")
    proof.get_by_label("Password").fill("wrong-password-000")
    proof.get_by_role("button", name="Go on").click()
    expect(proof.get_by_role("alert")).to_contain_text("wrong")
    proof.get_by_label("Password").fill(PASSWORD)
    proof.get_by_role("button", name="Go on").click()
    shown = page.get_by_role("dialog", name="The new token")
    token = shown.locator("pre").inner_text()
    asked = visitor.context.request.get(
        "/api/v1/contacts", headers={"Authorization": f"Bearer {token}", "Cookie": ""}
    )
    assert asked.ok
    visitor.check_axe()
    shown.get_by_role("button", name="I have kept it").click()
    expect(page.locator("tr", has_text="Nightly export")).to_contain_text("1 permission")
    assert token not in page.content()
    page.get_by_role("button", name="Revoke Nightly export").click()
    expect(page.locator("tr", has_text="Nightly export")).to_have_count(0)


def test_authenticator_app_is_set_up_and_asked_for_at_the_next_sign_in(visit: Opens, site: Site) -> None:
    """The theme that was chosen is in what the server sends: nothing flashes before a script runs."""
    site.hire("olga@staff.example")
    visitor = visit("olga@staff.example", theme="dark")
    page = visitor.go("/settings/security")
    sent = visitor.context.request.get("/settings/security").text()
    assert 'data-bs-theme="dark">' in sent
    page.get_by_role("button", name="Set up an authenticator app").click()
    seed = page.locator("[data-totp-seed]")
    expect(seed).to_have_text(re.compile(r"[A-Z2-7 ]{16,}"))
    clock = pyotp.TOTP(seed.inner_text().replace(" ", ""))
    page.get_by_label("Code", exact=True).fill(clock.now())
    page.get_by_role("button", name="Confirm").click()
    codes = page.get_by_role("dialog", name="Recovery codes")
    code = codes.locator("pre").inner_text().split()[0]
    codes.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_text("authenticator app on")).to_be_visible()
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Login").fill("olga@staff.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code of your authenticator app").fill(code)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Good day")


def test_passkey_is_added_and_signs_in(visit: Opens, site: Site) -> None:
    site.hire(CLARA)
    visitor = visit(CLARA)
    page = visitor.go("/settings/security")
    wire = visitor.context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
    }
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    wire.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_label("Name, such as the device").fill("Telefon Çağla")
    page.get_by_role("button", name="Go on").click()
    codes = page.get_by_role("dialog", name="Recovery codes")
    expect(codes.locator("pre")).to_have_text(re.compile(r"\S{8,}"))
    codes.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_role("button", name="Remove Telefon Çağla")).to_be_visible()
    visitor.check_axe()
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Good day")
    visitor.check_quiet()
