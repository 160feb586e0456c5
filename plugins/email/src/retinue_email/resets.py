"""Links for a new password that people of the staff asked for: sealed until they are sent, sent once, and then gone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select

from retinue import Store, new_id
from retinue.access import Account, PasswordReset
from retinue.errors import Invalid
from retinue_email.making import Desk
from retinue_email.mime import Letter, Mailbox, build_letter, encode_address
from retinue_email.models import AccountLetter
from retinue_email.transport import LATER, SENT, UNREACHED, Transport
from retinue_email.wording import words_in

DELIVER: Final = "email.deliver_due"
_MOST: Final = 100
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One link on its way, with the letter that carries it."""

    account_id: UUID
    link: str
    expires_at: datetime
    address: str
    message: bytes


def keep_links(store: Store, resets: Sequence[PasswordReset]) -> None:
    """Keep links sealed until the courier takes them; one who asks again gets the newest alone."""
    own = store.system("letters to accounts")
    own.change(
        delete(AccountLetter).where(AccountLetter.account_id.in_([reset.account_id for reset in resets]))
    )
    for reset in resets:
        own.add(AccountLetter(account_id=reset.account_id, link=reset.link, expires_at=reset.expires_at))
    own.later(DELIVER, {})


def take_links(own: Store) -> list[Waiting]:
    """Take the links that wait out of the database: whoever takes one sends it, and nobody else does."""
    rows = list(own.scalars(select(AccountLetter).order_by(AccountLetter.id).limit(_MOST)))
    if not rows:
        return []
    own.unseal(rows)
    kept = [(row.id, row.account_id, row.link, row.expires_at) for row in rows]
    desk, found = Desk.of(own), []
    for row_id, account_id, link, expires_at in kept:
        account = own.find(Account, account_id)
        taken = own.change(delete(AccountLetter).where(AccountLetter.id == row_id))
        if not taken or account is None or expires_at <= own.now:
            continue
        try:
            address = encode_address(account.login)
            message = build_letter(_write(desk, account, link, until=expires_at, at=own.now), desk.signers)
        except Invalid:  # a login that is no address
            _log.warning("a link for a new password has no address to go to")
        else:
            found.append(Waiting(account_id, link, expires_at, address, message))
    return found


def send_links(open_store: Callable[[], AbstractContextManager[Store]], transport: Transport) -> int:
    """Send the links that wait; returns how many went. What could not be sent now waits on, unless it is too old."""
    with open_store() as own:
        waiting = take_links(own)
        sender = Desk.of(own).sender.address if waiting else ""
    if not waiting:
        return 0
    carrier, back = transport.carrier(), []
    try:
        for one in waiting:
            answer = carrier.open() or carrier.send(sender, one.address, one.message)
            if answer.kind in (LATER, UNREACHED):
                back.append(one)
            elif answer.kind != SENT:
                _log.warning("a link for a new password was not taken (%s)", answer.code or answer.word)
    finally:
        carrier.close()
    if back:
        with open_store() as own:
            for one in back:
                own.add(AccountLetter(account_id=one.account_id, link=one.link, expires_at=one.expires_at))
    return len(waiting) - len(back)


def _write(desk: Desk, account: Account, link: str, *, until: datetime, at: datetime) -> Letter:
    words = words_in(account.language or "en")
    company = desk.company or desk.domain
    subject = words.gettext("A new password for %(company)s") % {"company": company}
    asked = words.gettext("Somebody asked for a new password for the account %(login)s.") % {
        "login": account.login
    }
    choose = words.gettext("Choose it here. The link works once, until %(time)s UTC.") % {
        "time": until.strftime("%Y-%m-%d %H:%M")
    }
    calm = words.gettext("If that was not you, do nothing: the password stays as it is.")
    shown = f'<a href="{escape(link)}">{escape(link)}</a>'
    html = "".join(f"<p>{part}</p>" for part in (escape(asked), escape(choose), shown, escape(calm)))
    return Letter(
        desk.sender, Mailbox(account.login, account.name), subject, f"{asked}\n\n{choose}\n{link}\n\n{calm}\n",
        f"<!doctype html><html><body>{html}</body></html>", f"{new_id().hex}@{desk.domain}", at,
        {"Auto-Submitted": "auto-generated"},
    )  # fmt: skip
