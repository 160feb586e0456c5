"""The frame of the command: the table of commands, help, errors and exit codes, completion."""

import json
import resource
import subprocess
import sys

import click
import pytest

from retinue import errors
from retinue.cli import app
from retinue.cli.errors import EXIT_CODES, run
from retinue.cli.lazy import LazyGroup, Settings
from retinue.cli.session import Cli, command
from retinue.cli.table import COMMANDS, Branch, Leaf


def leaves(table=COMMANDS, path=()):
    for name, entry in table.items():
        if isinstance(entry, Branch):
            yield from leaves(entry.commands, (*path, name))
        else:
            yield (*path, name)


SECRETS = ("password", "secret", "master-key", "--token")
LEAVES = [pytest.param(path, id=" ".join(path)) for path in leaves()]


def command_at(path):
    context, found = click.Context(app, info_name="retinue"), app
    for name in path:
        found = found.get_command(context, name)
        context = click.Context(found, info_name=name, parent=context)
    return found, context


@pytest.mark.parametrize("path", LEAVES)
def test_command_of_the_table_exists_and_explains_itself(path):
    found, context = command_at(path)
    text = found.get_help(context)
    assert f"Usage: retinue {' '.join(path)}" in text
    assert found.short_help.endswith(".")
    assert "--json" in text


@pytest.mark.parametrize("path", LEAVES)
def test_command_takes_no_secret_as_an_option(path):
    found, _ = command_at(path)
    flags = [flag for param in found.params for flag in param.opts]
    assert [flag for flag in flags if any(word in flag for word in SECRETS)] == []


def test_help_lists_every_command_without_importing_one():
    script = (
        "import sys; from retinue.cli.errors import run; from retinue.cli import app; run(app, ['--help']);"
        "heavy = {'sqlalchemy', 'litestar', 'marshmallow', 'uvicorn', 'rich', 'pluggy', 'cryptography'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert [name for name in COMMANDS if f"\n  {name} " not in done.stdout] == []


def test_help_takes_under_a_quarter_of_a_second_of_work():
    """Processor time, the best of five: what else the machine does must not decide."""
    script = "from retinue.cli import main; main(['--help'])"
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(times) < 0.25


def test_typing_error_is_answered_with_the_nearest_command(retinue, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = retinue("contcts", "list")
    assert said.code == 2
    assert "contacts" in said.err
    assert said.out == ""


@pytest.fixture
def failing():
    """A group with one command that raises what it is given."""

    def make(wrong):
        @command()
        def fail(cli: Cli):
            raise wrong

        group = LazyGroup({}, name="retinue")
        group.add_command(fail, "fail")
        return group

    return make


def test_error_says_what_is_wrong_where_and_what_to_do(failing, capsys):
    wrong = errors.Invalid(
        "2 fields are wrong.", remedy="Mend them.", problems=[errors.Problem("/name", "is empty")]
    )
    assert run(failing(wrong), ["fail"]) == 65
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "Error: 2 fields are wrong.\n  /name: is empty\nMend them.\n"


def test_error_with_json_is_one_object_on_stderr(failing, capsys):
    wrong = errors.Invalid("Wrong.", remedy="Mend.", problems=[errors.Problem("/name", "is empty", "blank")])
    assert run(failing(wrong), ["fail", "--json"]) == 65
    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err) == {
        "error": {
            "code": "invalid",
            "exit_code": 65,
            "detail": "Wrong.",
            "remedy": "Mend.",
            "problems": [{"pointer": "/name", "detail": "is empty", "code": "blank"}],
        }
    }


def our_errors(cls=errors.RetinueError):
    for sub in cls.__subclasses__():
        yield sub
        yield from our_errors(sub)


PLAIN_ERRORS = [cls for cls in our_errors() if cls.__module__ == "retinue.errors"]


@pytest.mark.parametrize("cls", PLAIN_ERRORS, ids=lambda cls: cls.__name__)
def test_error_class_ends_with_its_documented_code(cls, failing, capsys):
    assert run(failing(cls("So it is.")), ["fail"]) == cls.exit_code
    assert "So it is." in capsys.readouterr().err


def test_exit_code_of_every_error_class_is_documented():
    assert {cls.exit_code for cls in our_errors()} <= set(EXIT_CODES)


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "Stopped."),
        (OSError(28, "No space left on device"), 69, "disk is full"),
        (PermissionError(13, "Permission denied", "master.key"), 78, "master.key: Permission denied."),
        (ZeroDivisionError("division by zero"), 70, "ZeroDivisionError: division by zero"),
    ],
)
def test_failure_of_another_kind_becomes_a_message_and_a_code(wrong, code, words, failing, capsys):
    assert run(failing(wrong), ["fail"]) == code
    said = capsys.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
    assert code in EXIT_CODES


def test_defect_does_not_repeat_the_values_that_a_database_tells(failing, capsys):
    """PostgreSQL puts the whole row into the second line of a constraint's message."""
    assert (
        run(
            failing(RuntimeError("constraint failed\nDETAIL: Failing row contains (ada@example.org)")),
            ["fail"],
        )
        == 70
    )
    said = capsys.readouterr().err
    assert "RuntimeError: constraint failed" in said
    assert "ada@example.org" not in said


def test_defect_shows_its_traceback_on_request(failing, capsys, monkeypatch):
    monkeypatch.setenv("RETINUE_TRACEBACK", "1")
    assert run(failing(ZeroDivisionError()), ["fail"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_reader_that_goes_away_ends_the_command_quietly(process):
    child = process(
        "from retinue.cli.lazy import LazyGroup\n"
        "from retinue.cli.session import command\n"
        "from retinue.cli.errors import run\n"
        "@command()\n"
        "def many(cli):\n"
        "    cli.out.rows([{'n': n} for n in range(200000)])\n"
        "group = LazyGroup({}, name='retinue'); group.add_command(many, 'many')\n"
        "raise SystemExit(run(group, ['many']))\n"
    )
    assert child.stdout.readline() == "n\n"
    child.stdout.close()
    err = child.stderr.read()
    assert (child.wait(20), err) == (141, "")


@pytest.mark.parametrize("args", [["--json", "look"], ["look", "--json"]])
def test_common_options_stand_before_or_after_the_command(args, capsys):
    seen = []

    @command()
    def look(cli: Cli):
        seen.append(cli.settings)

    group = LazyGroup({}, name="retinue")
    group.add_command(look, "look")
    assert run(group, [*args, "--as", "ada@example.org", "-y"]) == 0
    assert seen == [Settings(json=True, yes=True, account="ada@example.org")]


def test_question_without_a_terminal_fails_unless_yes_is_said(capsys, monkeypatch):
    asked = []

    @command()
    def wipe(cli: Cli):
        cli.confirm("Wipe it?")
        asked.append("wiped")

    group = LazyGroup({}, name="retinue")
    group.add_command(wipe, "wipe")
    assert run(group, ["wipe"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert asked == []
    assert run(group, ["wipe", "--yes"]) == 0
    assert asked == ["wiped"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_shells_script(retinue, shell):
    said = retinue("completion", shell)
    assert said.code == 0
    assert "_RETINUE_COMPLETE" in said.out


def test_completion_completes_the_commands_of_a_group(process):
    child = process(
        "from retinue.cli import main; main()",
        _RETINUE_COMPLETE="bash_complete",
        COMP_WORDS="retinue contacts ",
        COMP_CWORD="2",
    )
    out, err = child.communicate(timeout=20)
    assert out.split() == ["plain,list", "plain,show", "plain,add"], err


def test_table_has_only_leaves_and_branches_of_leaves():
    for entry in COMMANDS.values():
        assert isinstance(entry, Leaf) or all(isinstance(leaf, Leaf) for leaf in entry.commands.values())


def test_configuration_that_is_missing_names_the_command_that_makes_one(retinue, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = retinue("contacts", "list")
    assert said.code == 78
    assert "retinue init DIR" in said.err
