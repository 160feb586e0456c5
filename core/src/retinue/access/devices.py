"""Browsers somebody signed in from before: they are counted apart, so that no stranger can lock them out."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from retinue.access.models import Device
from retinue.access.rules import AccessRules
from retinue.access.secret import digest, new_secret
from retinue.storage import Store

MOST_DEVICES = 20
# Order matters: most browsers name the older ones they want to be taken for as well.
_BROWSERS = (
    *(("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox")),
    *(("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari")),
)
_SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS")),
    *(("Windows", "Windows"), ("Macintosh", "Mac"), ("Linux", "Linux")),
)


def known_device(store: Store, account_id: UUID, secret: str | None) -> str | None:
    """Return the id of the device this cookie belongs to, None if the account never signed in with it."""
    row = _device(store, account_id, secret)
    return str(row.id) if row is not None else None


def remember_device(store: Store, account_id: UUID, secret: str | None, rules: AccessRules) -> str | None:
    """Keep the device known for a while longer; return a new cookie's value if it was not known yet."""
    row = _device(store, account_id, secret)
    if row is not None:
        row.expires_at = store.now + rules.device_life
        return None
    fresh = new_secret()
    store.add(
        Device(account_id=account_id, secret_hash=digest(fresh), expires_at=store.now + rules.device_life)
    )
    store.flush()
    mine = select(Device).where(Device.account_id == account_id).order_by(Device.expires_at.desc())
    for surplus in store.scalars(mine.offset(MOST_DEVICES).limit(MOST_DEVICES)):
        store.remove(surplus)
    return fresh


def name_browser(agent: str) -> str:
    """Return what people call the browser that says `agent` of itself: ``Firefox on Windows``; empty for none."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or agent.partition("/")[0][:40].strip()


def _device(store: Store, account_id: UUID, secret: str | None) -> Device | None:
    if not secret:
        return None
    mine = (Device.secret_hash == digest(secret)) & (Device.account_id == account_id)
    row: Device | None = store.first(select(Device).where(mine, Device.expires_at > store.now))
    return row
