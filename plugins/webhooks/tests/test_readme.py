"""The README's promises: its example of a receiver works, its table of events is whole."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from retinue_webhooks import standard

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def verify() -> Any:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    return names["verify"]


def test_readme_receiver_accepts_our_messages_and_no_others(verify: Any) -> None:
    secret, other, body = standard.new_secret(), standard.new_secret(), '{"type":"Пётр"}'.encode()
    now = datetime.now(UTC)
    headers = standard.message_headers("msg_1", now, body, [standard.new_secret(), secret])
    assert verify(secret, headers, body)
    assert not verify(other, headers, body)
    assert not verify(secret, headers, body + b" ")
    assert not verify(secret, {**headers, "webhook-id": "msg_2"}, body)
    old = standard.message_headers("msg_1", now - timedelta(minutes=6), body, [secret])
    assert not verify(secret, old, body)


def test_readme_names_every_event_of_the_manifest() -> None:
    manifest = tomllib.loads((files("retinue_webhooks") / "plugin.toml").read_text(encoding="utf-8"))
    names = {event["name"] for event in manifest["webhook_events"]}
    assert len(names) == 6
    assert {name for name in names if f"`{name}`" not in README} == set()
