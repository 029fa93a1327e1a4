"""A class that was typed in, in a script or a notebook, as a module of its own: the class with all that it reaches.

`__main__` cannot be imported a second time, for that would run the script again. So what a class needs is written down
as it is now: definitions by their source, imported things by an import, and values of globals as literals. Hence a
global that was changed in a notebook makes other code.
"""

from __future__ import annotations

import ast
import base64
import builtins
import dataclasses
import inspect
import linecache
import math
import pickle
import sys
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

HEADER = '"""Written by crmlab out of a script or a notebook: what its classes reach, as it was when they were run."""'
Definition: TypeAlias = type | Callable[..., object]
MAX_BYTES = 5_000_000  # of a value that is no plain data


class NotWritable(ValueError):
    """A class that cannot be written down: the message is a sentence."""


def typed_in(cls: Definition) -> bool:
    """Whether a class was written in the script or the notebook that runs."""
    return cls.__module__ == "__main__"


def standalone(cls: Definition) -> str:
    """The text of a module that holds a class and all that it reaches. Raises `NotWritable`."""
    parts: dict[str, str] = {}
    _add(cls.__name__, cls, _globals_of(cls), parts)
    return "\n".join([HEADER, "from __future__ import annotations", "", *parts.values(), ""])


def source_of(thing: Definition) -> str:
    """The text in which a class or function was defined, with its decorators. Empty when it is not to be found."""
    for text in _texts(thing):
        found = [node for node in ast.walk(_tree(text)) if isinstance(node, ast.ClassDef | ast.FunctionDef)]
        named = [node for node in found if node.name == thing.__name__]
        lines = {code.co_firstlineno for code in _codes(thing)}
        inside = [n for n in named if any(_first(n) <= line <= (n.end_lineno or line) for line in lines)] or named
        if inside:
            node = inside[-1]
            return textwrap.dedent("".join(text.splitlines(keepends=True)[_first(node) - 1 : node.end_lineno])).rstrip()
    return ""


def _add(name: str, value: object, scope: Mapping[str, object], parts: dict[str, str]) -> None:
    """Write down what a name means, after all that it needs."""
    if name in parts:
        return
    parts[name] = ""  # it is on its way: functions may name each other
    inside = _inside(value)
    if (inspect.isclass(inside) or inspect.isfunction(inside)) and getattr(value, "__module__", None) == "__main__":
        text = _definition(inside)
        for needed in _names(text):
            if needed != name and needed in scope:
                _add(needed, scope[needed], scope, parts)
        own = getattr(value, "__name__", "")
        text = text if own == name else f"{text}\n{name} = {own}"
    else:
        text = _import(name, value) or _literal_or_pickle(name, value, scope, parts)
    del parts[name]  # it comes after what it needs
    parts[name] = text


def _definition(thing: Definition) -> str:
    if thing.__qualname__ != thing.__name__:
        raise NotWritable(f"{thing.__qualname__} is defined inside of something else; define it at the top.")
    if not (text := source_of(thing)):
        raise NotWritable(f"the source of {thing.__name__} is not to be found.")
    return text


def _inside(value: object) -> object:
    """The function in what a decorator made of it, such as a cached or a compiled one."""
    inside = getattr(value, "py_func", None) or getattr(value, "__wrapped__", None)
    return inside if inspect.isfunction(inside) and not inspect.isclass(value) else value


def _names(text: str) -> list[str]:
    """Every name that a text uses, those in annotations that are texts included."""
    names: dict[str, None] = {}
    for node in ast.walk(_tree(text)):
        if isinstance(node, ast.Name):
            names[node.id] = None
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            names[node.value] = None
    return [name for name in names if not hasattr(builtins, name)]


def _import(name: str, value: object) -> str:
    """The import that brings what a name means, empty when none does."""
    if isinstance(value, types.ModuleType):
        return f"import {value.__name__} as {name}" if value.__name__ != "__main__" else ""
    if _is_data(value):
        return ""
    own = getattr(value, "__name__", None)
    told = getattr(value, "__module__", None)
    for module in dict.fromkeys((told, *_public(sys.modules))):
        if module in (None, "__main__", "builtins") or module not in sys.modules:
            continue
        for there in dict.fromkeys((own, name)):
            if isinstance(there, str) and getattr(sys.modules[module], there, None) is value:
                return f"from {module} import {there} as {name}" if there != name else f"from {module} import {name}"
    return ""


def _public(modules: Mapping[str, object]) -> list[str]:
    return sorted((m for m in list(modules) if not m.startswith("_")), key=lambda m: (m.count("."), m))


def _literal_or_pickle(name: str, value: object, scope: Mapping[str, object], parts: dict[str, str]) -> str:
    literal = _literal(value, scope, parts)
    if literal is not None:
        return f"{name} = {literal}"
    try:
        content = pickle.dumps(value, protocol=4)
    except Exception:
        content = b""
    if not content or len(content) > MAX_BYTES or b"__main__" in content:
        raise NotWritable(f'the global "{name}" ({type(value).__name__}) cannot be kept as text; make it a lever.')
    return f'{name} = __import__("pickle").loads(__import__("base64").b64decode({base64.b64encode(content)!r}))'


def _is_data(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str | bytes | tuple | list | dict | set | np.ndarray)


def _literal(value: object, scope: Mapping[str, object], parts: dict[str, str]) -> str | None:
    """Plain data as Python would read it, None for anything else."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value!r}")'
    if value is None or type(value) in (bool, int, float, str, bytes):
        return repr(value)
    if isinstance(value, tuple | list | set | frozenset) and type(value) in (tuple, list, set, frozenset):
        ordered = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        inside = [_literal(v, scope, parts) for v in ordered]
        if None in inside:
            return None
        return f"{type(value).__name__}([{', '.join(map(str, inside))}])"
    if type(value) is dict:
        pairs = [(_literal(k, scope, parts), _literal(v, scope, parts)) for k, v in value.items()]
        return None if any(None in pair for pair in pairs) else "{" + ", ".join(f"{k}: {v}" for k, v in pairs) + "}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and type(value).__module__ == "__main__":
        _add(type(value).__name__, type(value), scope, parts)
        fields = {f.name: _literal(getattr(value, f.name), scope, parts) for f in dataclasses.fields(value) if f.init}
        said = ", ".join(f"{k}={v}" for k, v in fields.items())
        return None if None in fields.values() else f"{type(value).__name__}({said})"
    return None


def _globals_of(cls: Definition) -> dict[str, object]:
    functions = (f for f in vars(cls).values() if inspect.isfunction(f) and f.__module__ == cls.__module__)
    scope = next((f.__globals__ for f in functions if f.__globals__.get(cls.__name__) is cls), None)
    return scope if scope is not None else vars(sys.modules[cls.__module__])


def _codes(thing: Definition) -> Iterator[types.CodeType]:
    """The code of a function, or of the methods that a class defines itself."""
    if inspect.isfunction(thing):
        yield thing.__code__
    elif inspect.isclass(thing):
        own = (v for v in vars(thing).values() if inspect.isfunction(v) and v.__module__ == thing.__module__)
        yield from (function.__code__ for function in own)


def _texts(thing: Definition) -> Iterator[str]:
    """The texts in which a definition may stand, the likeliest first: its own file, the script, cells of a notebook."""
    files = [code.co_filename for code in _codes(thing) if not code.co_filename.startswith("<string")]
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    cells = [name for name in reversed(list(linecache.cache)) if "ipykernel" in name or "<ipython-input" in name]
    for name in dict.fromkeys((*files, *([main] if main else []), *cells)):
        if text := "".join(linecache.getlines(str(name))):
            yield text


def _first(node: ast.ClassDef | ast.FunctionDef) -> int:
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])


def _tree(text: str) -> ast.AST:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def script_folder() -> Path:
    """The folder from which a script or a notebook reads its modules."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(main).resolve().parent if main and Path(main).is_file() else Path.cwd()
