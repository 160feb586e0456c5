"""`retinue serve` and `retinue worker`: the two processes that stay."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from retinue.actor import Actor
from retinue.cli.logs import set_up_logging
from retinue.cli.server import run_server, run_workers, settle
from retinue.cli.session import Cli, command
from retinue.config import Config

if TYPE_CHECKING:
    from retinue.app import House


@command()
@click.option("--host", help="Address to listen on, instead of server.host.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port, instead of server.port; 0 takes a free one."
)
@click.option("--safe-mode", is_flag=True, help="Start without any plugin.")
def serve(cli: Cli, host: str | None, port: int | None, safe_mode: bool) -> None:
    """Answer HTTP until Ctrl-C.

    On SQLite this process works on jobs as well; on PostgreSQL start `retinue worker` beside it
    (jobs.worker_in_serve).
    """
    config = with_server(cli.config, host=host, port=port, safe_mode=safe_mode)
    set_up_logging(config)
    if config.server.workers > 1:
        hand_down(config)
        announce(cli, config, f"{config.base_url}, with {config.server.workers} processes")
        with cli.house(config) as house:
            tell_first_visit(cli, house, config.base_url)
        run_workers("retinue.cli.serve:application", config)
        return
    from retinue.app.sealed import application_of  # noqa: PLC0415 - lazy: `serve --help` needs no server

    with contextlib.ExitStack() as parts:
        app = application_of(config, parts)

        def ready(address: str) -> None:
            announce(cli, config, address)
            if house := getattr(app, "house", None):  # a sealed one does not know yet
                tell_first_visit(cli, house, config.server.base_url or address)

        run_server(app, config, ready)
    cli.out.say("Ended.")


@command()
def worker(cli: Cli) -> None:
    """Work on jobs until Ctrl-C; what is under way is finished or handed back within ten seconds."""
    set_up_logging(cli.config)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with cli.house() as house, house.work():
        settle()
        cli.out.say("Working on jobs. Ctrl-C ends it.")
        ended.wait()
    cli.out.say("Ended.")


def application() -> Any:
    """Return the ASGI application, for a server that starts processes of its own."""
    from retinue.app.sealed import application_of  # noqa: PLC0415 - lazy: as above

    config = Config.load()
    set_up_logging(config)
    made = application_of(config, contextlib.ExitStack())  # closed by the process's own end
    settle()
    return made


def with_server(config: Config, *, host: str | None, port: int | None, safe_mode: bool) -> Config:
    """Return `config` with what the command line says about the server on top."""
    given = {"host": host, "port": port}
    changed = {name: value for name, value in given.items() if value is not None}
    return replace(
        config,
        server=replace(config.server, **changed),
        plugins=replace(config.plugins, safe_mode=safe_mode or config.safe_mode),
    )


def hand_down(config: Config) -> None:
    """Put what other processes need to find the same configuration into the environment."""
    if config.path is not None:
        os.environ["RETINUE_CONFIG"] = str(config.path)
    os.environ["RETINUE_PLUGINS_SAFE_MODE"] = str(config.safe_mode).lower()


def announce(cli: Cli, config: Config, address: str) -> None:
    """Say where to look."""
    cli.out.say(f"Retinue answers on {config.server.base_url or address}. Ctrl-C ends it.")


def tell_first_visit(cli: Cli, house: House, origin: str) -> None:
    """Say how somebody becomes the first administrator, as long as there is no account."""
    from retinue.access import setup_address, setup_code  # noqa: PLC0415 - lazy: as above

    with house.store(Actor.system("retinue serve"), readonly=True) as store:
        code = setup_code(store)
    if code:
        cli.out.say(f"Nobody can sign in yet. The first visit: {setup_address(code, origin)}")
