"""Tables: named after the plugin, visible by a rule, each column said to be personal or not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from retinue.kit.findings import Hit, rule
from retinue.kit.names import Source, keyword, text_of
from retinue.kit.source import Project

_BARE = {"sqlalchemy.orm.mapped_column", "sqlalchemy.Column", "sqlalchemy.orm.column_property"}
_PERSONAL = {
    "email", "e_mail", "mail", "phone", "mobile", "fax", "birth_date", "birthday", "given_name", "family_name",
    "first_name", "last_name", "street", "postal_code", "ip", "ip_address", "iban", "passport", "user_agent",
}  # fmt: skip


@dataclass(frozen=True)
class Mapped:
    """A mapped class: where it stands, its table, and the attributes that its body gives a value."""

    source: Source
    node: ast.ClassDef
    table: str
    line: int
    values: dict[str, ast.expr]

    def hit(self, detail: str, remedy: str, node: ast.AST | None = None) -> Hit:
        """Return a hit at the class, or at a node of it."""
        return Hit(self.source.name, getattr(node or self.node, "lineno", 1), detail, remedy)


def _values(node: ast.ClassDef) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for item in node.body:
        if isinstance(item, ast.Assign):
            found.update({t.id: item.value for t in item.targets if isinstance(t, ast.Name)})
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.value:
            found[item.target.id] = item.value
    return found


def mapped(project: Project) -> Iterator[Mapped]:
    """Yield every class that maps a table."""
    for source in project.sources:
        for node in source.classes:
            values = _values(node)
            if table := text_of(values.get("__tablename__")):
                yield Mapped(source, node, table, values["__tablename__"].lineno, values)


def _inherited(item: Mapped, word: str) -> bool:
    """Say whether a class or a base of it in the same file has `word`."""
    by_name = {node.name: node for node in item.source.classes}
    waiting, seen = [item.node], set()
    while waiting:
        node = waiting.pop()
        if word in _values(node):
            return True
        seen.add(node.name)
        bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
        waiting += [by_name[name] for name in bases if name in by_name and name not in seen]
    return False


@rule("PLG007", "bronze", "Tables are named after the plugin and listed in plugin.toml.")
def table_name(project: Project) -> Iterator[Hit]:
    """The name says whose table it is, even when the code is gone."""
    if project.unreadable:
        return
    tables = {item.table: item for item in mapped(project)}
    listed = set(project.manifest.tables) if project.manifest else set()
    for table, item in tables.items():
        if table != project.name and not table.startswith(f"{project.name}_"):
            detail = f"table {table} must be named {project.name} or begin with {project.name}_."
            yield Hit(item.source.name, item.line, detail, "Rename it, with a migration.")
        elif table not in listed:
            detail = f"table {table} is not named in plugin.toml."
            yield Hit(item.source.name, item.line, detail, "Add it to tables.")
    for table in sorted(listed - set(tables)):
        line = project.manifest_line(table)
        yield Hit(project.manifest_name, line, f"it names the table {table}, no class maps it.", "Remove it.")


@rule("PRV001", "bronze", "Every column says whether it is personal.")
def undeclared_column(project: Project) -> Iterator[Hit]:
    """What is not declared cannot be exported or erased."""
    for item in mapped(project):
        for name, value in item.values.items():
            called = item.source.dotted(value.func) if isinstance(value, ast.Call) else ""
            if called in _BARE:
                detail = f"{item.table}.{name} says nothing about privacy."
                yield item.hit(detail, "Make it with field(…), key(), ref(…) or sealed(…).", value)
        for node in item.node.body:
            if (
                isinstance(node, ast.AnnAssign)
                and node.value is None
                and "Mapped" in ast.unparse(node.annotation)
            ):
                name = ast.unparse(node.target)
                detail = f"{item.table}.{name} says nothing about privacy."
                yield item.hit(detail, "Make it with field(…), key(), ref(…) or sealed(…).", node)


@rule("PRV002", "bronze", "Every table says who sees its rows.")
def no_access_rule(project: Project) -> Iterator[Hit]:
    """Without a rule the store refuses every query of the table."""
    for item in mapped(project):
        if not _inherited(item, "__access__"):
            detail = f"table {item.table} has no access rule."
            yield item.hit(detail, f"Give {item.node.name} an __access__ such as Access.through(…).")


@rule("PRV003", "bronze", "What looks personal is declared personal or sealed.")
def personal_in_clear(project: Project) -> Iterator[Hit]:
    """An address that nobody declared stays in the database after the person was erased."""
    for item in mapped(project):
        for name, value in item.values.items():
            if name not in _PERSONAL or not isinstance(value, ast.Call):
                continue
            if item.source.dotted(value.func) == "retinue.field" and keyword(value, "privacy") is None:
                detail = f"{item.table}.{name} looks personal and is declared as not."
                yield item.hit(detail, 'Say privacy=personal("what it is for"), or seal it.', value)


@rule("PLG012", "bronze", "A foreign key says what happens on delete.")
def no_on_delete(project: Project) -> Iterator[Hit]:
    """Without ON DELETE a plugin that is off keeps core from deleting its own rows."""
    for source in project.sources:
        for call, name in source.calls():
            if name in ("sqlalchemy.ForeignKey", "sqlalchemy.ForeignKeyConstraint"):
                if keyword(call, "ondelete") is None:
                    remedy = "Use contact_ref() or ref(…, on_delete=…)."
                    yield Hit(source.name, call.lineno, "the foreign key has no ON DELETE.", remedy)
            elif name == "retinue.ref" and keyword(call, "on_delete") is None:
                yield Hit(source.name, call.lineno, "ref() has no on_delete.", 'Say on_delete="CASCADE".')
