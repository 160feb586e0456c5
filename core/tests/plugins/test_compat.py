"""Compatibility is computed: only who uses what changed is named, whatever bounds anybody declared."""

from __future__ import annotations

import copy
import json
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import Misconfigured
from retinue.kit.snapshot import public_api, render
from retinue.plugins import API_VERSION, build_plugin_set, compat, deprecation, discover, hookspecs
from retinue.plugins.compat import Affected, changes_between, plugin_changes, read_api, shipped_api
from retinue.plugins.contract import Contract
from retinue.plugins.deprecation import Deprecated, PluginDeprecation
from retinue.plugins.loading import core_specs
from retinue.plugins.usage import usage_of

if TYPE_CHECKING:
    from conftest import Site

NOW = public_api()
CREATED = """
import retinue.web as web
from retinue import Store, hookimpl
from retinue.errors import Invalid as Wrong

@hookimpl
def contacts_created(store: Store, contacts):
    store.insert_many(object, [])

@web.get("/points", permission="point.read")
def points(store: Store) -> None: ...
"""
MERGED = """
from retinue import hookimpl as answers

@answers(before="points")
def contacts_merged(survivor): ...

def contacts_changed(store): ...
"""


def changed(path: str, name: str, **words: Any) -> dict[str, Any]:
    """Return the API of a next version in which one entry differs, or is gone."""
    new: dict[str, Any] = copy.deepcopy(NOW)
    new["api"] = API_VERSION + 1
    if words:
        new[path][name] |= words
    else:
        del new[path][name]
    return new


def hits(site: Site, new: dict[str, Any]) -> dict[str, list[str]]:
    found = discover()
    return {
        name: [hit.name for hit in plugin_changes(found[name], NOW, new)]
        for name in found
        if plugin_changes(found[name], NOW, new)
    }


@pytest.fixture
def two(site: Site) -> Site:
    """Return a site with two plugins that use different things."""
    site.install("points", body=CREATED)
    site.install("merger", body=MERGED)
    return site


def test_usage_is_read_from_the_source_without_running_it(two: Site) -> None:
    two.install("loud", body="raise SystemExit('was imported')\nfrom retinue import hookimpl\n")
    two.install("broken", body="def (:")
    found = discover()
    points, merger = usage_of(found["points"]), usage_of(found["merger"])
    assert points.hooks == {"contacts_created": ("store", "contacts")}
    assert set(points.names) == {
        "retinue.Store", "retinue.hookimpl", "retinue.errors.Invalid", "retinue.web.get",
    }  # fmt: skip
    assert points.names["retinue.errors.Invalid"].endswith("retinue_points.py:4")
    assert merger.hooks == {"contacts_merged": ("survivor",)}
    assert set(usage_of(found["loud"]).names) == {"retinue.hookimpl"}
    assert usage_of(found["broken"]).names == {}


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (changed("hooks", "contacts_created", on_failure="abort"), {"points": ["contacts_created"]}),
        (changed("hooks", "contacts_merged"), {"merger": ["contacts_merged"]}),
        (
            changed("hooks", "contacts_merged", arguments={"store": "Store", "survivor": "Contact"}),
            {},
        ),
        (
            changed("hooks", "contacts_merged", arguments={"store": "Store", "merged": "Sequence[Contact]"}),
            {"merger": ["contacts_merged"]},
        ),
        (changed("hooks", "contacts_changed"), {}),
        (changed("names", "retinue.errors.Invalid"), {"points": ["retinue.errors.Invalid"]}),
        (changed("names", "retinue.web.get"), {"points": ["retinue.web.get"]}),
        (changed("names", "retinue.Store.insert_many"), {"points": ["retinue.Store.insert_many"]}),
        (changed("names", "retinue.Store.update_many"), {}),
        (changed("names", "retinue.web.post"), {}),
    ],
)
def test_one_change_flags_only_who_uses_it(
    two: Site, new: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    """EX-16."""
    assert hits(two, new) == expected


def test_change_of_a_parameter_says_what_and_where(two: Site) -> None:
    parameters = [[*row[:3], "str"] if row[0] == "permission" else row for row in _get()["parameters"]]
    parameters.append(["cached", "keyword", True, "bool"])
    parameters.append(["shiny", "keyword", False, "bool"])
    new = changed("names", "retinue.web.get", parameters=parameters)
    found = plugin_changes(discover()["points"], NOW, new)
    assert [(hit.name, hit.what) for hit in found] == [("retinue.web.get", "parameter cached must be given")]
    assert found[0].place.endswith("retinue_points.py:10")


def _get() -> dict[str, Any]:
    entry: dict[str, Any] = NOW["names"]["retinue.web.get"]
    return entry


def function(parameters: list[Any]) -> dict[str, Any]:
    entry = {"kind": "function", "parameters": parameters, "returns": "None"}
    return {"api": 1, "hooks": {}, "names": {"retinue.x": entry}}


PARAMETERS = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["positional", "keyword"]), st.booleans()),
    unique_by=lambda row: row[0],
    max_size=5,
).map(lambda rows: [[name, kind, required, "int"] for name, kind, required in rows])


@given(PARAMETERS, st.integers(0, 4))
def test_every_parameter_taken_away_is_a_change_and_an_optional_one_more_is_none(
    parameters: list[Any], place: int
) -> None:
    old = function(parameters)
    assert changes_between(old, old) == []
    assert changes_between(old, function([*parameters, ["new", "keyword", False, "int"]])) == []
    if parameters:
        gone = parameters[place % len(parameters)]
        left = [row for row in parameters if row is not gone]
        assert f"parameter {gone[0]} is gone" in [c.what for c in changes_between(old, function(left))]


def older(site: Site, monkeypatch: pytest.MonkeyPatch, new: dict[str, Any]) -> Any:
    """Load plugins written for version 1, without any upper bound, on a core of version 2."""
    for name, body in (("points", CREATED), ("merger", MERGED)):
        hooks = {"points": "contacts_created", "merger": "contacts_merged"}[name]
        site.install(
            name, toml=f'hooks = ["{hooks}"]', body=body.replace("def contacts_changed(store)", "def other()")
        )
    monkeypatch.setattr(hookspecs, "OLDEST_API_VERSION", 2)
    monkeypatch.setattr(hookspecs, "API_VERSION", 2)
    monkeypatch.setattr(compat, "shipped_api", lambda number: {1: NOW, 2: new}.get(number))
    return build_plugin_set(discover(), ["points", "merger"])


def test_plugin_of_an_older_version_loads_if_nothing_it_uses_has_changed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EX-16: no upper bound, and none needed."""
    plugins = older(site, monkeypatch, changed("names", "retinue.web.get"))
    assert list(plugins.loaded) == ["merger"]
    (fault,) = plugins.set_aside["points"]
    assert fault.code == "PLG003"
    assert "uses retinue.web.get" in fault.detail
    assert fault.detail.endswith(": it is gone.")


def test_plugin_of_a_version_that_core_does_not_remember_stays_out(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hookspecs, "OLDEST_API_VERSION", 1)
    site.install("ancient", toml='name = "ancient"\napi = 0\n', body="")
    plugins = build_plugin_set(discover(), ["ancient"])
    assert [fault.code for fault in plugins.set_aside["ancient"]] == ["PLG003"]


def test_shipped_api_holds_everything_that_plugins_use_now() -> None:
    """A change that plugins can notice is made knowingly: bring `plugins/public/1.json` up to date in the same change,
    by ``retinue upgrade api > core/src/retinue/plugins/public/1.json``, and raise API_VERSION if it was released."""
    shipped = shipped_api(API_VERSION)
    assert shipped is not None
    assert changes_between(shipped, NOW) == []


def test_api_is_read_from_json_and_from_a_wheel(tmp_path: Path) -> None:
    text = render(NOW)
    plain, wheel, junk = tmp_path / "api.json", tmp_path / "retinue-2.whl", tmp_path / "junk.json"
    plain.write_text(text)
    junk.write_text('{"api": 1}')
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("retinue/plugins/public/1.json", "{}")
        packed.writestr("retinue/plugins/public/10.json", text)
    assert read_api(plain) == read_api(wheel) == json.loads(json.dumps(NOW))
    with pytest.raises(Misconfigured, match=r"junk\.json holds no public API"):
        read_api(junk)


def test_affected_is_told_by_hook_or_dotted_name() -> None:
    assert Affected("points", "retinue.web.get", "it is gone").place == ""


def test_use_of_what_will_go_is_told_with_the_plugins_name_file_and_line(
    two: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Deprecations reach the plugin that causes them, a year before."""
    monkeypatch.setitem(deprecation.NAMES, "retinue.errors.Invalid", Deprecated("0.3", "1.3", "Use Refused."))
    old = Contract("tell", "in_transaction", "isolate", "0.1", deprecated="Use contacts_made.")
    monkeypatch.setattr(hookspecs.contacts_created, "retinue_contract", old)
    core_specs.cache_clear()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            plugins = build_plugin_set(discover(), ["points"])
    finally:
        core_specs.cache_clear()
    assert "points" in plugins.loaded, plugins.set_aside
    told = [(str(w.message), Path(w.filename).name, w.lineno) for w in caught]
    assert told == [
        (
            "plugin points 1.0 answers contacts_created, which is deprecated: Use contacts_made.",
            "retinue_points.py",
            6,
        ),
        (
            "plugin points 1.0 uses retinue.errors.Invalid, deprecated since 0.3 and gone in 1.3: Use Refused.",
            "retinue_points.py",
            4,
        ),
    ]
    assert {w.category for w in caught} == {PluginDeprecation}
    assert caplog.text.count("plugin points 1.0") == 2
