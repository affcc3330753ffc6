"""The four errors. Every message says who, what must be, what came, and what to do."""


class CimkitError(Exception):
    """Base of all errors raised by cimkit."""


class InputError(CimkitError, ValueError):
    """A value handed to a function is not what the function can work with."""


class FormatError(CimkitError):
    """A file cannot be read, or what it holds contradicts its format."""


class MissingDataError(CimkitError):
    """Something that the request needs is absent: a table, a column, a package."""
