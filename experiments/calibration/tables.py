"""Tables as shops export them: text with delimiters, Excel workbooks and Parquet, read as texts by column.

Nothing is interpreted here but the table itself: where the header is, what separates fields, which encoding, which
sheet. A record may have several lines; every row knows the line of the file on which it begins.
"""

from __future__ import annotations

import csv
import datetime
import difflib
import gzip
import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

HEAD_BYTES = 1 << 16
TOLERATED_SHARE = 0.05  # more damaged rows than this mean that the table is read in a wrong way
_DELIMITERS = ",;\t|"
_ENCODINGS = ("cp1252", "gb18030", "shift_jis", "euc_kr", "cp1251", "cp1250")  # tried where the text is not UTF-8
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_NOT_TEXT = {b"%PDF": "a PDF", b"\xd0\xcf\x11\xe0": "an Excel workbook of before 2007: save it as .xlsx"}
_MISSING = {"", "#N/A", "N/A", "n/a", "NA", "<NA>", "NaN", "nan", "NULL", "null", "None"}
_LISTED_COLUMNS = 12


class FormatError(ValueError):
    """The file cannot be read without guessing; the message is one sentence for the user."""


@dataclass(frozen=True)
class TableOptions:
    """What the user says about the file; None is found out.

    `header` is False where the first line is an order already: columns are then called 1, 2, 3 ...
    """

    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    sheet: str | None = None


FOUND_OUT = TableOptions()


@dataclass(frozen=True)
class Table:
    """The wanted columns as texts (missing ones None), indexed by the line of the file on which each row begins.

    `surplus` are the lines of rows with more fields than the header. `notes` say in words how the file was read.
    `typed` columns hold numbers that were numbers in the file, so that a point in them is a decimal point.
    """

    texts: pd.DataFrame
    surplus: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    typed: set[str] = field(default_factory=set)


def read_table(path: Path, wanted: Sequence[str], options: TableOptions = FOUND_OUT) -> Table:
    """Read the wanted columns of a file. Raises FormatError, OSError."""
    with path.open("rb") as file:
        magic = file.read(4)
    if options.sheet and magic != b"PK\x03\x04":
        raise FormatError(f"has no sheet '{options.sheet}': --sheet names a sheet of an Excel workbook")
    for option, said in (("--encoding", options.encoding), ("--delimiter", options.delimiter)):
        if said and magic in (b"PAR1", b"PK\x03\x04"):
            raise FormatError(f"is no text: {option} says nothing about it")
    if magic == b"PAR1":
        if not options.header:
            raise FormatError("is a Parquet file, which names its columns: --no-header says nothing about it")
        return _parquet(path, wanted)
    if magic == b"PK\x03\x04":
        return _workbook(path, wanted, options)
    return _delimited(path, wanted, options)


def position_of(columns: Sequence[str], name: str) -> int:
    """Where a column stands. Raises FormatError with the nearest name."""
    matches = [position for position, column in enumerate(columns) if column == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise FormatError(f"has {len(matches)} columns named '{name}': rename all but one")
    lowered = {column.lower(): column for column in columns}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)
    listed = ", ".join(column[:40] for column in columns[:_LISTED_COLUMNS])
    listed += " ..." if len(columns) > _LISTED_COLUMNS else ""
    hint = f"did you mean '{lowered[close[0]][:40]}'? " if close else ""
    raise FormatError(f"has no column '{name}': {hint}its columns are {listed}")


# --- text -----------------------------------------------------------------------------------------------------------


def _delimited(path: Path, wanted: Sequence[str], options: TableOptions) -> Table:
    head, zipped = _head_of(path)
    encoding, notes = _encoding_of(head, wanted, options)
    begins, delimiter, columns = _layout(head.decode(encoding, errors="replace"), wanted, options)
    places = [position_of(columns, name) for name in wanted]
    for tried, strict in ((encoding, True), (encoding, False), ("cp1252", False)):
        try:
            rows, lines, surplus = _records(path, zipped, tried, delimiter, strict, begins, len(columns), places)
        except UnicodeDecodeError:
            if options.encoding:
                raise FormatError(f"is not {options.encoding} text throughout: say another --encoding") from None
            continue  # the first bytes were plain ASCII, later ones are not
        except csv.Error as error:
            if strict and "expected after" in str(error):
                continue  # a stray quotation mark inside a field
            what = "a quotation mark is never closed" if "end of data" in str(error) else str(error)
            what = "a quotation mark is never closed, or it is no table" if "field limit" in what else what
            raise FormatError(f"is damaged: {what}") from None
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise FormatError(f"is damaged: {error}") from None
        break
    if tried != encoding:
        notes = ["the file is not UTF-8 and was read as cp1252 (--encoding says otherwise)"]
    if not rows:
        raise FormatError("holds no orders below its header" if options.header else "holds no orders")
    if len(surplus) > TOLERATED_SHARE * len(rows):
        share = f"{len(surplus)} of {len(rows)} rows with more fields than its header"
        raise FormatError(f"has {share} (line {surplus[0]}): quote fields that contain '{delimiter}'")
    return Table(pd.DataFrame(rows, columns=list(wanted), index=lines, dtype=object), surplus, notes)


def _head_of(path: Path) -> tuple[bytes, bool]:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise FormatError("is a damaged gzip file") from None
    if not head.strip():
        raise FormatError("is empty")
    return head, zipped


def _encoding_of(head: bytes, wanted: Sequence[str], options: TableOptions) -> tuple[str, list[str]]:
    if options.encoding:
        try:
            head.decode(options.encoding, errors="replace")
        except LookupError:
            raise FormatError(f"cannot be read: there is no encoding '{options.encoding}'") from None
        return options.encoding, []
    kind = next((name for magic, name in _NOT_TEXT.items() if head.startswith(magic)), None)
    if kind:
        raise FormatError(f"is {kind}, not a table: export the orders as CSV, Excel or Parquet")
    if head[:2] in _UTF_16:
        return "utf-16", []
    if any(byte < 9 or 14 <= byte < 32 for byte in set(head)):
        raise FormatError("is not a text table (it holds binary data): save the orders as CSV (UTF-8)")
    whole_lines = head[: head.rfind(b"\n") + 1 or None]
    try:
        whole_lines.decode("utf-8")
    except UnicodeDecodeError:
        for encoding in _ENCODINGS:  # the names of the columns tell
            text = whole_lines.decode(encoding, errors="replace")
            if all(name in text for name in wanted) and (encoding == "cp1252" or not _ascii(wanted)):
                break
        else:
            encoding = "cp1252"
        return encoding, [f"the file is not UTF-8 and was read as {encoding} (--encoding says otherwise)"]
    return "utf-8-sig", []


def _ascii(names: Sequence[str]) -> bool:
    return all(name.isascii() for name in names)


def _layout(text: str, wanted: Sequence[str], options: TableOptions) -> tuple[int, str, list[str]]:
    """The first line of records (counting from 1), the delimiter, and the columns."""
    lines = text.lstrip("\ufeff").splitlines()
    number, header = next((n, line) for n, line in enumerate(lines, start=1) if line.strip(" \t,;|"))
    delimiter = options.delimiter
    if header.strip().strip('"').lower().startswith("sep=") and len(header.strip().strip('"')) <= 5:
        delimiter = delimiter or header.strip("\r\n").strip('"')[4:5] or "\t"  # a hint for Excel, not a header
        rest = ((n, line) for n, line in enumerate(lines[number:], start=number + 1) if line.strip())
        number, header = next(rest, (number, ""))
    interpretations = {
        mark: [name.strip() for name in next(csv.reader([header], delimiter=mark), [])]
        for mark in ([delimiter] if delimiter else _DELIMITERS)
    }
    names = {*wanted}
    chosen = max(interpretations, key=lambda mark: (len(names & {*interpretations[mark]}), len(interpretations[mark])))
    if options.header:
        return number + 1, chosen, interpretations[chosen]
    width = len(interpretations[chosen])
    return number, chosen, [str(place) for place in range(1, width + 1)]


def _records(
    path: Path,
    zipped: bool,
    encoding: str,
    delimiter: str,
    strict: bool,
    begins: int,
    width: int,
    places: Sequence[int],
) -> tuple[list[list[str | None]], list[int], list[int]]:
    """The wanted fields of every record that is not blank, the line each begins on, and the lines of overlong ones."""
    rows, lines, surplus = [], [], []
    missing, longest = _MISSING, max(places) + 1
    errors = "replace" if encoding == "cp1252" else "strict"
    with gzip.open(path) if zipped else path.open("rb") as raw:
        text = io.TextIOWrapper(raw, encoding=encoding, errors=errors, newline="")
        for _ in range(begins - 1):
            text.readline()
        reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=strict)
        line = begins
        for record in reader:
            if len(record) < longest:
                record += [""] * (longest - len(record))
            fields = [None if (value := record[place].strip()) in missing else value for place in places]
            if any(fields) or any(value.strip() for value in record):
                if len(record) > width and any(value.strip() for value in record[width:]):
                    surplus.append(line)
                if any(fields):
                    rows.append(fields)
                    lines.append(line)
            line = begins + reader.line_num
    return rows, lines, surplus


# --- workbooks and columnar files -----------------------------------------------------------------------------------


def _workbook(path: Path, wanted: Sequence[str], options: TableOptions) -> Table:
    try:
        names = zipfile.ZipFile(path).namelist()
    except zipfile.BadZipFile:
        names = []
    if "xl/workbook.xml" not in names:
        raise FormatError("is a zip archive but no Excel workbook (.xlsx): unpack it, or save the orders as CSV")
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:
        raise FormatError(f"is a damaged Excel workbook ({type(error).__name__})") from None
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if options.sheet and options.sheet not in sheets:
        raise FormatError(f"has no sheet '{options.sheet}': its sheets are {', '.join(sheets)}")
    tried = [sheets[options.sheet]] if options.sheet else list(sheets.values())
    found = {sheet.title: _sheet_columns(sheet, options) for sheet in tried}
    best = max(tried, key=lambda sheet: len({*wanted} & {*found[sheet.title][1]}), default=None)
    if best is None:
        raise FormatError("holds no sheet with cells")
    begins, columns = found[best.title]
    places = [position_of(columns, name) for name in wanted]
    rows, lines, typed = [], [], dict.fromkeys(wanted, True)
    for line, cells in enumerate(best.iter_rows(min_row=begins, values_only=True), start=begins):
        chosen = [cells[place] if place < len(cells) else None for place in places]
        fields = [_written(value) for value in chosen]
        for name, value, text in zip(wanted, chosen, fields, strict=True):
            typed[name] &= text is None or isinstance(value, int | float)
        if any(fields):
            rows.append(fields)
            lines.append(line)
    if not rows:
        raise FormatError(f"holds no orders on its sheet '{best.title}'")
    several = len(sheets) > 1 and not options.sheet
    notes = [f"the sheet '{best.title}' was read (--sheet names another)"] if several else []
    texts = pd.DataFrame(rows, columns=list(wanted), index=lines, dtype=object)
    return Table(texts, [], notes, {name for name in wanted if typed[name]})


def _sheet_columns(sheet: Any, options: TableOptions) -> tuple[int, list[str]]:
    for number, cells in enumerate(sheet.iter_rows(values_only=True, max_row=50), start=1):
        if any(cell is not None for cell in cells):
            if not options.header:
                return number, [str(place) for place in range(1, len(cells) + 1)]
            return number + 1, [(_written(cell) or "").strip() for cell in cells]
    return 1, []


def _parquet(path: Path, wanted: Sequence[str]) -> Table:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        columns = parquet.read_schema(path).names
        for name in wanted:
            position_of(columns, name)
        table = parquet.read_table(path, columns=list(wanted))
    except pyarrow.ArrowException as error:
        raise FormatError(f"is a damaged Parquet file ({type(error).__name__})") from None
    if not table.num_rows:
        raise FormatError("holds no orders")
    typed, texts = set(), {}
    for name in wanted:
        kind = table.schema.field(name).type
        if pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind) or pyarrow.types.is_decimal(kind):
            typed.add(name)
        texts[name] = [_written(value) for value in table.column(name).to_pylist()]
    frame = pd.DataFrame(texts, dtype=object)
    frame.index += 1  # the rows of a Parquet file have no lines: they are counted from 1
    return Table(frame.dropna(how="all"), [], ["rows are counted from 1, the first order"], typed)


def _written(value: object) -> str | None:
    """A cell as text, as somebody would have typed it."""
    if isinstance(value, str):
        text = value.strip()
    elif value is None or value != value:
        return None
    elif isinstance(value, datetime.datetime):
        text = value.strftime("%Y-%m-%d") if value.year >= 1900 else str(value)
    elif isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        text = str(int(value))
    else:
        text = str(value)
    return None if text in _MISSING else text
