"""The command line: ``cimkit COMMAND``; exit codes 0 passed, 1 failed, 2 bad input, 3 unknown left, 4 resources."""

import errno
import gc
import sys
from importlib import import_module
from typing import Annotated, Any

import typer

from cimkit.cli.common import Exit, app, complain
from cimkit.errors import CimkitError

_USAGE: Any = typer.BadParameter.__bases__[0]  # every mistake in the words of a command

_STOPPED = 130  # what typer makes of Ctrl-C

for _commands in ("files", "sun", "walk", "areas", "judge"):  # in the order of the help
    import_module(f"cimkit.cli.{_commands}")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cimkit {version('cimkit')}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Take options that come before the command."""


def main() -> None:
    """Run the command line; errors become one line on standard error and an exit code."""
    gc.set_threshold(50_000, 50, 50)  # most objects live to the end; looking for cycles took a tenth of a check
    try:
        code = app(standalone_mode=False)
    except CimkitError as error:
        code = complain(str(error), Exit.BAD_INPUT)
    except MemoryError:
        code = complain("memory: the work must fit into memory; it did not. Take a smaller area.", Exit.RESOURCES)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full. Free some space" if full else f"{error.strerror or error}. Check path and rights"
        code = complain(f"{error.filename or 'file'}: it must be readable and writable; {what}.", Exit.RESOURCES)
    except (KeyboardInterrupt, typer.Abort):
        code = _STOPPED
    except _USAGE as error:
        error.show()
        code = Exit.BAD_INPUT
    if code == _STOPPED:
        code = complain("stopped by the user; files are whole or absent.", Exit.RESOURCES)
    sys.exit(code or 0)
