"""The text of a TOML file with its values and the line on which each of them stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crmlab.experiments.errors import Loc, Problem, SpecError

MAX_BYTES = 5_000_000  # an experiment or world file is a page of text; anything larger is the wrong file

MAX_DOTS = 64

_LONG_KEY = re.compile(rf"(?<![\w-])(?:[\w-]+[ \t]*\.[ \t]*){{{MAX_DOTS}}}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_HEADER = re.compile(rf"^\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(rf"^\s*({_DOTTED})\s*=")
_MARK = re.compile(r"""\"(?:\\.|[^"\\])*\"|'[^']*'|#.*|[\[\]{}]""")


@dataclass
class TomlSource:
    """One file as it was read. `set_at` holds the places that the command line has overruled since."""

    path: Path
    text: str
    data: dict[str, object]
    lines: dict[Loc, int] = field(default_factory=dict)
    set_at: set[Loc] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path) -> TomlSource:
        """Read a file. Raises `SpecError` with one sentence when it is not there, not TOML, or empty."""
        return cls.parse(path, _text_of(path))

    @classmethod
    def parse(cls, path: Path, text: str) -> TomlSource:
        """The same from a text. `path` is used in messages and as the place that relative paths start from."""
        _refuse_long_keys(path, text)
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"at line (\d+)", str(error))
            reason = str(error).partition(" (at ")[0]
            number = int(line[1]) if line else len(text.splitlines())
            raise SpecError(
                path, [Problem(f"not valid TOML: {reason[:1].lower()}{reason[1:]}.", line=number)]
            ) from None
        except (RecursionError, ValueError):  # brackets without end, numbers of thousands of digits
            raise SpecError(path, [Problem("is not valid TOML: it nests too deeply or holds a huge number.")]) from None
        _refuse_control_characters(path, data)
        if not data:
            raise SpecError(path, [Problem('is empty. "crmlab init" writes an example to start from.')])
        return cls(path, text, data, dict(_scan(text)))

    def line_of(self, loc: Loc) -> int | None:
        """The line of a setting, or of the nearest table around it. None for the file as a whole."""
        for depth in range(len(loc), 0, -1):
            if loc[:depth] in self.lines:
                return self.lines[loc[:depth]]
        return None

    def overruled(self, loc: Loc) -> bool:
        """Whether the value came from the command line."""
        return any(loc[: len(place)] == place for place in self.set_at)

    def override(self, settings: Sequence[str]) -> None:
        """Apply `design.weeks=52` and the like. Values are TOML; what is not TOML is taken as a text."""
        for setting in settings:
            key, equals, value = setting.partition("=")
            parts = [p for p in key.strip().replace("[", ".").replace("]", "").split(".") if p]
            if not equals or not parts:
                raise SpecError(self.path, [Problem(f'--set {setting}: must look like "design.weeks=52".')])
            self._put(parts, _value(value.strip()), setting)

    def _put(self, parts: list[str], value: object, setting: str) -> None:
        place: object = self.data
        loc: list[str | int] = []
        for depth, part in enumerate(parts):
            last = depth == len(parts) - 1
            if isinstance(place, list):
                if not part.isdigit() or int(part) >= len(place):
                    where = ".".join(parts[:depth])
                    problem = Problem(f'--set {setting}: "{where}" has {len(place)} entries, counted from 0.')
                    raise SpecError(self.path, [problem])
                loc.append(int(part))
                if last:
                    place[int(part)] = value
                else:
                    place = place[int(part)]
            elif isinstance(place, dict):
                loc.append(part)
                if last:
                    place[part] = value
                else:
                    place = place.setdefault(part, {})
            else:
                problem = Problem(f'--set {setting}: "{".".join(parts[:depth])}" is a value, not a table.')
                raise SpecError(self.path, [problem])
        self.set_at.add(tuple(loc))


def _text_of(path: Path) -> str:
    try:
        if path.is_dir():
            raise SpecError(path, [Problem("is a directory, not a file.")])
        if path.exists() and not path.is_file():
            raise SpecError(path, [Problem("is a device or a pipe, not a file.")])
        if path.stat().st_size > MAX_BYTES:
            megabytes = path.stat().st_size / 1e6
            raise SpecError(path, [Problem(f"has {megabytes:.0f} MB; that is not a file of this kind.")])
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SpecError(path, [Problem("does not exist.")]) from None
    except UnicodeDecodeError:
        raise SpecError(path, [Problem("is not a text file in UTF-8.")]) from None
    except OSError as error:
        raise SpecError(path, [Problem(f"cannot be read: {error.strerror}.")]) from None
    except SpecError:
        raise
    except ValueError:  # a NUL in its name
        raise SpecError(repr(str(path)), [Problem("is no name of a file.")]) from None


def _refuse_long_keys(path: Path, text: str) -> None:
    """Keys with thousands of dots take minutes to read; nothing here nests so deeply."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.count(".") >= MAX_DOTS and _LONG_KEY.search(line):
            raise SpecError(path, [Problem(f"has a key with more than {MAX_DOTS} dots.", line=number)])


def _refuse_control_characters(path: Path, data: object, loc: Loc = ()) -> None:
    """Names and texts reach terminals and file names, where such characters would be orders."""
    if isinstance(data, str) and (found := _CONTROL.search(data)):
        raise SpecError(path, [Problem(f"holds a control character ({found[0]!r}).", loc)])
    if isinstance(data, list):
        for position, item in enumerate(data):
            _refuse_control_characters(path, item, (*loc, position))
    elif isinstance(data, dict):
        for key, item in data.items():
            if found := _CONTROL.search(key):
                raise SpecError(path, [Problem(f"a key holds a control character ({found[0]!r}).", loc)])
            _refuse_control_characters(path, item, (*loc, key))


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, KeyError, RecursionError):  # not TOML, or not readable as such
        return text


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_NAME, dotted))


def _scan(text: str) -> Iterator[tuple[Loc, int]]:
    """Where tables and keys stand. Follows [tables], [[arrays]], dotted keys and one-entry-per-line arrays."""
    counts: dict[Loc, int] = {}  # entries so far of each array of tables
    table: Loc = ()
    array: Loc | None = None  # the key whose array or text goes on over several lines
    entries, depth, quote = 0, 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if quote:
            quote = "" if quote in line else quote
            continue
        if depth == 0:
            if header := _HEADER.match(line):
                table = _resolve(_names(header[2]), counts, new_entry=header[1] == "[[")
                yield table, number
                continue
            if not (key := _KEY.match(line)):
                continue
            array, entries = table + _names(key[1]), 0
            yield array, number
        elif depth == 1 and array is not None and line.lstrip().startswith(("{", '"', "'")):
            yield (*array, entries), number
            entries += 1
        quote = _opened(line)
        marks = [m[0] for m in _MARK.finditer(line)]
        depth += sum(m in ("[", "{") for m in marks) - sum(m in ("]", "}") for m in marks)


def _opened(line: str) -> str:
    return next((q for q in ('"""', "'''") if line.count(q) % 2), "")


def _resolve(names: tuple[str, ...], counts: dict[Loc, int], new_entry: bool) -> Loc:
    loc: Loc = ()
    for position, name in enumerate(names):
        loc = (*loc, name)
        if new_entry and position == len(names) - 1:
            counts[loc] = counts.get(loc, -1) + 1
        if loc in counts:
            loc = (*loc, counts[loc])
    return loc
