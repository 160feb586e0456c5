"""Whoever switches a check off says why."""

from __future__ import annotations

import io
import re
import tokenize
import tomllib

from house_source import ROOT, sources

MARK = re.compile(r"#\s*(noqa|type:\s*ignore)(?P<codes>[:\[][\w\-, \]]*)?(?P<rest>.*)", re.DOTALL)


def test_noqa_and_type_ignore_carry_a_reason() -> None:
    """A silenced check without a reason is a defect nobody can judge later."""
    silent = []
    for source in sources():
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
            found = MARK.match(token.string) if token.type == tokenize.COMMENT else None
            if not found:
                continue
            reason = (found["codes"] or "").partition(" - ")[2] + found["rest"]
            if not found["codes"] or len(reason.strip(" #-():")) < 4:
                silent.append(f"{source.name}:{token.start[0]}: {token.string}")
    assert not silent, "name the rule and the reason, as `# noqa: S311  # made-up people`:\n" + "\n".join(
        silent
    )


def test_ignored_lint_rules_carry_a_reason() -> None:
    """Each rule that the whole workspace ignores has a comment in its line."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    ignored = tomllib.loads(text)["tool"]["ruff"]["lint"]["ignore"]
    lines = text.splitlines()
    bare = [
        rule for rule in ignored if not any(re.search(rf'"{rule}",\s*#\s*\w{{2,}}', line) for line in lines)
    ]
    assert not bare, f"say in pyproject.toml why these rules are ignored: {bare}"
