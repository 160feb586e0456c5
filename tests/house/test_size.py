"""Files, functions and signatures that fit into a head."""

from __future__ import annotations

import ast

from house_source import functions, sources

FILE_LINES, FUNCTION_LINES, POSITIONAL = 400, 50, 4


def _p95(numbers: list[int]) -> int:
    return sorted(numbers)[int(len(numbers) * 0.95)]


def test_files_have_at_most_400_lines() -> None:
    """A longer file holds two subjects; migrations are exempt, since they are never changed again."""
    sizes = {s.name: len(s.text.splitlines()) for s in sources() if not s.is_migration}
    print(f"files: {len(sizes)}, p95 {_p95(list(sizes.values()))}, longest {max(sizes.values())}")
    long = {name: size for name, size in sizes.items() if size > FILE_LINES}
    assert not long, f"split by subject: {long}"
    assert _p95(list(sizes.values())) <= 350, "most files stay well below the limit"


def test_functions_have_at_most_50_lines() -> None:
    """What does not fit on a screen is not read to its end; the docstring does not count."""
    sizes = {}
    for source in sources():
        if source.is_migration:
            continue
        for node in functions(source):
            said = ast.get_docstring(node, clean=False)
            sizes[f"{source.line(node)} {node.name}"] = node.end_lineno - node.lineno + 1 - len((said or "").splitlines())
    print(f"functions: {len(sizes)}, p95 {_p95(list(sizes.values()))}, longest {max(sizes.values())}")
    long = {name: size for name, size in sizes.items() if size > FUNCTION_LINES}
    assert not long, f"take a step out and name it: {long}"
    assert _p95(list(sizes.values())) <= 30, "95 of 100 functions have at most 30 lines"


def test_functions_take_at_most_four_positional_parameters() -> None:
    """A fifth by place is mixed up sooner or later; keywords are free."""
    many = []
    for source in sources():
        for node in functions(source):
            given = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
            count = len(given) - (given[:1] in (["self"], ["cls"]))
            if count > POSITIONAL and not _is_handler(node):
                many.append(f"{source.line(node)} {node.name}: {count}")
    assert not many, "make them keyword-only, or give one object:\n" + "\n".join(many)


def _is_handler(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Say whether the framework calls it by name: a route (the query string gives the rest) or a command."""
    named = " ".join(ast.unparse(d) for d in node.decorator_list)
    return named.startswith(("get(", "post(", "put(", "patch(", "delete(")) or "command(" in named
