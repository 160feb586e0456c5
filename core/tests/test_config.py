"""The configuration: where it is found, what overrides what, and what each mistake says."""

from pathlib import Path

import pytest

from retinue.config import KEYS, SECTIONS, Config
from retinue.errors import Misconfigured


def write(folder: Path, text: str) -> Path:
    file = folder / "retinue.toml"
    file.write_text(text, "utf-8")
    return file


def test_config_defaults_put_sqlite_files_into_the_folder(tmp_path):
    config = Config.for_folder(tmp_path)
    assert config.database.url == f"sqlite:///{tmp_path.as_posix()}/retinue.db"
    assert config.keys.url == f"sqlite:///{tmp_path.as_posix()}/keys.db"
    assert config.master_key_path == tmp_path / "master.key"
    assert (config.folder, config.path, config.safe_mode) == (tmp_path, None, False)
    assert config.base_url == "http://127.0.0.1:8000"


def test_config_load_reads_the_nearest_file_upwards(tmp_path, monkeypatch):
    write(tmp_path, "[server]\nport = 9001\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    config = Config.load(env={})
    assert (config.server.port, config.folder) == (9001, tmp_path)


def test_config_load_prefers_the_argument_to_the_variable_and_the_variable_to_the_folder(
    tmp_path, monkeypatch
):
    for name, port in (("here", 9001), ("named", 9002), ("given", 9003)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, f"[server]\nport = {port}\n")
    monkeypatch.chdir(tmp_path / "here")
    env = {"RETINUE_CONFIG": str(tmp_path / "named")}
    assert Config.load(env={}).server.port == 9001
    assert Config.load(env=env).server.port == 9002
    assert Config.load(tmp_path / "given" / "retinue.toml", env=env).server.port == 9003


def test_config_load_without_any_file_names_the_command_that_makes_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Misconfigured) as caught:
        Config.load(env={})
    assert "retinue init DIR" in caught.value.remedy


def test_config_load_without_a_file_takes_the_environment_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = Config.load(env={"RETINUE_DATABASE_URL": "postgresql://db/retinue"})
    assert (config.database.url, config.path) == ("postgresql://db/retinue", None)


def test_config_load_of_a_named_file_that_is_missing_fails(tmp_path):
    with pytest.raises(Misconfigured, match="no file"):
        Config.load(tmp_path / "nowhere.toml", env={})


def test_config_environment_wins_over_the_file_and_is_typed(tmp_path):
    write(tmp_path, '[server]\nport = 9001\nrequire_https = false\ntrusted_proxies = ["10.0.0.1"]\n')
    env = {
        "RETINUE_SERVER_PORT": "9005",
        "RETINUE_SERVER_REQUIRE_HTTPS": "true",
        "RETINUE_SERVER_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.7",
        "RETINUE_MASTER_KEY": "k" * 44,
    }
    config = Config.for_folder(tmp_path, env)
    assert (config.server.port, config.server.require_https) == (9005, True)
    assert config.server.trusted_proxies == ("10.0.0.0/8", "192.0.2.7")
    assert config.keys.master_key == "k" * 44


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: f"{key.section}.{key.name}")
def test_config_key_is_documented_and_its_default_is_valid(key):
    assert key.doc.endswith(".")
    assert len(key.doc) > 15
    assert key.kind == "text" or key.wanted != ""
    assert (
        key.read(list(key.default) if isinstance(key.default, tuple) else key.default, "default")
        == key.default
    )
    if key.kind in ("a whole number", "a number"):
        assert key.range.startswith("from ")


OTHER_TEXTS = {
    **{"time_zone": "Europe/Prague", "country": "CZ", "language": "cs", "currency": "CZK"},
    "base_url": "https://crm.example",
    "master_key_provider": "vault:provide",
    "checkpoint_url": "https://auditor.example/heads",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.env)
def test_config_key_can_be_set_from_the_environment(key, tmp_path):
    """Every key has a variable, and the variable reaches the value."""
    if key.kind == "true or false":
        text, expected = str(not key.default), not key.default
    elif key.kind == "one of":
        text = expected = key.range.split(", ")[-1]
    elif key.kind == "list of text":
        lists = {"ports": ("8080", "8443")} | dict.fromkeys(
            ("step_up_deeds", "second_approver"), ("contact.erase", "key.rotate")
        )
        given = lists.get(key.name, ("10.0.0.1", "10.0.0.2"))
        text, expected = ", ".join(given), given
    elif key.kind == "text":
        text = expected = OTHER_TEXTS.get(key.name, "other")
    else:
        text = key.range.split()[1]
        expected = float(text)
    config = Config.for_folder(tmp_path, {key.env: text})
    assert getattr(getattr(config, key.section), key.name) == expected


def test_config_unknown_key_names_the_nearest_and_the_line(tmp_path):
    file = write(tmp_path, '[database]\n\n[server]\nhost = "::1"\nprot = 9001\n')
    with pytest.raises(Misconfigured) as caught:
        Config.load(file, env={})
    assert caught.value.detail == f"{file}, line 5: unknown key server.prot."
    assert caught.value.remedy == "Did you mean port?"


def test_config_unknown_section_names_the_nearest(tmp_path):
    file = write(tmp_path, "\n[sevrer]\nport = 9001\n")
    with pytest.raises(Misconfigured) as caught:
        Config.load(file, env={})
    assert caught.value.detail == f"{file}, line 2: unknown section [sevrer]."
    assert caught.value.remedy == "Did you mean server?"


def test_config_unknown_variable_of_a_section_names_the_nearest(tmp_path):
    with pytest.raises(Misconfigured) as caught:
        Config.for_folder(tmp_path, {"RETINUE_DATABASE_ULR": "x"})
    assert caught.value.remedy == "Did you mean RETINUE_DATABASE_URL?"


def test_config_variables_of_others_are_left_alone(tmp_path):
    assert Config.for_folder(tmp_path, {"RETINUE_TRACE": "1", "HOME": "/"}).server.port == 8000


@pytest.mark.parametrize(
    ("text", "line", "wanted"),
    [
        ('[server]\nport = "8000"\n', 2, "a whole number from 1 to 65535"),
        ("server.port = 0\n", 1, "a whole number from 1 to 65535"),
        ("[jobs]\nconcurrency = true\n", 2, "a whole number from 1 to 256 (jobs)"),
        ('[jobs]\nworker_in_serve = "maybe"\n', 2, "one of auto, always, never"),
        ('[server]\ntrusted_proxies = ["10.0.0.1/8"]\n', 2, "list of text"),
        ('[defaults]\ntime_zone = "Europe/Pragu"\n', 2, "text"),
        ('[defaults]\ncountry = "cz"\n', 2, "text"),
    ],
)
def test_config_wrong_value_names_key_file_line_and_what_is_wanted(tmp_path, text, line, wanted):
    file = write(tmp_path, text)
    with pytest.raises(Misconfigured) as caught:
        Config.load(file, env={})
    assert caught.value.detail.startswith(f"{file}, line {line}: ")
    assert "is not valid" in caught.value.detail
    assert caught.value.remedy.startswith(f"Give {wanted}.")
    assert caught.value.exit_code == 78


def test_config_wrong_variable_names_the_variable(tmp_path):
    with pytest.raises(Misconfigured, match=r"RETINUE_SERVER_PORT: server.port is not valid"):
        Config.for_folder(tmp_path, {"RETINUE_SERVER_PORT": "many"})


def test_config_broken_toml_says_where(tmp_path):
    file = write(tmp_path, "[server]\nport = = 1\n")
    with pytest.raises(Misconfigured, match=r"is not TOML.*line 2"):
        Config.load(file, env={})


def test_config_file_that_is_not_utf8_is_one_clear_error(tmp_path):
    (tmp_path / "retinue.toml").write_bytes(b'[server]\nhost = "\xff"\n')
    with pytest.raises(Misconfigured, match="cannot be read"):
        Config.load(tmp_path, env={})


def test_config_master_key_in_the_file_is_refused(tmp_path):
    file = write(tmp_path, '[keys]\nmaster_key = "abc"\n')
    with pytest.raises(Misconfigured, match=r"line 2: the master key must not stand"):
        Config.load(file, env={})


def test_config_key_store_must_not_be_the_database(tmp_path):
    with pytest.raises(Misconfigured, match="is the database itself"):
        Config.for_folder(tmp_path, keys={"url": "sqlite:///retinue.db"})


def test_config_several_workers_need_postgresql(tmp_path):
    with pytest.raises(Misconfigured, match="above 1 on SQLite"):
        Config.for_folder(tmp_path, server={"workers": 2})
    assert (
        Config.for_folder(
            tmp_path, server={"workers": 2}, database={"url": "postgresql://h/d"}
        ).server.workers
        == 2
    )


def test_config_shows_no_password_and_no_master_key(tmp_path):
    config = Config.for_folder(
        tmp_path, {"RETINUE_MASTER_KEY": "open-sesame"}, database={"url": "postgresql://me:hush@host/db"}
    )
    assert "open-sesame" not in repr(config)
    assert "hush" not in repr(config)
    assert "postgresql://me:***@host/db" in repr(config)


def test_config_to_toml_holds_every_key_and_reads_back(tmp_path):
    config = Config.for_folder(
        tmp_path,
        server={"port": 9001, "allowed_hosts": ["crm.example"]},
        database={"url": "sqlite:///other.db"},
    )
    text = config.to_toml()
    for key in KEYS.values():
        assert (f"{key.name} = " in text) is not key.secret, key.name
    assert [f"[{section}]" in text for section in SECTIONS] == [True] * len(SECTIONS)
    assert 'url = "sqlite:///other.db"' in text.splitlines()
    again = Config.load(write(tmp_path, text), env={})
    assert again == type(config)(
        **{**{f: getattr(config, f) for f in config.__struct_fields__}, "path": again.path}
    )


def test_config_to_toml_with_all_comments_taken_off_still_reads_back(tmp_path):
    """The lines shown as defaults are valid lines: taking the mark off changes nothing."""
    text = Config.for_folder(tmp_path).to_toml()
    names = tuple(f"# {key.name} = " for key in KEYS.values())
    lines = [line[2:] if line.startswith(names) else line for line in text.splitlines()]
    again = Config.load(write(tmp_path, "\n".join(lines)), env={})
    assert again.server == Config.for_folder(tmp_path / "none").server
    assert again.security == Config.for_folder(tmp_path / "none").security
