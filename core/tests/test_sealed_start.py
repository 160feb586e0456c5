"""Without its master key an installation answers health alone, says why, and goes on once the key is there."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from retinue.app import load_masters
from retinue.app.sealed import application_of
from retinue.config import Config
from retinue.errors import Misconfigured, Unavailable
from retinue.storage import Database
from retinue.testing.house import make_config

pytestmark = pytest.mark.parametrize("config", ["sqlite"], indirect=True)
"""What is missing lies in no database."""


def _with_keys(config: Config, **keys: Any) -> Config:
    return make_config(config.folder, config.database.url, keys=keys)


def test_sealed_start_answers_health_alone_and_unseals_itself(config: Config) -> None:
    """No KEK: /healthz lives, /readyz and all else say sealed; the key comes, the next request is served."""
    waiting = _with_keys(config, start_sealed=True)
    hidden = config.master_key_path.rename(config.folder / "in the safe")
    with contextlib.ExitStack() as parts:
        app = application_of(waiting, parts, retry=0.05)
        with TestClient(app=app, base_url=waiting.base_url) as client:
            assert client.get("/healthz").json() == {"status": "alive, sealed"}
            for path in ("/readyz", "/api/v1/contacts", "/"):
                answer = client.get(path)
                assert (answer.status_code, answer.json()["type"]) == (503, "urn:retinue:problem:sealed")
                assert "content-security-policy" in answer.headers
            hidden.rename(config.master_key_path)
            deadline = time.monotonic() + 20
            while client.get("/readyz").status_code == 503 and time.monotonic() < deadline:
                time.sleep(0.05)
            assert client.get("/readyz").json()["status"] == "ready"
            assert client.get("/api/v1/contacts").status_code == 401


def test_lost_key_refuses_to_start_unless_one_waits_for_it(config: Config) -> None:
    config.master_key_path.unlink()
    with pytest.raises(Misconfigured) as lost, contextlib.ExitStack() as parts:
        application_of(config, parts)
    assert lost.value.code == "master-key-lost"


# ---- a key from elsewhere -------------------------------------------------------------------------------------------
VAULT = '''
"""A small KMS: holds a key that opens the sealed master key file beside it, and may be away."""
from pathlib import Path

from cryptography.fernet import Fernet

FOLDER = Path(__file__).parent
away = False


def provide():
    if away:
        raise ConnectionError("secret-of-the-vault")
    return Fernet((FOLDER / "kms.key").read_bytes()).decrypt((FOLDER / "sealed.key").read_bytes()).decode()


def nonsense():
    return "nonsense"
'''


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: Config) -> Any:
    """A module that plays the KMS, with the installation's master key sealed by it; the file is gone."""
    from cryptography.fernet import Fernet

    folder = tmp_path / "kms"
    folder.mkdir()
    (folder / "fake_vault.py").write_text(VAULT, "utf-8")
    (folder / "kms.key").write_bytes(Fernet.generate_key())
    sealed = Fernet((folder / "kms.key").read_bytes()).encrypt(config.master_key_path.read_bytes())
    (folder / "sealed.key").write_bytes(sealed)
    monkeypatch.syspath_prepend(str(folder))
    config.master_key_path.unlink()
    yield __import__("fake_vault")
    sys.modules.pop("fake_vault", None)


def test_master_key_comes_from_a_provider(config: Config, vault: Any) -> None:
    """keys.master_key_provider: the key lies in a KMS, never on the disk of the machine."""
    provided = _with_keys(config, master_key_provider="fake_vault:provide")
    (config.folder / "master.key").unlink()  # the kit makes one where there is none
    opened = Database.open(config.database.url, config.keys.url, load_masters(provided))
    opened.close()
    assert not config.master_key_path.exists()


@pytest.mark.parametrize(
    ("reference", "code", "words"),
    [
        ("fake_vault:provide", "master-key-lost", "gave no key (ConnectionError)"),
        ("fake_vault:nothing", "master-key", "no master key provider"),
        ("no_such_vault:provide", "master-key", "no master key provider"),
        ("fake_vault:nonsense", "master-key", "line 1: not a master key"),
    ],
)
def test_provider_that_fails_is_named_without_its_secrets(
    config: Config, vault: Any, reference: str, code: str, words: str
) -> None:
    vault.away = True
    with pytest.raises(Misconfigured) as fault:
        load_masters(_with_keys(config, master_key_provider=reference))
    assert fault.value.code == code
    assert words in fault.value.detail
    assert "secret-of-the-vault" not in f"{fault.value.detail} {fault.value.remedy}"
    assert "nonsense" not in fault.value.detail.removeprefix("fake_vault:nonsense")


def test_lost_key_store_is_named_and_no_new_one_is_made(config: Config) -> None:
    """Data are there, keys are not: a fresh key store would look right and open nothing."""
    from retinue.actor import Actor
    from retinue.app import open_house
    from retinue.contacts.service import create_contact

    with open_house(config) as house, house.store(Actor.system("test")) as store:
        create_contact(store, {"name": "Ada"})
    kept = config.folder / "keys.db"
    content = kept.read_bytes()
    for file in config.folder.glob("keys.db*"):
        file.unlink()
    with pytest.raises(Misconfigured) as lost, open_house(config):
        pass
    assert lost.value.code == "keys-lost"
    assert "backup" in lost.value.remedy
    kept.write_bytes(content[: len(content) // 2])
    cut = kept.read_bytes()
    with pytest.raises(Unavailable) as damaged, open_house(config):
        pass
    assert damaged.value.code == "database-damaged"
    assert kept.read_bytes() == cut, "a damaged key store is left as it is, for whoever repairs it"


def test_rotation_elsewhere_needs_no_restart(config: Config) -> None:
    """A running process meets a key that a newer master wraps, reads the master keys again and goes on."""
    from retinue.actor import Actor
    from retinue.app import open_house
    from retinue.contacts.models import Contact
    from retinue.contacts.service import create_contact
    from retinue.storage import write_masters

    with open_house(config) as house:
        with house.store(Actor.system("test")) as store:
            contact_id = create_contact(store, {"name": "Ada", "note": "sealed"}).id
        with open_house(config) as other:
            keys = other.database.keys
            keys.masters = keys.masters.with_next()
            write_masters(config.master_key_path, keys.masters)
            while keys.rewrap():
                pass
        house.database.keys.forget([contact_id])
        with house.store(Actor.system("test")) as store:
            assert store.get(Contact, contact_id).note == "sealed"
        assert house.database.keys.masters.current == 2
