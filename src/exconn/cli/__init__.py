"""The command line: ``exconn demo | grade | hunt | schema | import`` (extra ``cli``)."""

from exconn.errors import MissingExtraError

try:
    from exconn.cli.app import run
except ModuleNotFoundError as error:
    if error.name and error.name.split(".")[0] in ("cyclopts", "rich"):
        raise MissingExtraError("the command line", "cli") from error
    raise

__all__ = ["run"]
