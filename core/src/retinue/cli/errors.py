"""How a command ends: what it says on stderr and the exit code, each documented."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Mapping
from typing import TextIO

import click
import msgspec

from retinue.cli.lazy import Settings
from retinue.errors import Misconfigured, RetinueError, Unavailable

DEFECT, INTERRUPTED, CLOSED_PIPE = 70, 130, 141

EXIT_CODES: Mapping[int, str] = {
    0: "Done.",
    1: "A check that the command makes found something wrong, or you said no.",
    2: "The command line is wrong: an unknown command or option, a missing argument.",
    64: "A precondition is missing.",
    65: "The input is not valid; each place that is wrong is named.",
    66: "What was named does not exist, or not for this account.",
    69: "A part that the work needs is not there now: database, key store, disk space.",
    70: "A defect of Retinue or of a plugin. RETINUE_TRACEBACK=1 shows where.",
    73: "The state of the data forbids it, or somebody changed the row meanwhile.",
    75: "Too many tries; later again.",
    77: "Not allowed, or not signed in.",
    78: "The configuration, the installed code or the master key does not fit; nothing was changed.",
    130: "Stopped by Ctrl-C.",
    141: "The reader of the output went away.",
}


def run(app: click.Command, args: list[str]) -> int:
    """Run `app` and return the exit code; a traceback is shown only under RETINUE_TRACEBACK."""
    settings, stdout = Settings(), sys.stdout
    try:
        result = app.main(args, prog_name="retinue", standalone_mode=False, obj=settings)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except (KeyboardInterrupt, click.Abort, EOFError):
        click.echo("Stopped.", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        _quiet(sys.stdout)
        return CLOSED_PIPE
    except (
        SystemExit
    ) as ended:  # of a closed pipe click makes this, and puts something quiet in stdout's place
        return CLOSED_PIPE if sys.stdout is not stdout else int(ended.code or 0)
    except Exception as wrong:  # the outermost edge: every failure becomes a message and a code
        return _report(_as_ours(wrong), wrong, settings)


def _as_ours(wrong: Exception) -> RetinueError | None:
    """Return the error people can act upon; None means a defect."""
    if isinstance(wrong, RetinueError):
        return wrong
    if isinstance(wrong, OSError) and wrong.errno == errno.ENOSPC:
        return Unavailable(
            "The disk is full.", remedy="Make room and run the command again; nothing is half done."
        )
    if isinstance(wrong, OSError) and wrong.filename is not None:
        return Misconfigured(
            f"{wrong.filename}: {wrong.strerror}.", remedy="Check the path and its permissions."
        )
    database = sys.modules.get("sqlalchemy.exc")
    if database is not None and isinstance(wrong, database.OperationalError):
        said = str(wrong.orig).strip().splitlines() or ["no reason given"]
        return Unavailable(
            f"The database does not answer: {said[0]}.", remedy="Check database.url and keys.url."
        )
    return None


def _report(known: RetinueError | None, wrong: Exception, settings: Settings) -> int:
    """Say what is wrong and what to do, as text or JSON, on stderr."""
    code = DEFECT if known is None else known.exit_code
    first = next(iter(str(wrong).splitlines()), "")  # a database tells the row's values in the lines below
    detail = f"{type(wrong).__name__}: {first}" if known is None else known.detail
    remedy = "This is a defect. RETINUE_TRACEBACK=1 shows where." if known is None else known.remedy
    problems = () if known is None else known.problems
    if os.environ.get("RETINUE_TRACEBACK"):
        traceback.print_exception(wrong)
    if settings.json:
        name = "defect" if known is None else known.code
        body = {"code": name, "exit_code": code, "detail": detail, "remedy": remedy, "problems": problems}
        click.echo(msgspec.json.encode({"error": body}).decode(), err=True)
        return code
    click.secho("Error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(detail, err=True)
    for problem in problems:
        click.echo(f"  {problem.pointer or '/'}: {problem.detail}", err=True)
    if remedy:
        click.echo(remedy, err=True)
    return code


def _quiet(stream: TextIO) -> None:
    """Send what is left in the buffer nowhere, so that Python does not complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
