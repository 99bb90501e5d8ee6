"""Results on disk, so that an interrupted hunt goes on where it was."""

import hashlib
import json
import warnings
from datetime import timedelta
from pathlib import Path

import polars as pl
from attrs import field, frozen
from polars.exceptions import PolarsError

from exconn.sources._files import home, write_privately

_LAYOUT = 1


@frozen(kw_only=True)
class ResultCache:
    """A folder of results, each of one query over one stretch of time.

    What it keeps is what the queries return: addresses, names, subjects. Files and the folder can
    be read by their owner alone; delete the folder when the incident is closed.

    Attributes:
        folder: made when it is not there.
        tenant: whose data it is; the results of different tenants are kept apart by it.
        settles: how long rows may still change or arrive. Later stretches are asked for anew.
    """

    folder: Path = field(converter=home)
    tenant: str
    settles: timedelta = timedelta(days=2)

    def get(self, place: str, text: str, schema: pl.Schema) -> pl.DataFrame | None:
        """The result of a query, if it is there.

        Args:
            place: where it runs: URL and database.
            text: its KQL, which names the stretch of time.
            schema: of the result; one of another schema, or a damaged one, is none.
        """
        try:
            found = pl.read_parquet(self._file(place, text), glob=False)
        except (OSError, PolarsError):
            return None
        return found if found.schema == schema else None

    def put(self, place: str, text: str, result: pl.DataFrame) -> None:
        """Keep a result; the file is there whole, or not at all.

        When it cannot be written there is a warning, and work goes on.
        """
        try:
            write_privately(self._file(place, text), result.write_parquet)
        except (OSError, PolarsError) as error:
            warnings.warn(f"results are not kept in {self.folder}: {error}", stacklevel=2)

    def _file(self, place: str, text: str) -> Path:
        key = json.dumps([_LAYOUT, self.tenant.casefold(), place, text])
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.parquet"
