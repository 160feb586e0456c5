"""The settings of every bundled plugin: one declaration, the same by form, API and command, in five languages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from retinue.cli import app
from retinue.cli.errors import run
from retinue.plugins import Setting, discover

LANGUAGES = ("cs", "de", "ru", "tr")
WITH_SETTINGS = [
    name for name, found in sorted(discover().items()) if found.manifest.contributions.get("settings")
]
assert {"gdpr", "webhooks"} <= set(WITH_SETTINGS), "there is nothing to test"

pytestmark = pytest.mark.parametrize("config", ["sqlite"], indirect=True)


@pytest.fixture(scope="session")
def plugins_on() -> tuple[str, ...]:
    """Every plugin that can be set."""
    return tuple(WITH_SETTINGS)


@pytest.fixture
def say(crm: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Return a function that calls `retinue plugins … --json` on the installation and reads what it prints."""
    folder = crm.house.config.folder
    (folder / "retinue.toml").write_text(crm.house.config.to_toml())
    monkeypatch.chdir(folder)

    def call(*words: str) -> Any:
        code, said = run(app, ["plugins", *words, "--json"]), capfd.readouterr()
        assert code == 0, said.err
        return json.loads(said.out)

    return call


def another(item: Setting) -> Any:
    """Return a value that the setting may have and has not."""
    if item.kind == "integer":
        return item.most if item.default != item.most and item.most is not None else (item.default or 0) + 1
    if item.kind == "boolean":
        return not item.default
    if item.kind == "choice":
        return next(choice for choice in item.choices if choice != item.default)
    return {"decimal": "2.5", "date": "2026-01-02", "url": "https://crm.example"}.get(
        item.kind, "Kaffa s.r.o."
    )


@pytest.mark.parametrize("name", WITH_SETTINGS)
def test_settings_are_one_by_form_api_and_command(crm: Any, say: Callable[..., Any], name: str) -> None:
    """EX-18: labels in five languages; what the API sets the command shows, and what the command sets the API shows."""
    api, address = crm.user("all").client, f"/plugins/{name}/settings"
    declared: tuple[Setting, ...] = discover()[name].manifest.contributions["settings"]
    for language in LANGUAGES:
        form = api.get(f"{address}?language={language}").json()["form"]
        assert [item["label"] for item in form] == [item.labels[language] for item in declared]
        assert [row["label"] for row in say("settings", name, "--language", language)] == [
            item.labels[language] for item in declared
        ]
    wanted = {item.name: another(item) for item in declared if not item.secret}
    changed = api.patch(address, {"values": wanted})
    assert changed.status_code == 200, changed.text
    shown = {row["name"]: row["value"] for row in say("settings", name)}
    assert {key: shown[key] for key in wanted} == changed.json()["values"]
    resets = [word for key in wanted for word in ("--reset", key)]
    say("set", name, *resets)
    assert api.get(address).json()["values"] == {
        item.name: item.default for item in declared if not item.secret
    }
    say("set", name, *(f"{key}={json.dumps(value)}" for key, value in wanted.items()))
    assert api.get(address).json()["values"] == changed.json()["values"]
