"""The four errors. Every message says who, what must be, what came, and what to do."""

from importlib import import_module
from typing import Any


class CimkitError(Exception):
    """Base of all errors raised by cimkit."""


class InputError(CimkitError, ValueError):
    """A value handed to a function is not what the function can work with."""


class FormatError(CimkitError):
    """A file cannot be read, or what it holds contradicts its format."""


class MissingDataError(CimkitError):
    """Something that the request needs is absent: a table, a column, a package."""


def needed(package: str, *, who: str, extra: str) -> Any:
    """Return a package or module that an extra of cimkit brings.

    Raises
    ------
    MissingDataError
        If it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        wanted = f"the package {package.partition('.')[0]} must be installed"
        raise MissingDataError(f"{who}: {wanted}; it is not. pip install 'cimkit[{extra}]'.") from error
