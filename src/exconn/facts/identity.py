"""Who is who: connectors and accounts go by several names."""

from collections.abc import Iterable, Mapping

from exconn.context import Context
from exconn.models import ConnectorChange
from exconn.models.connector import is_guid


class Aliases:
    """Groups of names that mean the same thing. Names compare without case."""

    def __init__(self, groups: Iterable[Iterable[str]] = ()) -> None:
        self._parent: dict[str, str] = {}
        for group in groups:
            self.join(group)

    def join(self, names: Iterable[str]) -> None:
        """State that these names mean the same thing; empty names say nothing."""
        roots = sorted({self.key(name) for name in names if name})
        for root in roots:
            self._parent[root] = roots[0]

    def key(self, name: str) -> str:
        """The one name that stands for all in the group."""
        folded = name.casefold()
        while folded in self._parent and self._parent[folded] != folded:
            folded = self._parent[folded]
        return folded

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._parent


class Connectors:
    """The connectors of a tenant, by their names, former names and GUIDs.

    A connector is told by its case-folded name. Renames and GUIDs are joined from change records
    and listings. A value of `EmailEvents.Connectors` is a connector when it is a known name;
    otherwise it is split on ``;``, then on ``,``, because Microsoft does not document how several
    names are written.
    """

    def __init__(
        self, changes: Iterable[ConnectorChange], context: Context, named: Iterable[str] = ()
    ) -> None:
        """Learn the names.

        Args:
            changes: name connectors, and rename them.
            context: lists connectors with their GUIDs.
            named: further names that are known, such as the alert's.
        """
        ordered = sorted(changes, key=lambda change: change.timestamp)
        self._aliases = Aliases([*(c.aliases for c in ordered), *((name,) for name in named)])
        for listed in context.connectors:
            self._aliases.join((listed.name or "", listed.guid or ""))
        self._display: dict[str, str] = {}
        for change in ordered:
            name = change.new_name or change.connector
            if not is_guid(name):  # an Identity may be one; people write the name
                self._display[self.key(name)] = name

    def key(self, name: str) -> str:
        """What stands for the connector that has this name."""
        return self._aliases.key(name.strip())

    def of_mail(self, value: str) -> tuple[str, ...]:
        """The keys of the connectors that a value of `Connectors` names."""
        if not value or value in self._aliases:
            return (self.key(value),) if value else ()
        separator = ";" if ";" in value else ","
        parts = [part.strip() for part in value.split(separator)]
        return tuple(dict.fromkeys(self.key(part) for part in parts if part))

    def display(self, key: str, seen: Mapping[str, str]) -> str:
        """The connector's name as people write it.

        Args:
            key: the connector.
            seen: by key, a spelling met in the mail, for connectors without change records.
        """
        return self._display.get(key) or seen.get(key) or key
