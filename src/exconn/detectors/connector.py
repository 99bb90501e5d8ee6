"""Detectors over CloudAppEvents: what was done to connectors, and by what.

Each is a pure function that returns a boolean `pl.Expr`, never null. Parameters are read from the
JSON text of `RawEventData`, whichever way the export wrote it.
Source: `CloudAppEvents
<https://learn.microsoft.com/defender-xdr/advanced-hunting-cloudappevents-table>`_.
"""

import re

import polars as pl

CONNECTOR_OPERATIONS = (
    "New-InboundConnector",
    "Set-InboundConnector",
    "Remove-InboundConnector",
    "New-OutboundConnector",
    "Set-OutboundConnector",
    "Remove-OutboundConnector",
)
TRANSPORT_RULE_OPERATIONS = (
    "New-TransportRule",
    "Set-TransportRule",
    "Remove-TransportRule",
    "Enable-TransportRule",
    "Disable-TransportRule",
)
GRANT_OPERATIONS = (
    "Add member to role.",
    "New-ManagementRoleAssignment",
    "Add-RoleGroupMember",
    "Consent to application.",
    "Add app role assignment to service principal.",
    "Add delegated permission grant.",
    "Add service principal.",
    "Add service principal credentials.",
    "Update application – Certificates and secrets management ",  # noqa: RUF001 # as logged
)

# White space of JSON, named: Kusto and Polars read \s differently.
_SPACE = r"[ \t\r\n]"
_GAP = f"{_SPACE}*"


def connector_created() -> pl.Expr:
    """A connector was created (New-)."""
    return _operation("New-InboundConnector", "New-OutboundConnector")


def connector_changed() -> pl.Expr:
    """A connector's settings were changed (Set-)."""
    return _operation("Set-InboundConnector", "Set-OutboundConnector")


def connector_removed() -> pl.Expr:
    """A connector was removed (Remove-)."""
    return _operation("Remove-InboundConnector", "Remove-OutboundConnector")


def connector_change() -> pl.Expr:
    """A connector was created, changed or removed."""
    return _operation(*CONNECTOR_OPERATIONS)


def connector_enabled() -> pl.Expr:
    """A connector was created enabled, or switched on.

    New- enables unless it says ``Enabled: False``; Set- changes only what it passes.
    """
    off = parameter_passed("Enabled", r"\$?(?:false|0)")
    on = parameter_passed("Enabled", r"\$?(?:true|1)")
    return (connector_created() & ~off) | (connector_changed() & on)


def made_by_application() -> pl.Expr:
    """An application or service principal acted, not a person. It has no AccountObjectId."""
    return (pl.col("AccountType").str.to_lowercase() == "application") | _raw(
        rf'"UserType\\*"{_GAP}:{_GAP}\\*"?(?:5|6|Application|ServicePrincipal)[^0-9A-Za-z]'
    )


def failed() -> pl.Expr:
    """The audit record says that the operation failed; without a word it did not."""
    return _raw(rf'"ResultStatus\\*"{_GAP}:{_GAP}\\*"(?:False|Failed|Failure|Error)\\*"')


def transport_rule_change() -> pl.Expr:
    """A transport (mail flow) rule was created, changed, removed or switched."""
    return _operation(*TRANSPORT_RULE_OPERATIONS)


def exchange_administration() -> pl.Expr:
    """An Exchange cmdlet was run, by anybody: the service itself runs some every day.

    Where there is none for days, the audit log does not record Exchange administration.
    """
    return pl.col("ActionType").str.contains(r"^[A-Za-z]+-[A-Za-z]+$")


def grant() -> pl.Expr:
    """A role, a permission or a credential was given to an account or an application."""
    return _operation(*GRANT_OPERATIONS)


def parameter_passed(name: str, value_pattern: str) -> pl.Expr:
    """A cmdlet parameter was passed with a value that matches a regular expression, any case.

    Reads ``{"Name": name, "Value": value}`` in `RawEventData`, the list itself or its JSON text.
    """
    quote = r'\\*"'
    between = rf"(?:{_SPACE}|\\+[nrt])*"  # line breaks of JSON text inside JSON text are escaped
    return _raw(
        rf"{quote}Name{quote}{_GAP}:{_GAP}{quote}{re.escape(name)}{quote}{between},{between}"
        rf"{quote}Value{quote}{_GAP}:{_GAP}{quote}{value_pattern}{quote}"
    )


def _operation(*names: str) -> pl.Expr:
    return pl.col("ActionType").str.to_lowercase().is_in([name.lower() for name in names])


def _raw(pattern: str) -> pl.Expr:
    return pl.col("RawEventData").str.contains(f"(?i){pattern}")
