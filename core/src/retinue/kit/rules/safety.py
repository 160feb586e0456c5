"""What a plugin must not do: go round the store, run text as code, make secrets that can be guessed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from retinue.kit.findings import Hit, rule
from retinue.kit.names import Source
from retinue.kit.source import Project

_RUNS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.execv", "os.fork", "pickle.loads", "pickle.load",
    "pickle.Unpickler", "marshal.loads", "marshal.load", "shelve.open", "dill.loads", "dill.load",
    "yaml.load", "yaml.unsafe_load", "ctypes.CDLL",
}  # fmt: skip
_SQL = {"text", "exec_driver_sql", "raw_connection", "literal_column"}
_DATABASE = ("sqlite3", "psycopg", "psycopg2", "asyncpg", "sqlalchemy.engine", "retinue.storage")
_OPENS = {
    "sqlalchemy.create_engine", "sqlalchemy.orm.sessionmaker", "sqlalchemy.orm.Session",
    "sqlalchemy.orm.scoped_session",
}  # fmt: skip
_SECRET = re.compile(r"(^|_)(secret|token|password|passphrase|nonce|salt|otp|pin|api_?key|code)s?(_|$)", re.I)


def _calls(project: Project) -> Iterator[tuple[Source, ast.Call, str]]:
    for source in (*project.sources, *project.migrations):
        for call, name in source.calls():
            yield source, call, name


@rule("SEC002", "bronze", "Text and files are never run as code.")
def runs_text(project: Project) -> Iterator[Hit]:
    """Whoever writes the text would own the installation."""
    for source, call, name in _calls(project):
        if name.removeprefix("builtins.") in _RUNS or name.startswith("subprocess."):
            remedy = "Read data with json, tomllib or a schema; leave other programs to the operator."
            yield Hit(source.name, call.lineno, f"{name} runs what it is given.", remedy)


@rule("SEC003", "bronze", "Secrets come from the secrets module.")
def guessable_secret(project: Project) -> Iterator[Hit]:
    """`random` can be foretold from a few of its values."""
    for source in project.sources:
        for node in ast.walk(source.tree):
            for name, part in _named_parts(node):
                for call, called in source.calls(part):
                    if called.startswith("random.") and _SECRET.search(name):
                        detail = f"{name} is made with {called}, which can be guessed."
                        yield Hit(source.name, call.lineno, detail, "Use secrets.token_urlsafe().")


def _named_parts(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield (name, code) for what a node gives a name to."""
    if isinstance(node, ast.Assign):
        yield from ((ast.unparse(target).split(".")[-1], node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign) and node.value:
        yield ast.unparse(node.target).split(".")[-1], node.value
    elif isinstance(node, ast.keyword) and node.arg:
        yield node.arg, node.value
    elif isinstance(node, ast.FunctionDef):
        yield from (
            (node.name, part.value) for part in ast.walk(node) if isinstance(part, ast.Return) and part.value
        )


@rule("SEC004", "bronze", "Statements are built from mapped classes, never from text.")
def raw_sql(project: Project) -> Iterator[Hit]:
    """Nobody can scope, seal or audit a statement that is text."""
    for source in project.sources:
        for call, name in source.calls():
            last = name.rpartition(".")[2] or getattr(call.func, "attr", "")
            is_text = name in ("sqlalchemy.text", "sqlalchemy.literal_column", "sqlalchemy.sql.text")
            if is_text or (last in _SQL and last != "text" and "." in ast.unparse(call.func)):
                remedy = "Use select(), update() or delete() on your classes, through the store."
                yield Hit(source.name, call.lineno, f"{last} takes SQL as text.", remedy)


@rule("SEC005", "bronze", "The store is the transaction.")
def own_transaction(project: Project) -> Iterator[Hit]:
    """A commit in the middle leaves half a deed, and a connection of its own sees rows the actor may not."""
    for source in project.sources:
        for call, name in source.calls():
            last = getattr(call.func, "attr", "")
            if last in ("commit", "rollback") and not call.args:
                remedy = "Leave it out: the edge commits. To undo, raise an error of retinue.errors."
                yield Hit(source.name, call.lineno, f".{last}() ends somebody else's transaction.", remedy)
            elif name in _OPENS:
                detail = f"{name.rpartition('.')[2]} opens a way to the database beside the store."
                yield Hit(source.name, call.lineno, detail, "Use the store you are handed.")
        for node, module, _ in source.imports:
            if module.startswith(_DATABASE) and not module.startswith("retinue."):
                detail = f"{module} opens a way to the database beside the store."
                yield Hit(source.name, node.lineno, detail, "Use the store you are handed.")
