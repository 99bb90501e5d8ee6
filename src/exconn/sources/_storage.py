"""Where evidence folders lie: on a disk, or on object storage, which Polars reads by itself."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from attrs import field, frozen
from polars.exceptions import PolarsError

from exconn.errors import ExconnError, InvalidValueError, NoDataError, UnreadableDataError
from exconn.sources._folder import table_files
from exconn.sources._frames import NAME, first_line
from exconn.tables import TABLES, Table

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_QUERY = re.compile(r"(\w://[^\s?]*)\?\S*")
_PASSWORD = re.compile(r"(\w://[^\s/:@]*):[^\s/@]+@")
_FIRST_PATH = re.compile(r" \(path: [^)]*\)")
_HARMLESS = (
    "endpoint",
    "region",
    "allow",
    "account_name",
    "bucket",
    "container",
    "retr",
    "timeout",
)
_HIDDEN = "***"
_SHORTEST_SECRET = 4


def is_address(place: str | os.PathLike[str]) -> bool:
    """Whether a place is an address such as ``s3://bucket/evidence``, not a path."""
    return isinstance(place, str) and _URL.match(place) is not None


def _tidy(place: str | os.PathLike[str]) -> str:
    """A place as Polars names it: files are known by their names."""
    if not is_address(place):
        return str(Path(place))
    scheme, _, rest = str(place).partition("://")
    rest = re.sub("/+", "/", rest)
    if scheme.lower() == "file":
        return str(Path(rest))
    return f"{scheme.lower()}://{rest.rstrip('/')}"


@frozen
class Storage:
    """An evidence folder, wherever it lies.

    Attributes:
        root: its path or address.
        options: how Polars gets there; may hold secrets, so nothing shows them.
    """

    root: str = field(converter=_tidy)
    options: Mapping[str, str | int] = field(factory=dict, repr=False)

    def files(self) -> dict[str, list[str]]:
        """The names of the files that may be there, by table."""
        if is_address(self.root):
            return self._listed()
        folder = Path(self.root)
        return {table.name: list(map(str, table_files(folder, table))) for table in TABLES}

    def no_table(self) -> NoDataError:
        """The error of a place without tables."""
        return NoDataError(
            f"{self.root}: no table in it; expected files such as EmailEvents.parquet "
            "(make one with: exconn import FILE... --to DIR)"
        )

    def scan(self, files: Sequence[str], *, partitioned: bool = False) -> pl.LazyFrame:
        """The rows of files of one schema.

        Args:
            files: their names.
            partitioned: folders of the form ``Column=value`` are columns, too.
        """
        return pl.scan_parquet(
            list(files),
            include_file_paths=NAME,
            glob=False,
            hive_partitioning=partitioned,
            try_parse_hive_dates=False,
            storage_options=self._to_polars(),
        )

    def schema(self, file: str, *, partitioned: bool = False) -> pl.Schema | None:
        """The columns of a file; None where it is not there."""
        try:
            with self._reached(file, "is not a Parquet file"):
                schema = self.scan([file], partitioned=partitioned).collect_schema()
        except FileNotFoundError:
            return None
        return pl.Schema({name: dtype for name, dtype in schema.items() if name != NAME})

    def is_partitioned(self, file: str, table: Table, schema: pl.Schema) -> bool:
        """Whether folders above a file say columns of the table that it lacks itself.

        Raises:
            UnreadableDataError: a folder above the root is called like a column, too.
        """
        known = {name for column in table.columns for name in (column.name, column.alias) if name}
        if not (folder_keys(file.removeprefix(self.root)) & known).difference(schema):
            return False
        if clash := sorted(folder_keys(self.root + "/") & known):
            raise UnreadableDataError(
                self.root, f"a folder of the path is taken for the column {clash[0]!r}; rename it"
            )
        return True

    def text(self, name: str) -> str | None:
        """The lines of a text file on object storage; None where it is not there."""
        place = f"{self.root}/{name}"
        try:
            with self._reached(place):
                lines = pl.scan_lines(place, storage_options=self._to_polars()).collect()
        except FileNotFoundError:
            return None
        return "\n".join(lines.to_series())

    @contextmanager
    def discreet(self) -> Iterator[None]:
        """Keep secrets out of errors."""
        try:
            yield
        except ExconnError as error:
            if not is_address(self.root):
                raise
            error.args = (self._without_secrets(str(error)),)
            raise error from None

    def _listed(self) -> dict[str, list[str]]:
        """The files in the tables' folders; and of each table the file that it may be."""
        root = self.root
        if marks := set(root) & set("*?[]{}"):
            raise InvalidValueError(
                "folder", f"{root}: an address with {min(marks)} cannot be listed; rename it"
            )
        found: dict[str, list[str]] = {
            table.name: [f"{root}/{table.name}.parquet"] for table in TABLES
        }
        if root.lower().startswith("http"):  # of a web server nobody can ask what it has
            return found
        try:
            with self._reached(root):
                plan = pl.scan_parquet(
                    [f"{root}/{table.name}/**/*.parquet" for table in TABLES],
                    schema={},
                    missing_columns="insert",
                    extra_columns="ignore",
                    include_file_paths=NAME,
                    storage_options=self._to_polars(),
                )
                names = plan.select(pl.col(NAME).unique().sort()).collect()[NAME]
        except FileNotFoundError as error:
            raise NoDataError(f"{root}: no such place ({first_line(error)})") from error
        for name in names:
            below = name.removeprefix(f"{root}/")
            found[below.partition("/")[0]].append(name)
        return found

    def _to_polars(self) -> dict[str, str | int] | None:
        return dict(self.options) or None

    @contextmanager
    def _reached(self, where: str, unlike: str = "cannot be read") -> Iterator[None]:
        """Say what is wrong where something cannot be read, other than that it is not there."""
        try:
            yield
        except FileNotFoundError:
            raise
        except PolarsError as error:
            raise UnreadableDataError(where, f"{unlike} ({first_line(error)})") from error
        except OSError as error:
            said = f"cannot be read ({first_line(error)})"
            advice = "check the address, and storage_options or the cloud's environment variables"
            whole = f"{said}; {advice}" if is_address(where) else said
            raise UnreadableDataError(where, whole) from error
        except (TypeError, ValueError) as error:
            raise InvalidValueError("storage_options", first_line(error)) from error

    def _without_secrets(self, text: str) -> str:
        text = _PASSWORD.sub(rf"\1:{_HIDDEN}@", _QUERY.sub(r"\1", _FIRST_PATH.sub("", text)))
        for name, value in self.options.items():
            if len(str(value)) >= _SHORTEST_SECRET and not any(
                word in name.lower() for word in _HARMLESS
            ):
                text = text.replace(str(value), _HIDDEN)
        return text


def folder_keys(path: str) -> frozenset[str]:
    """The names that folders of a path give a value, as Hive's partitions do."""
    folders = path.replace(os.sep, "/").split("/")[:-1]
    return frozenset(folder.partition("=")[0] for folder in folders if "=" in folder)
