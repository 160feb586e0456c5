"""Importing a plugin in a process of its own first, since an import can end, halt or change the process it runs in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from retinue.plugins.discovery import Found
from retinue.plugins.faults import Fault, PluginRefused
from retinue.plugins.integrity import integrity_faults

_DONE = "retinue-probe:"
_PATIENCE = 6
"""How many times as long the whole may take on a machine that has other things to do."""
_CHILD = """
import importlib, json, os, sys, threading, time, traceback
report = {"error": "", "threads": [], "changed": [], "hangs": ""}
def tell():
    sys.stdout.write("\\n" + MARK + json.dumps(report) + "\\n")
    sys.stdout.flush()
    os._exit(0)
def watch(limit):
    moved, used = time.monotonic(), time.process_time()
    while not report["hangs"]:
        time.sleep(0.2)
        now = time.process_time()
        if now - used > 0.02:
            moved, used = time.monotonic(), now
        if now > limit:
            report["hangs"] = f"importing it took more than {limit:g} seconds of the processor."
        elif time.monotonic() - moved > limit:
            report["hangs"] = f"importing it did nothing for {limit:g} seconds."
    tell()
threading.Thread(target=watch, args=(float(sys.argv[1]),), daemon=True).start()
threads = set(threading.enumerate())
try:
    for name in sys.argv[2:]:
        importlib.import_module(name)
except BaseException:
    report["error"] = traceback.format_exc()
top = sys.argv[2].partition(".")[0]
def foreign(place, holder):
    for name, value in list(vars(holder).items()):
        module = str(getattr(value, "__module__", ""))
        if callable(value) and (module == top or module.startswith(top + ".")):
            yield place + "." + name
        elif isinstance(value, type) and holder is sys.modules.get(value.__module__):
            yield from foreign(place + "." + name, value)
report["threads"] = sorted(t.name for t in set(threading.enumerate()) - threads)
core = [name for name in sorted(sys.modules) if name == "retinue" or name.startswith("retinue.")]
report["changed"] = [found for name in core for found in foreign(name, sys.modules[name])]
tell()
"""


def refuse_dangerous(found: Found, *, seconds: float = 10.0) -> None:
    """Raise PluginRefused for a plugin whose files were changed or whose import is no mere import; nothing is kept of it."""
    faults = [*found.faults, *integrity_faults(found, thorough=True)]
    faults = faults or list(probe_faults(found, seconds=seconds))
    if faults:
        raise PluginRefused(found.name, faults)


def probe_faults(found: Found, *, seconds: float = 10.0) -> Iterator[Fault]:
    """Yield what importing the plugin does to a process, beside raising: that the loader reports with its traceback.

    A plugin whose module this process has already is not tried again. `seconds` is what an import may take of the
    processor, and how long it may do nothing: a busy machine makes neither longer.
    """
    if any(name not in sys.modules for name in _modules(found)):
        yield from probe_import(found, seconds=seconds)


def _modules(found: Found) -> list[str]:
    return [name for name in (found.manifest.module, found.manifest.publishes) if name]


def probe_import(found: Found, *, seconds: float = 10.0) -> Iterator[Fault]:
    """Yield the same whether this process has the plugin's modules already or not."""
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONWARNINGS": "ignore",
    }
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, and a module that is to be imported anyway
            [sys.executable, "-c", _CHILD.replace("MARK", repr(_DONE)), str(seconds), *_modules(found)],
            capture_output=True, env=env, timeout=_PATIENCE * seconds, text=True, errors="replace", check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        yield _hang(found, f"importing it did not end within {_PATIENCE * seconds:g} seconds.")
        return
    yield from _judge(found, done)


def _judge(found: Found, done: subprocess.CompletedProcess[str]) -> Iterator[Fault]:
    said = [line for line in done.stdout.splitlines() if line.startswith(_DONE)]
    if not said:
        detail = f"importing it ended the process, with code {done.returncode}."
        yield Fault("PLG014", found.name, detail, "A module must not end the process it is imported by.")
        return
    report = json.loads(said[-1].removeprefix(_DONE))
    if report["hangs"]:
        yield _hang(found, report["hangs"])
        return
    if report["threads"]:
        detail = f"importing it starts a thread: {', '.join(report['threads'])}."
        yield Fault("PLG014", found.name, detail, "Start nothing at import; work belongs into jobs.")
    if report["changed"]:
        detail = f"importing it replaces code of core: {', '.join(report['changed'][:3])}."
        yield Fault("PLG015", found.name, detail, "Answer a hook instead; if none fits, ask for one.")


def _hang(found: Found, detail: str) -> Fault:
    return Fault("PLG014", found.name, detail, "Do nothing slow at import: hand it to a job.")
