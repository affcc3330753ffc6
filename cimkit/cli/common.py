"""What commands share: reading a plan with what it lacks filled in, progress, tables on screen and in files."""

from __future__ import annotations

import dataclasses
import inspect
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from cimkit.errors import InputError

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.model.notes import Notes

T = TypeVar("T")
PASSED, FAILED, BAD_INPUT, UNKNOWN, RESOURCES = range(5)  # exit codes

Output = Annotated[list[Path], typer.Option("-o", "--output", help="File to write; may be repeated.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Picture = Annotated[Path | None, typer.Option(help="Plan in colour: .png, .svg or .pdf.")]
Before = Annotated[bool, typer.Option("--before", help="The state before the project, not after it.")]
City = Annotated[str, typer.Option(help="City whose rules hold: hangzhou, 杭州 …")]

_WIDTH = None if sys.stdout.isatty() else 160  # of pages that go to a file or a pipe
out, err = Console(highlight=False, width=_WIDTH), Console(stderr=True, highlight=False, soft_wrap=True)


def complain(text: str, code: int) -> int:
    """Print an error and return the exit code."""
    err.print(f"[bold red]error:[/] {escape(text)}")
    return code


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show what is being done, then that it is done or failed, with the time it took."""
    start = time.perf_counter()
    try:
        with err.status(f"{what} …"):
            yield
    except BaseException:
        err.print(f"[red]✗[/] {what}: failed after {time.perf_counter() - start:.1f} s")
        raise
    err.print(f"[green]✓[/] {what} [dim]{time.perf_counter() - start:.1f} s[/]")


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
            raise InputError(f"{option}: it must be NAME=VALUE; got {text!r}.")
    return dict(text.split("=", 1) for text in given)


PLAN = "Plan: a file, a folder, or several files that belong together."


@dataclasses.dataclass(frozen=True)
class Source:
    """A plan to read; its fields are the arguments and options of every command that reads one."""

    plan: Annotated[list[Path], typer.Argument(help=PLAN)]
    crs: Annotated[str, typer.Option(help="CRS of the coordinates, instead of what the file says: EPSG:4549.")] = ""
    datum: Annotated[str, typer.Option(help="gcj02 or bd09, if longitudes come from a map service.")] = ""
    column: Annotated[list[str], typer.Option(help="Own column name, THEIRS=OURS; may be repeated.")] = ()  # type: ignore[assignment]
    layer: Annotated[list[str], typer.Option(help="Layer of the file, LAYER=TABLE; may be repeated.")] = ()  # type: ignore[assignment]

    def of(self, *plan: Path) -> Source:
        """Return another plan that is read the same way."""
        return dataclasses.replace(self, plan=list(plan))

    def without_target(self, wanted: str) -> tuple[Source, Path]:
        """Return the plan without its last file, and that file, which is written or holds something else."""
        if len(self.plan) < 2:
            raise typer.BadParameter(f"name the plan to read, then {wanted}")
        return self.of(*self.plan[:-1]), self.plan[-1]

    def read(self) -> tuple[Community, Notes]:
        """Read the plan as it is."""
        from cimkit.io.files import read

        columns, layers = pairs(self.column, "--column"), pairs(self.layer, "--layer")
        with step(f"reading {', '.join(p.name for p in self.plan)}"):
            plan = self.plan[0] if len(self.plan) == 1 else self.plan
            return read(plan, crs=self.crs, datum=self.datum, columns=columns, layers=layers)

    def complete(self, *, assume_housing: bool = False, windows: bool = False) -> Community:
        """Read the plan and fill in what it lacks by the stated rules, which the notes then say."""
        from cimkit.model.derive import complete

        community = complete(self.read()[0], windows=windows, assume_housing=assume_housing)
        guessed = [n for n in community.notes if n.code[0] in "DNWHP" and n.severity == "info"]
        if guessed:
            texts = list(dict.fromkeys(n.text for n in guessed))
            more = f"; {len(texts) - 6} more in the notes" if len(texts) > 6 else ""
            err.print("[dim]derived: " + "; ".join(map(escape, texts[:6])) + more + "[/]")
        return community

    def state(self, *, before: bool = False, **how: bool) -> Community:
        """Complete the plan and return what stands after the project, or before it."""
        whole = self.complete(**how)
        return whole.before() if before else whole.after()


@dataclasses.dataclass(frozen=True)
class Sink:
    """Where a result goes; its fields are the last options of every command that gives a table and a plan."""

    picture: Picture = None
    output: Output = ()  # type: ignore[assignment]
    json: AsJson = False

    def give(self, community: Community, result: Any, *, layer: str, frame: Any = None, column: str = "") -> None:
        """Write or print the table of a result, or another one of it, and draw the result where asked."""
        deliver(result.to_frame() if frame is None else frame, self.output, as_json=self.json, layer=layer)
        save_plan(community, result, self.picture, column=column)


def reads_plan(app: typer.Typer, name: str, example: str, *, plan: str = PLAN) -> Callable[[Callable[..., None]], None]:
    """Add a command to a group whose parameters ``source`` and ``sink`` come from the options of these classes."""
    made: dict[str, Any] = {"source": Source, "sink": Sink}

    def add(function: Callable[..., None]) -> None:
        own = dict(inspect.signature(function, eval_str=True).parameters)
        fields = {k: dict(inspect.signature(c, eval_str=True).parameters) for k, c in made.items() if own.pop(k, None)}
        argument = Annotated[list[Path], typer.Argument(help=plan)]
        fields["source"]["plan"] = fields["source"]["plan"].replace(annotation=argument)
        every = [*fields["source"].values(), *own.values(), *fields.get("sink", {}).values()]

        def run(**given: Any) -> None:
            whole = {k: made[k](**{name: given.pop(name) for name in names}) for k, names in fields.items()}
            function(**whole, **given)

        run.__doc__ = function.__doc__
        run.__signature__ = inspect.Signature([p.replace(kind=p.KEYWORD_ONLY) for p in every])  # type: ignore[attr-defined]
        app.command(name, epilog=f"Example: cimkit {name} {example}")(run)

    return add


def show_frame(frame: Any, *, title: str = "", rows: int = 20) -> None:
    """Print the first rows of a table."""
    frame = frame.drop(columns="geometry", errors="ignore")
    wide = Grid(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    numeric = [getattr(d, "kind", "O") in "iuf" for d in frame.dtypes]
    for name, number in zip(frame.columns, numeric, strict=True):
        wide.add_column(str(name), justify="right" if number else "left", overflow="fold")
    for values in frame.head(rows).itertuples(index=False):
        wide.add_row(*(escape(f"{v:,.2f}" if isinstance(v, float) else str(v)) for v in values))
    out.print(wide)
    if len(frame) > rows:
        out.print(f"[dim]… {len(frame):,} rows; write them all with -o FILE.csv[/]")


def deliver(frame: Any, output: Sequence[Path], *, as_json: bool, layer: str, rows: int = 20) -> None:
    """Write a table to files by suffix, or print it; as JSON records for scripts."""
    from cimkit.io.results import json_text, write_table

    for path in output:
        write_table(frame, path, layer=layer)
        wrote(path)
    if as_json:
        sys.stdout.write(json_text(frame))
    elif not output:
        show_frame(frame, rows=rows)


def wrote(path: Path) -> None:
    """Say that a file was written."""
    err.print(f"wrote [bold]{escape(str(path))}[/]")


def plain(result: Any) -> str:
    """Return what a result says of itself without the angle brackets, as text to print."""
    return escape(repr(result)[1:-1])


def save_plan(community: Community, result: Any, path: Path | None, *, column: str = "") -> None:
    """Draw a result on the plan and write the picture, if a path is given."""
    if path is None:
        return
    from cimkit.view.plan import plot_plan

    plan = plot_plan(community, result, column=column, labels=len(community.buildings) <= 80, lang="zh-en")
    save_figure(plan.figure, path)


def save_figure(figure: Any, path: Path) -> None:
    """Write a picture whole or not at all."""
    from cimkit.io.atomic import atomic_write

    with step(f"drawing {path.name}"), atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150, bbox_inches="tight")
    wrote(path)
