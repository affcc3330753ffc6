"""What commands share: how they are declared, how a plan is read and completed, how tables are shown and written.

A command is a function: what stands before its star is an argument, what stands behind it an option. Options that
travel together are one object, as the plan that is read and where its result goes. The words are in ``options.toml``.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

import cimkit as ck
from cimkit.arrays import one_of
from cimkit.io.atomic import atomic_write
from cimkit.lists import load_lists
from cimkit.model.drawn import data_frame

T = TypeVar("T")
Exit = IntEnum("Exit", "PASSED FAILED BAD_INPUT UNKNOWN RESOURCES", start=0)  # codes of the command line
WORDS: dict[str, Any] = load_lists(__file__, "options")

_WIDTH = None if sys.stdout.isatty() else 160  # of pages that go to a file or a pipe
out, err = Console(highlight=False, width=_WIDTH), Console(stderr=True, highlight=False, soft_wrap=True)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, **WORDS["app"])


def complain(text: str, code: int) -> int:
    """Print an error and return the exit code."""
    err.print(f"[bold red]error:[/] {escape(text)}")
    return code


@contextmanager
def step(what: str, file: Path | None = None) -> Iterator[None]:
    """Show what is being done, then that it is done or failed, with the time it took, and the file it wrote."""
    start = time.perf_counter()
    try:
        with err.status(f"{what} …"):
            yield
    except BaseException:
        err.print(f"[red]✗[/] {what}: failed after {time.perf_counter() - start:.1f} s")
        raise
    err.print(f"[green]✓[/] {what} [dim]{time.perf_counter() - start:.1f} s[/]")
    if file is not None:
        wrote(file)


def measured(what: str, work: Callable[..., T], *given: Any, **how: Any) -> T:
    """Do a piece of work on what is given, show that it is done, and print what its result says of itself."""
    with step(what):
        result = work(*given, **how)
    err.print(plain(result))
    return result


def pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """Return NAME=VALUE options as a dict.

    Raises
    ------
    InputError
        If an option has no equals sign.
    """
    for text in given:
        if "=" not in text:
            raise ck.InputError(f"{option}: it must be NAME=VALUE; got {text!r}.")
    return dict(text.split("=", 1) for text in given)


@dataclasses.dataclass(frozen=True)
class Source:
    """A plan to read; its fields are the argument and the options of every command that reads one."""

    plan: list[Path]
    _: dataclasses.KW_ONLY
    crs: str = ""
    datum: str = ""
    columns: list[str] = ()  # type: ignore[assignment]
    layers: list[str] = ()  # type: ignore[assignment]

    def of(self, *plan: Path) -> Source:
        """Return another plan that is read the same way."""
        return dataclasses.replace(self, plan=list(plan))

    def without_target(self, wanted: str) -> tuple[Source, Path]:
        """Return the plan without its last file, and that file, which is written or holds something else."""
        if len(self.plan) < 2:
            raise typer.BadParameter(f"name the plan to read, then {wanted}")
        return self.of(*self.plan[:-1]), self.plan[-1]

    def read(self) -> tuple[ck.Community, ck.Notes]:
        """Read the plan as it is."""
        columns, layers = pairs(self.columns, "--column"), pairs(self.layers, "--layer")
        with step(f"reading {', '.join(p.name for p in self.plan)}"):
            plan = self.plan[0] if len(self.plan) == 1 else self.plan
            return ck.read(plan, crs=self.crs, datum=self.datum, columns=columns, layers=layers)

    def complete(self, *, assume_housing: bool = False, windows: bool = False) -> ck.Community:
        """Read the plan and fill in what it lacks by the stated rules, which the notes then say."""
        community = ck.complete(self.read()[0], windows=windows, assume_housing=assume_housing)
        guessed = (n.text for n in community.notes if n.code[0] in "DNWHP" and n.severity == "info")
        if texts := list(dict.fromkeys(guessed)):
            more = f"; {len(texts) - 6} more in the notes" if len(texts) > 6 else ""
            err.print("[dim]derived: " + "; ".join(map(escape, texts[:6])) + more + "[/]")
        return community

    def state(self, *, before: bool = False, **how: bool) -> ck.Community:
        """Complete the plan and return what stands after the project, or before it."""
        whole = self.complete(**how)
        return whole.before() if before else whole.after()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sheet:
    """Where a table goes."""

    output: list[Path] = ()  # type: ignore[assignment]
    json: bool = False

    @property
    def screen(self) -> bool:
        """Whether it is printed for people."""
        return not self.output and not self.json

    def write(self, frame: Any, layer: str, *, rows: int = 20) -> None:
        """Write a table to files by suffix, or print it; as JSON records for scripts."""
        from cimkit.io.results import json_text, write_table

        for path in self.output:
            write_table(frame, path, layer=layer)
            wrote(path)
        if self.json:
            sys.stdout.write(json_text(frame))
        elif self.screen:
            show_frame(frame, rows=rows)

    def write_rows(self, rows: Sequence[tuple[Any, ...]], names: Sequence[str], layer: str) -> None:
        """Write rows as a table, or print all of them."""
        self.write(data_frame(rows, columns=list(names)), layer, rows=len(rows))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sink(Sheet):
    """Where a result goes: its table, and its picture on the plan."""

    picture: Path | None = None

    def give(self, community: ck.Community, result: Any, *, layer: str, frame: Any = None, column: str = "") -> None:
        """Write or print the table of a result, or another one of it, and draw the result where asked."""
        self.write(result.to_frame() if frame is None else frame, layer)
        if self.picture is not None:
            labels = len(community.buildings) <= 80
            plan = ck.view.plot_plan(community, result, column=column, labels=labels, lang="zh-en")
            save_figure(plan.figure, self.picture)


def command(example: str = "", *, group: typer.Typer = app) -> Callable[[Callable[..., None]], None]:
    """Add a function as a command of its name; ``_pack_new`` is ``new`` of the group ``pack``.

    The fields of a parameter that is a dataclass are arguments and options of the command.
    """

    def add(function: Callable[..., None]) -> None:
        name = function.__name__.strip("_")
        own = inspect.signature(function, eval_str=True).parameters
        made: dict[str, Any] = {k: p.annotation for k, p in own.items() if dataclasses.is_dataclass(p.annotation)}
        fields = {k: inspect.signature(made[k], eval_str=True).parameters if k in made else {k: own[k]} for k in own}

        def run(**given: Any) -> None:
            for option in given.keys() & WORDS["choices"].keys():
                for value in given[option] if isinstance(given[option], list) else [given[option]]:
                    one_of(value, WORDS["choices"][option], name=f"--{option}")
            whole = {k: kind(**{name: given.pop(name) for name in fields[k]}) for k, kind in made.items()}
            function(**whole, **given)

        order = sorted(fields, key=lambda k: issubclass(made.get(k, int), Sheet))  # where a result goes comes last
        every = [_declared(name, p) for k in order for p in fields[k].values()]
        run.__doc__ = function.__doc__
        run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
        words = name.replace("_", " ")
        group.command(words.split()[-1], epilog=f"Example: cimkit {words} {example}".strip())(run)

    return add


def _declared(name: str, p: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter of a command as typer takes it: an argument or an option, with its words."""
    words = WORDS.get(name, {}).get(p.name) or WORDS["every"][p.name]
    words = words.format(", ".join(WORDS["choices"].get(p.name, ())))
    flags = WORDS["flags"].get(p.name, [f"--{p.name.replace('_', '-')}"])
    option = typer.Option(*flags, help=words, show_default=p.default is not p.empty)
    info = option if p.kind is p.KEYWORD_ONLY else typer.Argument(help=words)
    return p.replace(annotation=Annotated[p.annotation, info], kind=p.KEYWORD_ONLY)


def show_frame(frame: Any, *, title: str = "", rows: int = 20) -> None:
    """Print the first rows of a table."""
    frame = frame.drop(columns="geometry", errors="ignore")
    wide = Grid(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name, dtype in zip(frame.columns, frame.dtypes, strict=True):
        number = getattr(dtype, "kind", "O") in "iuf"
        wide.add_column(str(name), justify="right" if number else "left", overflow="fold")
    for values in frame.head(rows).itertuples(index=False):
        wide.add_row(*(escape(f"{v:,.2f}" if isinstance(v, float) else str(v)) for v in values))
    out.print(wide)
    if len(frame) > rows:
        out.print(f"[dim]… {len(frame):,} rows; write them all with -o FILE.csv[/]")


def wrote(path: Path) -> None:
    """Say that a file was written."""
    err.print(f"wrote [bold]{escape(str(path))}[/]")


def plain(result: Any) -> str:
    """Return what a result says of itself without the angle brackets, as text to print."""
    return escape(repr(result)[1:-1])


def save_figure(figure: Any, path: Path) -> None:
    """Write a picture whole or not at all."""
    with step(f"drawing {path.name}", path), atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150, bbox_inches="tight")
