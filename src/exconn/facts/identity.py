"""Who is who: connectors and accounts go by several names."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from exconn.context import Context
from exconn.models import AdminChange, ConnectorChange
from exconn.models.changes import is_guid


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

    def members(self, name: str) -> frozenset[str]:
        """Every name in the group of this one, itself included."""
        key = self.key(name)
        return frozenset({key, *(other for other in self._parent if self.key(other) == key)})

    def groups(self) -> list[frozenset[str]]:
        """All groups of names."""
        found: dict[str, set[str]] = {}
        for name in self._parent:
            found.setdefault(self.key(name), set()).add(name)
        return [frozenset(names) for _, names in sorted(found.items())]

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._parent


def accounts(deeds: Iterable[AdminChange]) -> Aliases:
    """The accounts of those who did something in the audit log: object ids with UPNs.

    Other names (a display name, say) are no one's own and join nothing.
    """
    return Aliases(
        (deed.actor.id, deed.actor.name if "@" in deed.actor.name else "") for deed in deeds
    )


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
        self._aliases = Aliases([*_groups(ordered), *((name,) for name in named)])
        for listed in context.connectors:
            self._aliases.join((listed.name or "", listed.guid or ""))
        self._display = {self.key(c.name): c.name for c in context.connectors if c.name}
        for change in ordered:
            renamed = change.succeeded is not False and change.new_name
            name = renamed or change.connector
            if not is_guid(name):  # an Identity may be one; people write the name
                self._display[self.key(name)] = name

    def key(self, name: str) -> str:
        """What stands for the connector that has this name."""
        return self._aliases.key(name.strip())

    def is_nameless(self, key: str) -> bool:
        """Whether nothing but GUIDs is known of a connector."""
        return all(is_guid(name) for name in self._aliases.members(key))

    def of_mail(self, value: str) -> tuple[str, ...]:
        """The keys of the connectors that a value of `Connectors` names; "" names none.

        What is nothing but separators is a name of its own: that mail is somebody's.
        """
        named = value.strip()
        keys = dict.fromkeys(key for key in self._split(named, ";,") if key)
        return tuple(keys) or tuple(name for name in (named or value,) if name)

    def values(self, key: str, spelt: Iterable[str]) -> list[str]:
        """Those values of `Connectors` that name a connector."""
        return sorted(value for value in set(spelt) if key in self.of_mail(value))

    def _split(self, value: str, separators: str) -> list[str]:
        if not separators or not value or value in self._aliases:
            return [self.key(value)]
        parts = [part.strip() for part in value.split(separators[0])]
        return [key for part in parts for key in self._split(part, separators[1:])]

    def display(self, key: str, seen: str) -> str:
        """The connector's name as the audit log has it; or else as it was `seen` elsewhere."""
        return self._display.get(key) or seen


def _groups(ordered: Sequence[ConnectorChange]) -> Iterator[frozenset[str]]:
    """The names that each change gives its connector, as far as they can be trusted.

    A change that failed renamed nothing. A GUID under which connectors of several names were
    created is not theirs but, say, the tenant's. A name that was given up and then taken by a new
    connector means the new one.
    """
    names: dict[str, set[str]] = {}
    created: dict[str, datetime] = {}
    for change in ordered:
        if change.verb == "New" and change.succeeded is not False:
            created[change.connector.casefold()] = change.timestamp
            for alias in change.aliases:
                names.setdefault(alias, set()).add(change.connector.casefold())
    shared = {alias for alias, owners in names.items() if is_guid(alias) and len(owners) > 1}
    for change in ordered:
        if change.succeeded is False:
            yield frozenset({change.connector})
            continue
        own = change.connector.casefold()
        taken = (
            change.new_name is not None and created.get(own, change.timestamp) > change.timestamp
        )
        yield change.aliases - shared - ({own} if taken else set())
