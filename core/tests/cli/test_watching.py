"""The commands that watch plugins and explain hooks, on an installation of their own."""

from __future__ import annotations

import json

import pytest

from retinue.actor import Actor
from retinue.app import open_house
from retinue.app.following import Reporter
from retinue.contacts import create_contacts
from retinue.kit.snapshot import public_api, render
from retinue.plugins import quarantine_plugin

SYSTEM = Actor.system("test")
pytestmark = pytest.mark.parametrize("config", ["sqlite"], indirect=True)


@pytest.fixture
def asked(retinue, config):
    """Call a command on the installation, and return its exit code and JSON document."""
    file = config.folder / "retinue.toml"
    file.write_text(config.to_toml(), "utf-8")

    def call(*words):
        said = retinue("--config", str(file), *words, "--json", "--yes")
        return said.code, json.loads(said.out) if said.out else said.err

    return call


def test_every_hook_is_listed_with_its_whole_contract(asked):
    """EX-6: no field is empty for any hook."""
    code, hooks = asked("hooks", "list")
    assert code == 0
    assert len(hooks) >= 25
    empty = [
        (hook["name"], word) for hook in hooks for word, value in hook.items() if value in ("", [], None)
    ]
    assert empty == []
    words = {
        "mode",
        "phase",
        "on_failure",
        "since",
        "deprecated",
        "calling",
        "answers",
        "arguments",
        "signature",
    }
    assert words <= set(hooks[0])


def test_stored_change_is_explained_on_the_command_line(asked, config):
    """EX-8."""
    with open_house(config) as house, house.store(SYSTEM) as store:
        create_contacts(store, [{"name": "Ada"}])
        change = store.change_set_id
    code, found = asked("hooks", "explain", str(change))
    assert (code, found["refused"], found["action"]) == (0, False, "contact.create")
    code, _ = asked("hooks", "explain", "00000000-0000-7000-8000-000000000000")
    assert code == 66


def test_top_and_processes_show_what_other_processes_wrote(asked, config):
    """EX-10."""
    with open_house(config) as house:
        with house.store(SYSTEM) as store:
            create_contacts(store, [{"name": "Ada"}])
        Reporter(house, "worker").report()
        _, times = asked("plugins", "top")
        _, processes = asked("plugins", "processes")
    assert all(row["calls"] >= 1 and row["p50_us"] <= row["longest_us"] for row in times)
    assert [(row["kind"], row["alive"]) for row in processes] == [("worker", True)]


def test_quarantined_plugin_is_listed_with_its_reason_and_resumed(asked, config):
    """EX-8."""
    with open_house(config) as house:
        house.enable(SYSTEM, "webhooks")
        with house.store(SYSTEM) as store:
            quarantine_plugin(store, "webhooks", "It failed.")
    _, plugins = asked("plugins", "list")
    (row,) = [row for row in plugins if row["name"] == "webhooks"]
    assert (row["state"], row["reason"]) == ("quarantined", "It failed.")
    assert asked("plugins", "resume", "webhooks") == (0, {"name": "webhooks", "state": "enabled"})
    assert asked("plugins", "resume", "webhooks")[0] == 73


def test_upgrade_check_names_the_plugins_that_use_what_changed(asked, tmp_path):
    """EX-16: the installed plugins against a core without one public name; exit code 1."""
    api = public_api()
    same, less = tmp_path / "same.json", tmp_path / "less.json"
    same.write_text(render(api))
    assert asked("upgrade", "check", "--api", str(same)) == (0, [])
    del api["names"]["retinue.plugin_base"]
    less.write_text(render(api))
    code, rows = asked("upgrade", "check", "--api", str(less))
    assert code == 1
    assert {row["name"] for row in rows} == {"retinue.plugin_base"}
    assert "io" in {row["plugin"] for row in rows}
    assert asked("upgrade", "check")[0] == 2
