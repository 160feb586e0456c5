"""`retinue keys`: the master key and the data keys it wraps."""

from __future__ import annotations

import click

from retinue.cli.session import Cli, command
from retinue.errors import Misconfigured
from retinue.storage import write_masters


@command()
@click.option("--resume", is_flag=True, help="Make no new key: go on with a rotation that was interrupted.")
def rotate(cli: Cli, resume: bool) -> None:
    """Make a new master key and wrap every data key anew; no data are touched.

    End `serve` and `worker` before and start them afterwards: they know the old key only. The old one stays
    in the file, for old backups of the key store. Interrupted, it goes on with --resume.
    """
    path = cli.config.master_key_path
    if cli.config.keys.master_key:
        raise Misconfigured(
            "The master key comes from RETINUE_MASTER_KEY, which this command cannot change.",
            remedy="Put it into a file for the rotation, or add a line to the variable and use --resume.",
        )
    cli.confirm("Are `serve` and `worker` ended everywhere, and is the key store backed up?")
    with cli.house() as house:
        with cli.store(house, readonly=True) as store:
            store.require("key.rotate")
        keys = house.database.keys
        if not resume:
            keys.masters = keys.masters.with_next()
            write_masters(path, keys.masters)
        total = sum(keys.count_by_master().values())
        with cli.out.progress("Wrapping keys", total) as tick:
            left = total
            while left:
                now = keys.rewrap()
                tick(left - now)
                left = now
        with cli.store(house) as store:
            store.record("key.rotate", detail={"version": keys.masters.current, "keys": total})
        result = {"version": keys.masters.current, "keys": total, "file": str(path)}
    cli.out.done(
        f"{total} data keys are wrapped by master key {result['version']}.",
        result,
        then=f"keep a copy of {path}",
    )


@command()
def status(cli: Cli) -> None:
    """Show how many data keys each version of the master key wraps."""
    with cli.house() as house:
        keys = house.database.keys
        current, counts = keys.masters.current, keys.count_by_master()
    rows = [
        {"version": version, "keys": counts.get(version, 0), "current": version == current}
        for version in sorted({*counts, current})
    ]
    cli.out.rows(rows)
