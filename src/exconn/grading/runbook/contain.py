"""Contain: stop the mail, in a way that can be taken back."""

import re
from collections.abc import Iterator, Mapping

from exconn.facts.shape import SETTINGS, Kind
from exconn.grading.actions import Action, ActionId, Phase
from exconn.grading.powershell import array, quote
from exconn.grading.runbook.incident import BOTH, EXCHANGE, Incident, by_guid, each
from exconn.models.audit import truth

_EXPORTED = "The connector's settings are exported; the same session and folder."
_NEXT_VALUE = re.compile(r"\s*[;,](?!\s*\d+\s*(?:[;,]|$))\s*")  # smtp:a.example;1 is one value


def contain(incident: Incident) -> Iterator[Action]:
    """Export the connector's settings, then disable or revert it, or make sure that it is gone."""
    if incident.was_removed:
        yield _gone(incident)
        return
    yield _export(incident)
    if incident.is_disabled:
        yield _disable(incident)
    for noun, former in incident.former.items():
        if any(value is not None for value in former.values()):
            yield _revert(incident, noun, former)


def _gone(incident: Incident) -> Action:
    return Action(
        id=ActionId.DISABLE_CONNECTOR,
        phase=Phase.CONTAIN,
        what="Make sure that the connector is gone: the audit log has its removal.",
        why="Whoever removed it may have made it again, also under another name.",
        precondition=EXCHANGE,
        command=each(incident, lambda _: "", BOTH),
        check="Nothing is found.",
    )


def _export(incident: Incident) -> Action:
    return Action(
        id=ActionId.EXPORT_CONNECTOR,
        phase=Phase.CONTAIN,
        what="Export the connector's settings to a file.",
        why="They are evidence, and what later steps are taken back with.",
        precondition=f"{EXCHANGE} The current folder is this incident's own.",
        command=each(incident, lambda noun: f" | Export-Clixml -Path {noun}.xml -NoClobber"),
        check="; ".join(
            f"Import-Clixml -Path {noun}.xml | Format-List Name, Enabled, WhenChangedUTC"
            for noun in incident.nouns
        ),
    )


def _disable(incident: Incident) -> Action:
    return Action(
        id=ActionId.DISABLE_CONNECTOR,
        phase=Phase.CONTAIN,
        what="Disable the connector.",
        why=" ".join(["It stops the mail at once and can be undone.", *_notes(incident)]),
        precondition=_EXPORTED,
        command=each(incident, lambda noun: by_guid(f"Set-{noun}", "-Enabled $false")),
        check=each(incident, lambda _: " | Format-List Name, Enabled") + "  # False",
        undo=each(incident, lambda noun: by_guid(f"Set-{noun}", "-Enabled $true")),
    )


def _notes(incident: Incident) -> Iterator[str]:
    unknown = [name for former in incident.former.values() for name in _unknown(former)]
    if incident.was_created:
        yield "It was created in the window: there is nothing to go back to."
    elif unknown:
        yield f"What it was before is not known of {', '.join(unknown)}."
    if "OutboundConnector" in incident.nouns:
        yield "Mail that went out through its smart hosts takes the normal route again."


def _revert(incident: Incident, noun: str, former: Mapping[str, str | None]) -> Action:
    known = {setting: value for setting, value in former.items() if value is not None}
    precondition = _EXPORTED
    if incident.is_disabled:
        known.pop("Enabled", None)
        precondition += " The connector is disabled, and stays so"
        missing = ", ".join(_unknown(former))
        precondition += f" until its owner has said {missing}." if missing else "."
    passed = " ".join(f"-{setting} {_argument(setting, v)}" for setting, v in known.items())
    exported = " ".join(f"-{setting} $changed.{setting}" for setting in known)
    name = incident.former_name
    return Action(
        id=ActionId.REVERT_CONNECTOR,
        phase=Phase.CONTAIN,
        what="Set what was changed back to what it was before.",
        why="So the mail stops that only the change let in, and honest mail flows on. The former "
        "values are those of the audit log and the listing.",
        precondition=precondition,
        command=each(incident, lambda _: by_guid(f"Set-{noun}", passed), (noun,)),
        check=each(incident, lambda _: f" | Format-List {', '.join(known)}", (noun,), name),
        undo=f"$changed = Import-Clixml -Path {noun}.xml; "
        + each(incident, lambda _: by_guid(f"Set-{noun}", exported), (noun,), name),
    )


def _unknown(former: Mapping[str, str | None]) -> list[str]:
    return [setting for setting, value in former.items() if value is None]


def _argument(setting: str, value: str) -> str:
    """A setting's value as the cmdlet takes it."""
    match SETTINGS[setting]:
        case Kind.SWITCH:
            return "$true" if truth(value) else "$false"
        case Kind.LIST:
            values = [part for part in _NEXT_VALUE.split(value.strip()) if part]
            return array(values) if values else "$null"
        case Kind.TEXT:
            return quote(value) if value else "$null"
