"""How the tests call the command: in a process of its own, or with captured output."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from retinue.cli import app
from retinue.cli.errors import run


@dataclass
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def retinue(capfd, monkeypatch):
    """Call `retinue ARGS` in this process; the environment's own configuration is not seen."""
    for name in list(os.environ):
        if name.startswith("RETINUE_"):
            monkeypatch.delenv(name)

    def call(*args: str, stdin: str | None = None) -> Said:
        if stdin is not None:
            monkeypatch.setattr("sys.stdin", __import__("io").StringIO(stdin))
        code = run(app, list(args))
        said = capfd.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def process(tmp_path):
    """Start `python -c SCRIPT` in a process group of its own, ended at the latest with the test."""
    started = []

    def start(script: str, **env: str) -> subprocess.Popen[str]:
        paths = os.pathsep.join(path for path in sys.path if path)
        child = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": paths, **env},
            start_new_session=True,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        if child.poll() is None:
            child.kill()
        child.communicate()


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path
