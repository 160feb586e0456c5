"""``/api/v1/email/returns`` and ``/providers``: what comes back, as mail or as a call of a sending service."""

from __future__ import annotations

from typing import Any

from retinue import Store
from retinue.web import PUBLIC, post
from retinue_email import hearing, providers
from retinue_email.schemas import HeardCountsSchema, ReturnedSchema

RETURNED, COUNTS = ReturnedSchema(), HeardCountsSchema()


@post("/returns", permission="email_return.create", gives=RETURNED, status=200, tags=["email"])
def take_email_return(store: Store, raw: bytes, to: str = "") -> dict[str, Any]:
    """Take a message that came back, as it is on the wire (message/rfc822); `to` is the address of its envelope."""
    return hearing.take_returned(store, raw, to=[to] if to else [], source="mail")


@post("/providers/{provider:str}", permission=PUBLIC, gives=COUNTS, status=200, tags=["email"])
def take_email_provider_call(store: Store, provider: str, raw: bytes, request: Any) -> dict[str, Any]:
    """Take a call of a sending service, by its secret; told twice, it is heard once."""
    return {"outcomes": providers.take_call(store, provider, request.headers, raw)}


ROUTES = [take_email_return, take_email_provider_call]
