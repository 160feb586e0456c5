"""The commands on a real installation: each test starts from what `retinue init` makes."""

import contextlib
import json
import os
import shutil
import sqlite3
import stat

import pytest

from retinue.cli import app
from retinue.cli.errors import run

ADMIN = "ada@example.org"
PASSWORD = "wisteria umbrella quartz"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make one installation; tests work on copies, since making one takes a second or two."""
    folder = tmp_path_factory.mktemp("made") / "crm"
    before = os.environ.get("RETINUE_PASSWORD")
    os.environ["RETINUE_PASSWORD"] = PASSWORD
    assert run(app, ["init", str(folder), "--admin", ADMIN, "--name", "Ada Byron", "--no-input"]) == 0
    os.environ.pop("RETINUE_PASSWORD") if before is None else os.environ.update(RETINUE_PASSWORD=before)
    return folder


@pytest.fixture
def crm(made, tmp_path, monkeypatch):
    """A fresh installation, and the current folder in it."""
    folder = tmp_path / "crm"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def asked(retinue):
    """Call a command that must succeed, and return its JSON document."""

    def call(*args: str):
        said = retinue(*args, "--json", "--yes")
        assert said.code == 0, said.err
        return json.loads(said.out)

    return call


def add_novak(asked):
    return asked(
        "contacts", "add", "--given-name", "Jiří", "--family-name", "Novák", "--email", "Jiri@Example.org"
    )


# --- init ---


def test_init_makes_four_files_readable_by_their_owner_alone(made):
    assert sorted(file.name for file in made.iterdir()) == [
        "keys.db",
        "master.key",
        "retinue.db",
        "retinue.toml",
    ]
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in made.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_init_prints_a_made_password_once_and_keeps_it_nowhere(retinue, tmp_path):
    said = retinue("init", str(tmp_path / "crm"), "--admin", ADMIN, "--name", "Ada", "--no-input", "--json")
    assert said.code == 0, said.err
    password = json.loads(said.out)["password"]
    assert len(password) == 20
    for file in (tmp_path / "crm").iterdir():
        assert password.encode() not in file.read_bytes(), file


def test_init_leaves_the_administrator_to_the_first_visit(retinue, tmp_path):
    said = retinue("init", str(tmp_path / "crm"), "--no-admin", "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["address"].endswith(f"/setup#{told['code']}")
    assert [len(group) for group in told["code"].split("-")] == [6, 6, 6, 6]
    with sqlite3.connect(tmp_path / "crm" / "retinue.db") as database:
        assert database.execute("SELECT count(*) FROM account").fetchone() == (0,)
        assert database.execute("SELECT name FROM plugin_state WHERE state = 'enabled'").fetchall() == [
            ("desk",)
        ]


def test_init_does_not_print_a_password_that_was_given(retinue, tmp_path, monkeypatch):
    monkeypatch.setenv("RETINUE_PASSWORD", PASSWORD)
    said = retinue("init", str(tmp_path / "crm"), "--admin", ADMIN, "--name", "Ada")
    assert said.code == 0, said.err
    assert PASSWORD not in said.out + said.err


def test_init_refuses_a_folder_that_is_an_installation(retinue, crm):
    before = {file.name: file.read_bytes() for file in crm.iterdir()}
    said = retinue("init", str(crm), "--admin", ADMIN, "--name", "Ada", "--no-input")
    assert said.code == 73
    assert {file.name: file.read_bytes() for file in crm.iterdir()} == before


def test_init_that_fails_leaves_nothing_and_can_be_repeated(retinue, tmp_path, monkeypatch):
    """A password that the policy refuses is known only at the last step."""
    monkeypatch.setenv("RETINUE_PASSWORD", "short")
    said = retinue("init", str(tmp_path / "crm"), "--admin", ADMIN, "--name", "Ada")
    assert said.code == 65
    assert "password" in said.err
    assert not (tmp_path / "crm").exists()
    monkeypatch.setenv("RETINUE_PASSWORD", PASSWORD)
    assert retinue("init", str(tmp_path / "crm"), "--admin", ADMIN, "--name", "Ada").code == 0


def test_init_without_a_terminal_names_what_is_missing(retinue, tmp_path):
    said = retinue("init", str(tmp_path / "crm"), "--no-input")
    assert said.code == 65
    assert "--admin" in said.err


# --- contacts, interactions, audit ---


def test_contacts_added_are_listed_found_and_shown_with_their_timeline(asked, crm):
    novak = add_novak(asked)
    asked("contacts", "add", "--organisation", "--name", "Dům knihy", "--phone", "+420 225 006 555")
    assert [row["name"] for row in asked("contacts", "list", "--columns", "name")] == [
        "Dům knihy",
        "Jiří Novák",
    ]
    assert [row["id"] for row in asked("contacts", "list", "--search", "novak")] == [novak["id"]]
    assert [row["name"] for row in asked("contacts", "list", "kind=organisation")] == ["Dům knihy"]
    asked("interactions", "add", "jiri@example.org", "--kind", "call", "--seconds", "125", "--text", "Asked.")
    card = asked("contacts", "show", "novak")
    assert [entry["value"].lower() for entry in card["emails"]] == ["jiri@example.org"]
    assert [(row["kind"], row["duration"], row["body"]) for row in card["interactions"]] == [
        ("call", 125, "Asked.")
    ]


def test_contacts_list_for_a_person_and_for_a_pipe(retinue, asked, crm):
    add_novak(asked)
    said = retinue("contacts", "list", "--columns", "name,kind")
    assert [line.split("\t")[1:] for line in said.out.splitlines()] == [
        ["name", "kind"],
        ["Jiří Novák", "person"],
    ]


def test_contacts_add_of_a_known_address_is_refused_unless_allowed(retinue, asked, crm):
    add_novak(asked)
    again = ("contacts", "add", "--given-name", "J", "--email", "jiri@example.org")
    assert retinue(*again).code == 73
    assert retinue(*again, "--allow-duplicate").code == 0


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["contacts", "add", "--set", "nonsense=1", "--name", "A"], 65, "/nonsense"),
        (["contacts", "add", "--set", "nonsense", "--name", "A"], 65, "name=value"),
        (["contacts", "list", "kindd=person"], 65, "kind"),
        (["contacts", "list", "--sort", ",,"], 65, "sort"),
        (["contacts", "show", "nobody@example.org"], 66, "nobody@example.org"),
        (["contacts", "list", "--limit", "0"], 2, "--limit"),
        (["contacts", "list", "--as", "nobody@example.org"], 66, "nobody@example.org"),
        (["interactions", "add", "x", "--kind", "call", "--at", "yesterday"], 65, "/at"),
        (["user", "add", "b@example.org", "--name", "B", "--role", "Managr"], 66, "Did you mean Manager?"),
        (["plugins", "enable", "nosuch"], 66, "nosuch"),
        (["views", "show", "nosuch"], 66, "nosuch"),
        (
            ["token", "create", "--account", ADMIN, "--name", "t", "--scope", "contact.reed=all"],
            65,
            "contact.read",
        ),
        (["audit", "verify", "--checkpoint", "nonsense"], 65, "NUMBER:HEAD"),
        (["jobs", "list", "--state", "lost"], 65, "lost"),
        (["hooks", "order", "contact_error"], 78, "contact_errors"),
    ],
)
def test_wrong_input_names_what_is_wrong_and_ends_with_its_code(retinue, crm, args, code, words):
    said = retinue(*args, "--no-input")
    assert said.code == code, said.err
    assert words in said.err
    assert said.out == ""
    assert "Traceback" not in said.err


def test_audit_shows_who_added_a_contact_and_verifies(retinue, asked, crm):
    novak = add_novak(asked)
    entries = asked("audit", "show", "--contact", novak["id"])
    assert {entry["action"] for entry in entries} == {"contact.create"}
    assert entries[0]["actor_name"].startswith("command line (")
    assert asked("audit", "verify")["whole"] is True


def test_audit_verify_ends_with_1_when_the_checkpoint_does_not_fit(retinue, crm):
    assert retinue("audit", "verify", "--checkpoint", f"5:{'0' * 64}").code == 1


# --- people ---


def add_person(retinue, monkeypatch, login="mert@example.org", role="Manager"):
    monkeypatch.setenv("RETINUE_PASSWORD", "marmalade lantern orbit")
    said = retinue("user", "add", login, "--name", "Mert Yılmaz", "--role", role)
    assert said.code == 0, said.err


def test_as_an_account_a_command_sees_that_accounts_rows_only(retinue, asked, crm, monkeypatch):
    """C-13: the administrator's contact does not exist for a manager who does not own it."""
    add_person(retinue, monkeypatch)
    novak = add_novak(asked)
    assert asked("contacts", "list", "--as", "mert@example.org") == []
    assert retinue("contacts", "show", novak["id"], "--as", "mert@example.org").code == 66
    assert retinue("user", "list", "--as", "mert@example.org").code == 0
    assert retinue("role", "add", "Own", "--as", "mert@example.org").code == 77


def test_hand_over_moves_all_contacts_and_a_second_run_none(retinue, asked, crm, monkeypatch):
    """C-16: hand-over by command."""
    add_person(retinue, monkeypatch)
    for number in range(3):
        asked("contacts", "add", "--given-name", f"N{number}", "--as", "mert@example.org")
    assert asked("user", "hand-over", "mert@example.org", ADMIN) == {"contacts": 3}
    assert asked("user", "hand-over", "mert@example.org", ADMIN) == {"contacts": 0}
    assert asked("contacts", "list", "--as", "mert@example.org") == []


def test_deactivated_account_cannot_be_acted_as(retinue, asked, crm, monkeypatch):
    """C-15: out at once."""
    add_person(retinue, monkeypatch)
    asked("user", "deactivate", "mert@example.org")
    assert retinue("contacts", "list", "--as", "mert@example.org").code == 77
    assert [row["login"] for row in asked("user", "list", "--inactive")] == ["mert@example.org"]


def test_roles_and_teams_are_given_and_taken(retinue, asked, crm, monkeypatch):
    add_person(retinue, monkeypatch)
    asked("role", "add", "Support", "--permit", "contact.read=all")
    asked("role", "grant", "support", "mert@example.org")
    asked("team", "add", "Sales")
    asked("team", "join", "sales", "mert@example.org", "--lead")
    (row,) = [row for row in asked("user", "list") if row["login"] == "mert@example.org"]
    assert sorted(row["roles"]) == ["Manager", "Support"]
    assert [team["members"] for team in asked("team", "list")] == [["mert@example.org (lead)"]]
    asked("role", "revoke", "Support", "mert@example.org")
    asked("team", "leave", "Sales", "mert@example.org")
    assert [team["members"] for team in asked("team", "list")] == [[]]


def test_token_is_printed_once_on_stdout_and_listed_without_its_secret(retinue, asked, crm):
    said = retinue("token", "create", "--account", ADMIN, "--name", "shop", "--scope", "contact.read=all")
    token = said.out.strip()
    assert token.startswith("retinue_")
    assert token not in said.err
    (row,) = asked("token", "list")
    assert (row["name"], row["account"], row["revoked_at"]) == ("shop", ADMIN, None)
    assert token not in json.dumps(row)
    asked("token", "revoke", row["id"])
    assert asked("token", "list")[0]["revoked_at"] is not None


def test_reset_link_is_printed_once_and_people_are_signed_out(retinue, asked, crm, monkeypatch):
    """The same functions as the API's: a link to hand over, no session left, factors taken away, nobody outside."""
    add_person(retinue, monkeypatch)
    link = retinue("user", "reset-link", "mert@example.org").out.strip()
    assert "/reset-password#retinue_rst_" in link
    assert asked("user", "sessions", "mert@example.org") == []
    assert asked("user", "sign-out", "mert@example.org") == {"ended": 0}
    assert asked("user", "reset-factors", "mert@example.org") == {"login": "mert@example.org"}
    assert asked("approval", "list") == []
    monkeypatch.setenv("RETINUE_CLIENT_SECRET", "between us")
    words = ("--label", "House", "--issuer", "https://id.example", "--client-id", "crm")
    assert "between us" not in json.dumps(asked("provider", "add", "house", *words))
    linked = asked("provider", "link", "mert@example.org", "house", "248289761001")
    assert linked["issuer"] == "https://id.example"
    assert [row["name"] for row in asked("provider", "list")] == ["house"]
    assert asked("provider", "remove", "house") == {"name": "house"}
    assert retinue("approval", "approve", linked["id"]).code == 77, "the machine is no second person"


# --- PostgreSQL ---


def test_installation_on_postgresql_works_with_data_and_keys_in_two_databases(
    retinue, asked, tmp_path, monkeypatch
):
    from retinue.testing.postgres import fresh_database, server_url

    monkeypatch.setenv("RETINUE_PASSWORD", PASSWORD)
    with fresh_database(server_url()) as data, fresh_database(server_url()) as keys:
        where = ["--database-url", str(data), "--keys-url", str(keys)]
        said = retinue("init", str(tmp_path / "crm"), "--admin", ADMIN, "--name", "Ada", *where)
        assert said.code == 0, said.err
        assert sorted(file.name for file in (tmp_path / "crm").iterdir()) == ["master.key", "retinue.toml"]
        monkeypatch.chdir(tmp_path / "crm")
        novak = add_novak(asked)
        assert [row["id"] for row in asked("contacts", "list", "--search", "novak")] == [novak["id"]]
        assert asked("keys", "rotate")["version"] == 2
        assert asked("contacts", "show", novak["id"])["emails"][0]["value"].lower() == "jiri@example.org"
        assert asked("db", "check") == []
        assert asked("audit", "verify")["whole"] is True


# --- keys and schema ---


def test_keys_rotate_wraps_every_key_anew_and_what_was_sealed_opens(asked, crm):
    novak = add_novak(asked)
    before = (crm / "master.key").read_text()
    result = asked("keys", "rotate")
    assert result["version"] == 2
    assert (crm / "master.key").read_text().startswith(before)
    assert stat.S_IMODE((crm / "master.key").stat().st_mode) == 0o600
    assert [(row["version"], row["current"]) for row in asked("keys", "status")] == [(2, True)]
    assert asked("contacts", "show", novak["id"])["emails"][0]["value"].lower() == "jiri@example.org"


def test_keys_rotate_goes_on_after_an_interruption(asked, crm):
    """As after kill -9 between the new key file and the wrapping: both keys are there, one is used."""
    from retinue.storage import MasterKeys, write_masters

    add_novak(asked)
    path = crm / "master.key"
    write_masters(path, MasterKeys.load(path).with_next())
    assert [row["keys"] > 0 for row in asked("keys", "status")] == [True, False]
    asked("keys", "rotate", "--resume")
    assert [(row["version"], row["current"]) for row in asked("keys", "status")] == [(2, True)]


def test_lost_master_key_is_one_clear_message_and_changes_nothing(retinue, crm):
    (crm / "master.key").rename(crm / "elsewhere")
    before = (crm / "retinue.db").read_bytes()
    said = retinue("contacts", "list")
    assert said.code == 78
    assert "master key" in said.err
    assert "backup" in said.err
    assert (crm / "retinue.db").read_bytes() == before


def test_database_newer_than_the_code_is_refused(retinue, crm):
    with sqlite3.connect(crm / "retinue.db") as connection:
        connection.execute("UPDATE alembic_core SET version_num = 'from_the_future'")
    connection.close()
    said = retinue("contacts", "list")
    assert said.code == 78
    assert "newer" in said.err


def test_db_upgrade_twice_does_nothing_and_check_finds_nothing(retinue, asked, crm):
    assert asked("db", "upgrade")["steps"] == []
    assert {row["state"] for row in asked("db", "status")} == {"current"}
    assert asked("db", "check") == []


def test_encrypted_at_rest_a_stored_address_is_not_in_any_file(asked, crm):
    """C-20: a search of the database files for a stored e-mail finds nothing."""
    add_novak(asked)
    for file in crm.iterdir():
        assert b"example.org" not in file.read_bytes().lower().replace(ADMIN.encode(), b""), file


def test_privacy_registry_check_and_copy(asked, crm):
    """EX-14, GD-08"""
    held = {(row["table"], row["field"]): row for row in asked("privacy", "registry", "--plugin", "core")}
    assert held["interaction", "body"]["erase"] == "delete"
    assert held["interaction", "body"]["path"] == "interaction.contact_id"
    assert asked("privacy", "check")["faults"] == []
    made = asked("contacts", "add", "--person", "--given-name", "Jana", "--family-name", "Malá")
    copied = asked("privacy", "copy", made["id"])
    assert copied["sections"][0]["records"][0]["family_name"] == "Malá"


def test_privacy_check_fails_for_a_table_nobody_declares(retinue, crm):
    """EX-14, GD-x1"""
    with contextlib.closing(sqlite3.connect(crm / "retinue.db")) as database, database:
        database.execute("CREATE TABLE side_note (id char(32), contact_id char(32) REFERENCES contact (id))")
    said = retinue("privacy", "check")
    assert said.code == 1
    assert "side_note" in said.out
