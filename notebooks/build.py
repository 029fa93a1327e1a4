"""Notebooks from their sources: `python notebooks/build.py` writes what `jupyter lab` opens.

`python notebooks/build.py --class FOLDER` writes copies for a class into a folder: the notebooks of students alone,
without solutions and sources.

A source is a Python file in the percent format of jupytext, so that it can be read, compared and edited as text:

    # %% [markdown]                  a cell of text, each line a comment
    # %%                             a cell of code
    # %% tags=["exercise"]           a cell with something to do
    ### BEGIN SOLUTION ... ### END SOLUTION     what students find replaced by a NotImplementedError that
                                                names the exercise, wherever the function is called
    # claims: "words of the text": expression   what the text says of a result, on a line of its own in a code cell

A claim does not go into the notebook: the tests find its words in the text and its expression true when the cell has
run, so that texts and results cannot part.

From each source come a notebook for students and, in `solutions`, one with the solutions and with the notes for
teachers (cells tagged "teacher"). Neither holds outputs, so that the same source always gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

HERE = Path(__file__).parent
SOURCES = HERE / "src"
SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION$", re.MULTILINE | re.DOTALL)
MARKS = re.compile(r"^ *### (?:BEGIN|END) SOLUTION\n?", re.MULTILINE)
EXERCISE = re.compile(r"^### (Exercise \d+)", re.MULTILINE)
CLAIM = re.compile(r'^# claims: "(?P<words>[^"]+)": (?P<holds>.+)\n?', re.MULTILINE)
START = re.compile(r"^# %%(?P<markdown> \[markdown\])?(?: tags=(?P<tags>\[.*\]))?$", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """One cell of a source: its text, whether that is prose, its tags, and what the prose claims of its results."""

    text: str
    markdown: bool
    tags: tuple[str, ...]
    claims: tuple[tuple[str, str], ...] = ()  # words of the prose, and the expression that is true when they are


def cells_of(source: str) -> list[Cell]:
    """The cells of a source in the percent format."""
    starts = list(START.finditer(source))
    ends = [start.start() for start in starts[1:]] + [len(source)]
    cells = []
    for start, end in zip(starts, ends, strict=True):
        text, markdown = source[start.end() : end].strip("\n"), bool(start["markdown"])
        if markdown:
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines())
        claims = tuple((claim["words"], claim["holds"]) for claim in CLAIM.finditer(text)) if not markdown else ()
        text = text if markdown else CLAIM.sub("", text).strip("\n")
        cells.append(Cell(text, markdown, tuple(json.loads(start["tags"] or "[]")), claims))
    return cells


def student_cells(cells: list[Cell]) -> list[Cell]:
    """The cells without solutions and without notes for teachers. A task says of which exercise it is."""
    made, exercise = [], "the exercise above"
    for cell in cells:
        if "teacher" in cell.tags:
            continue
        if cell.markdown and (heading := EXERCISE.search(cell.text)):
            exercise = heading[1]
        todo = rf'\1# YOUR CODE HERE\n\1raise NotImplementedError("First comes {exercise}: put your code there.")'
        made.append(Cell(SOLUTION.sub(todo, cell.text), cell.markdown, cell.tags))
    return made


def solved_cells(cells: list[Cell]) -> list[Cell]:
    """The cells with their solutions, without the marks around them."""
    return [Cell(MARKS.sub("", cell.text).rstrip("\n"), cell.markdown, cell.tags) for cell in cells]


def notebook_text(cells: list[Cell]) -> str:
    """A notebook without outputs as it stands in its file."""
    made = []
    for number, cell in enumerate(cells):
        new = nbformat.v4.new_markdown_cell if cell.markdown else nbformat.v4.new_code_cell
        made.append(new(cell.text, id=f"cell-{number:02}", metadata={"tags": list(cell.tags)} if cell.tags else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = nbformat.v4.new_notebook(
        cells=made, metadata={"kernelspec": kernel, "language_info": {"name": "python"}}
    )
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def built() -> dict[Path, str]:
    """Every notebook and its text, from all sources. A source without exercises has no solutions."""
    made = {}
    for source in sorted(SOURCES.glob("*.py")):
        cells = cells_of(source.read_text(encoding="utf-8"))
        made[HERE / f"{source.stem}.ipynb"] = notebook_text(student_cells(cells))
        if any("exercise" in cell.tags for cell in cells):
            made[HERE / "solutions" / f"{source.stem}.ipynb"] = notebook_text(solved_cells(cells))
    return made


def class_copies(folder: Path) -> dict[Path, str]:
    """The notebooks of students as they lie in a folder for a class."""
    return {folder / path.name: text for path, text in built().items() if path.parent == HERE}


if __name__ == "__main__":
    words = argparse.ArgumentParser(description="Write the notebooks from their sources.")
    words.add_argument("--class", dest="folder", type=Path, help="copies without solutions into this folder")
    folder = words.parse_args().folder
    for path, text in (built() if folder is None else class_copies(folder)).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"wrote {path.relative_to(HERE.parent) if folder is None else path}")
