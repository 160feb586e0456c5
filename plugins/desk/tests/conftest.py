"""A desk that is really served, and a browser that really looks at it: one of each for all tests of a process."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Request,
    expect,
    sync_playwright,
)

from retinue.access import MANAGER, create_account, ensure_builtin_roles
from retinue.actor import Actor
from retinue.app import House, open_house
from retinue.contacts.service import create_contacts
from retinue.interactions.service import record_interactions
from retinue.plugins.settings import change_settings
from retinue.testing.house import make_config

sys.path.insert(0, str(Path(__file__).parent))
PASSWORD = "correct-horse-battery-42"
PATIENCE = 30_000
"""Milliseconds until a page that does not come is a failure: a busy machine makes everything late and nothing wrong."""
expect.set_options(timeout=PATIENCE)
SYSTEM = Actor.system("test")
HELP = "no browser: apt-get install chromium, or python -m playwright install chromium"
OTHERS = ("email", "gdpr", "io", "loyalty", "nps", "orders", "webhooks")
"""Plugins whose pages are seen within the desk."""
AXE = Axe()
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share the browser and the server in one process."""
    for item in items:
        if {"site", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("desk"))


STAGE = contextlib.ExitStack()
"""The served site and the browser: closed as soon as a test of another folder follows, since its process runs one worker."""


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Close the stage behind the last test of this folder."""
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        STAGE.close()


@dataclass
class Site:
    """A served installation with the desk on; `people` has the ids of accounts by login."""

    house: House
    address: str
    people: dict[str, UUID] = field(default_factory=dict)

    def add(self, *drafts: dict[str, Any], owner: str = "ada@staff.example") -> list[UUID]:
        """Create contacts of somebody."""
        owned = [{"owner_id": self.people[owner], **draft} for draft in drafts]
        with self.house.store(SYSTEM) as store:
            return list(create_contacts(store, owned, on_duplicate="allow").ids)

    def hire(self, login: str, *, language: str = "en", role: str = "Administrator") -> None:
        """Make an account with a role, for somebody who speaks `language`."""
        with self.house.store(SYSTEM) as store:
            roles = ensure_builtin_roles(store)
            draft = {"login": login, "name": login.title(), "language": language, "password": PASSWORD}
            draft |= {"must_change": False, "role_ids": [roles[role].id]}
            self.people[login] = create_account(store, draft, guard=self.house.guard).id

    def record(self, *drafts: dict[str, Any]) -> None:
        """Record interactions."""
        with self.house.store(SYSTEM) as store:
            record_interactions(store, drafts)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, templates: Any) -> Site:
    """Return a site with an administrator and a manager, who sees only her own contacts: one for all tests of a process."""
    folder = tmp_path_factory.mktemp("desk")
    port = _prepare(folder, templates)
    address = f"http://localhost:{port}"  # a name, which passkeys need
    config = make_config(
        folder, f"sqlite:///{folder}/retinue.db", server={"base_url": address}, outbound=_near(port)
    )
    house = STAGE.enter_context(open_house(config))
    for name in sorted({"desk", *OTHERS} & set(house.catalogue)):
        house.enable(SYSTEM, name)
    if "gdpr" in house.catalogue:
        with house.store(SYSTEM) as store:  # its notices would stand in every timeline that the tests count
            change_settings(store, "gdpr", {"notices": "by_hand"})
    made = Site(house, address)
    _hire(made)
    STAGE.enter_context(_served(house, port))
    return made


@pytest.fixture
def empty(tmp_path: Path, templates: Any) -> Iterator[Site]:
    """Serve an installation as `retinue init --no-admin` leaves it: the desk is on, nobody has an account."""
    port = _prepare(tmp_path, templates)
    address = f"http://127.0.0.1:{port}"
    more = {"server": {"base_url": address}, "outbound": _near(port)}
    more["jobs"] = {"worker_in_serve": "never"}  # one worker in a process
    with open_house(make_config(tmp_path, f"sqlite:///{tmp_path}/retinue.db", **more)) as house:
        house.enable(SYSTEM, "desk")
        with _served(house, port):
            yield Site(house, address)


@pytest.fixture
def newcomer(empty: Site, browser: Browser) -> Iterator[Visitor]:
    """Return somebody whom the installation without accounts does not know."""
    context = browser.new_context(base_url=empty.address, reduced_motion="reduce")
    visitor = Visitor(context.new_page(), context)
    _listen(visitor, empty)
    yield visitor
    context.close()


def _near(port: int) -> dict[str, Any]:
    """Let webhooks reach this machine: the site itself is who hears of its changes."""
    return {"allow_networks": ["127.0.0.1/32"], "ports": ["443", str(port)]}


def _prepare(folder: Path, templates: Any) -> int:
    """Copy an installation with tables into a folder; return a port that is free."""
    template, _ = templates("sqlite", lambda: "")
    for name in ("master.key", "keys.db", "retinue.db"):
        shutil.copy(template / name, folder / name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _hire(site: Site) -> None:
    with site.house.store(SYSTEM) as store:
        roles = ensure_builtin_roles(store)
        for login, name, role in (
            ("ada@staff.example", "Ada Byron", "Administrator"),
            ("mert@staff.example", "Mert Yılmaz", MANAGER),
        ):
            draft = {"login": login, "name": name, "password": PASSWORD, "must_change": False}
            account = create_account(store, {**draft, "role_ids": [roles[role].id]}, guard=site.house.guard)
            site.people[login] = account.id


@contextlib.contextmanager
def _served(house: House, port: int) -> Iterator[None]:
    config = uvicorn.Config(house.asgi(), host="127.0.0.1", port=port, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    assert server.started
    yield
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="session")
def browser() -> Browser:
    """Return the machine's browser, else the one that Playwright fetched; neither: say what helps."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    playwright = STAGE.enter_context(sync_playwright())
    try:
        return STAGE.enter_context(playwright.chromium.launch(executable_path=found, args=["--no-sandbox"]))
    except Error as error:
        pytest.fail(f"{HELP}\n{error}", pytrace=False)


@dataclass
class Visitor:
    """One person at a browser; what the console said, and what was asked of other hosts, is kept."""

    page: Page
    context: BrowserContext
    said: list[str] = field(default_factory=list)
    abroad: list[str] = field(default_factory=list)
    asked: set[Request] = field(default_factory=set)

    def go(self, path: str) -> Page:
        """Open a page and wait until all that it asked for has come."""
        self.page.goto(path)
        until = time.monotonic() + 8
        while self.asked and time.monotonic() < until:
            self.page.wait_for_timeout(10)
        return self.page

    def find_faults(self, rules: list[str] | None = None) -> list[str]:
        """Return what axe finds on the page as it stands, by all its rules or a few."""
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if rules is not None:
            options["runOnly"] = {"type": "rule", "values": rules}
        return [
            f"{v['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for v in AXE.run(self.page, options=options).response["violations"]
            for node in v["nodes"]
        ]

    def check_axe(self) -> None:
        """Fail for every finding of axe on the page as it stands."""
        found = self.find_faults()
        assert not found, "\n".join(found)

    def check_quiet(self) -> None:
        """Fail if the console complained, a policy was broken, or another host was asked."""
        assert not self.said
        assert not self.abroad


Opens = Callable[..., Visitor]


@pytest.fixture(scope="session")
def windows(site: Site, browser: Browser) -> Callable[..., BrowserContext]:
    """Return a function that gives the browser of a person: one each, so that its cache and its session serve all tests."""
    opened: dict[tuple[Any, ...], BrowserContext] = {}

    def window(login: str | None, more: dict[str, Any]) -> BrowserContext:
        key = (login, *sorted(more.items()))
        if key not in opened:
            opened[key] = browser.new_context(base_url=site.address, reduced_motion="reduce", **more)
            opened[key].set_default_timeout(PATIENCE)
        context = opened[key]
        if login is None:
            context.clear_cookies()
        elif not any(cookie.get("name") == "retinue" for cookie in context.cookies()):
            body = {"login": login, "password": PASSWORD}
            signed = context.request.post("/api/v1/sessions", data=body, headers={"Origin": site.address})
            assert signed.ok, signed.text()
        return context

    return window


@pytest.fixture
def visit(site: Site, windows: Callable[..., BrowserContext]) -> Iterator[Opens]:
    """Return a function that opens a browser window, signed in as somebody unless `login` is None."""
    opened: list[Page] = []

    def open_window(
        login: str | None = "ada@staff.example",
        *,
        theme: str = "light",
        width: int = 1440,
        height: int = 900,
        locale: str = "",
        **more: Any,
    ) -> Visitor:
        context = windows(login, more)
        context.add_cookies([{"name": "retinue-theme", "value": theme, "url": site.address}])
        visitor = Visitor(context.new_page(), context)
        opened.append(visitor.page)
        visitor.page.set_viewport_size({"width": width, "height": height})
        if locale:
            visitor.page.set_extra_http_headers({"Accept-Language": locale})
        _listen(visitor, site)
        return visitor

    yield open_window
    for page in opened:
        page.close()


def _listen(visitor: Visitor, site: Site) -> None:
    def console(message: ConsoleMessage) -> None:
        refused = re.search(
            r"status of (409|412|422)", message.text
        )  # a refusal by the API; browsers log each
        if message.type in ("error", "warning") and not refused:
            visitor.said.append(message.text)

    def request(asked: Request) -> None:
        visitor.asked.add(asked)
        if not asked.url.startswith((site.address, "data:", "blob:")):
            visitor.abroad.append(asked.url)

    def ended(asked: Request) -> None:
        visitor.asked.discard(asked)

    visitor.page.on("console", console)
    visitor.page.on("pageerror", lambda error: visitor.said.append(str(error)))
    visitor.page.on("request", request)
    visitor.page.on("requestfinished", ended)
    visitor.page.on("requestfailed", ended)


@pytest.fixture(scope="session")
def package() -> Path:
    """Return the folder of the desk's distribution."""
    return Path(__file__).parents[1]
