"""Functions and classes stay of a size that can be read at once."""

from __future__ import annotations

import ast

from tests.places import ROOT

LONGEST_FUNCTION, LONGEST_CLASS, MAX_METHODS = 60, 150, 12  # lines, lines, methods
THE_LOOP = ("simulate_week", 120)  # of the kernel: the week on one page


def too_large(text: str) -> list[str]:
    """The names of the functions and classes of a module that are too large."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if isinstance(node, ast.ClassDef):
                methods = sum(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in node.body)
                large = lines > LONGEST_CLASS or methods > MAX_METHODS
            else:
                large = lines > (THE_LOOP[1] if node.name == THE_LOOP[0] else LONGEST_FUNCTION)
            found += [node.name] if large else []
    return found


def test_no_function_and_no_class_is_too_large_to_be_read_at_once() -> None:
    for package in ("experiments", "strategies", "sim"):
        for path in sorted((ROOT / package).rglob("*.py")):
            found = too_large(path.read_text(encoding="utf-8"))
            assert not found, f"{path.relative_to(ROOT)}: split {found[0]} where two ideas share a room"


def test_what_is_too_large_would_be_found() -> None:
    assert too_large("def long():\n" + "    pass\n" * LONGEST_FUNCTION) == ["long"]
    assert too_large("class Wide:\n" + "    def a(self): ...\n" * (MAX_METHODS + 1)) == ["Wide"]
    assert too_large("def short():\n    pass\n") == []
