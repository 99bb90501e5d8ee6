"""Connectors and transport rules, as Exchange lists them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Self

import polars as pl
from attrs import frozen

from exconn.models._record import MANY, WHEN, listing_frame, listing_records, prop
from exconn.models.audit import many, truth
from exconn.window import utc

HYBRID_WIZARD = "hybridwizard"
"""`ConnectorSource` of what the hybrid wizard made, without case."""


class _Listed:
    """A property listing of Exchange as a record. Properties that are absent are None."""

    __slots__ = ()

    @classmethod
    def from_properties(cls, properties: Mapping[str, object]) -> Self:
        """Read Exchange's own property names, as cmdlet parameters or as a ``Get-`` row has them.

        Lists may be joined with ``;``; booleans may be text. Unknown properties pass by.
        """
        given = {name.lower(): value for name, value in properties.items()}
        given.setdefault("guid", given.get("externaldirectoryobjectid"))
        fields = cls.__attrs_attrs__  # type: ignore[attr-defined]  # attrs adds it
        values = {
            f.name: _read(given.get(f.metadata["exconn_column"].lower()), f.metadata["dtype"])
            for f in fields
        }
        return cls(**values)

    def to_properties(self) -> dict[str, str | bool | datetime | list[str]]:
        """What is known, by Exchange's own property names; `from_properties` reads it."""
        fields = type(self).__attrs_attrs__  # type: ignore[attr-defined]  # attrs adds it
        values = {f.metadata["exconn_column"]: getattr(self, f.name) for f in fields}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> list[Self]:
        """Make a record of each row; columns are Exchange's property names.

        Text is read as `from_properties` reads it.
        """
        dtypes = {f.name: f.metadata["dtype"] for f in cls.__attrs_attrs__}  # type: ignore[attr-defined]  # attrs adds it
        return [
            cls(
                **{
                    name: _read(value, dtypes[name]) if isinstance(value, str) else value
                    for name, value in values.items()
                }
            )
            for values in listing_records(cls, frame)
        ]

    @classmethod
    def to_frame(cls, records: Iterable[Self]) -> pl.DataFrame:
        """Make a frame with a column for each property."""
        return listing_frame(cls, records)


@frozen(kw_only=True)
class InboundConnector(_Listed):
    """The properties of an inbound connector (``Get-InboundConnector``).

    Source: `New-InboundConnector
    <https://learn.microsoft.com/powershell/module/exchange/new-inboundconnector>`_.
    """

    name: str | None = prop("Name", pl.String())
    guid: str | None = prop("Guid", pl.String())
    enabled: bool | None = prop("Enabled", pl.Boolean())
    connector_type: str | None = prop("ConnectorType", pl.String())
    connector_source: str | None = prop("ConnectorSource", pl.String())
    comment: str | None = prop("Comment", pl.String())
    sender_domains: tuple[str, ...] | None = prop("SenderDomains", MANY)
    sender_ip_addresses: tuple[str, ...] | None = prop("SenderIPAddresses", MANY)
    associated_accepted_domains: tuple[str, ...] | None = prop("AssociatedAcceptedDomains", MANY)
    trusted_organizations: tuple[str, ...] | None = prop("TrustedOrganizations", MANY)
    require_tls: bool | None = prop("RequireTls", pl.Boolean())
    restrict_domains_to_certificate: bool | None = prop(
        "RestrictDomainsToCertificate", pl.Boolean()
    )
    restrict_domains_to_ip_addresses: bool | None = prop(
        "RestrictDomainsToIPAddresses", pl.Boolean()
    )
    tls_sender_certificate_name: str | None = prop("TlsSenderCertificateName", pl.String())
    treat_messages_as_internal: bool | None = prop("TreatMessagesAsInternal", pl.Boolean())
    cloud_services_mail_enabled: bool | None = prop("CloudServicesMailEnabled", pl.Boolean())
    ef_skip_last_ip: bool | None = prop("EFSkipLastIP", pl.Boolean())
    ef_skip_ips: tuple[str, ...] | None = prop("EFSkipIPs", MANY)
    when_created: datetime | None = prop("WhenCreatedUTC", WHEN)
    when_changed: datetime | None = prop("WhenChangedUTC", WHEN)

    @property
    def is_restricted(self) -> bool:
        """Whether a certificate or addresses say who may use it.

        A partner's connector that restricts nothing takes mail of its domains from anywhere; its
        addresses and its certificate are then one more way to it.
        """
        if self.restrict_domains_to_certificate or self.restrict_domains_to_ip_addresses:
            return True
        if (self.connector_type or "").casefold() == "partner":
            return False
        return bool(self.sender_ip_addresses or self.tls_sender_certificate_name)

    @property
    def trusts_headers(self) -> bool:
        """Whether it trusts the sender's own headers, and the hybrid wizard did not make it."""
        return _trusts_headers(self)


@frozen(kw_only=True)
class OutboundConnector(_Listed):
    """The properties of an outbound connector (``Get-OutboundConnector``).

    Source: `New-OutboundConnector
    <https://learn.microsoft.com/powershell/module/exchange/new-outboundconnector>`_.
    """

    name: str | None = prop("Name", pl.String())
    guid: str | None = prop("Guid", pl.String())
    enabled: bool | None = prop("Enabled", pl.Boolean())
    connector_type: str | None = prop("ConnectorType", pl.String())
    connector_source: str | None = prop("ConnectorSource", pl.String())
    comment: str | None = prop("Comment", pl.String())
    recipient_domains: tuple[str, ...] | None = prop("RecipientDomains", MANY)
    smart_hosts: tuple[str, ...] | None = prop("SmartHosts", MANY)
    use_mx_record: bool | None = prop("UseMXRecord", pl.Boolean())
    tls_settings: str | None = prop("TlsSettings", pl.String())
    tls_domain: str | None = prop("TlsDomain", pl.String())
    all_accepted_domains: bool | None = prop("AllAcceptedDomains", pl.Boolean())
    route_all_messages_via_on_premises: bool | None = prop(
        "RouteAllMessagesViaOnPremises", pl.Boolean()
    )
    cloud_services_mail_enabled: bool | None = prop("CloudServicesMailEnabled", pl.Boolean())
    is_transport_rule_scoped: bool | None = prop("IsTransportRuleScoped", pl.Boolean())
    sender_rewriting_enabled: bool | None = prop("SenderRewritingEnabled", pl.Boolean())
    test_mode: bool | None = prop("TestMode", pl.Boolean())
    when_created: datetime | None = prop("WhenCreatedUTC", WHEN)
    when_changed: datetime | None = prop("WhenChangedUTC", WHEN)

    @property
    def trusts_headers(self) -> bool:
        """Whether it keeps Exchange's own headers, and the hybrid wizard did not make it."""
        return _trusts_headers(self)


def _trusts_headers(listed: InboundConnector | OutboundConnector) -> bool:
    by_wizard = (listed.connector_source or "").casefold() == HYBRID_WIZARD
    return bool(listed.cloud_services_mail_enabled) and not by_wizard


@frozen(kw_only=True)
class TransportRule(_Listed):
    """The properties of a transport rule that matter here (``Get-TransportRule``).

    Source: `New-TransportRule
    <https://learn.microsoft.com/powershell/module/exchange/new-transportrule>`_.
    """

    name: str | None = prop("Name", pl.String())
    guid: str | None = prop("Guid", pl.String())
    state: str | None = prop("State", pl.String())
    mode: str | None = prop("Mode", pl.String())
    comments: str | None = prop("Comments", pl.String())
    remove_header: str | None = prop("RemoveHeader", pl.String())
    set_header_name: str | None = prop("SetHeaderName", pl.String())
    set_header_value: str | None = prop("SetHeaderValue", pl.String())
    set_scl: str | None = prop("SetSCL", pl.String())
    delete_message: bool | None = prop("DeleteMessage", pl.Boolean())
    stop_rule_processing: bool | None = prop("StopRuleProcessing", pl.Boolean())
    blind_copy_to: tuple[str, ...] | None = prop("BlindCopyTo", MANY)
    copy_to: tuple[str, ...] | None = prop("CopyTo", MANY)
    add_to_recipients: tuple[str, ...] | None = prop("AddToRecipients", MANY)
    redirect_message_to: tuple[str, ...] | None = prop("RedirectMessageTo", MANY)
    route_message_outbound_connector: str | None = prop(
        "RouteMessageOutboundConnector", pl.String()
    )
    set_audit_severity: str | None = prop("SetAuditSeverity", pl.String())
    when_changed: datetime | None = prop("WhenChangedUTC", WHEN)

    @property
    def weakens_filtering(self) -> bool:
        """Whether the rule strips headers or tells the filter that mail is not spam."""
        headers = f"{self.remove_header or ''} {self.set_header_name or ''}".strip()
        return bool(headers) or (self.set_scl or "").strip() == "-1"


def _read(value: object, dtype: pl.DataType) -> object:
    if value is None:
        return None
    if dtype == pl.Boolean:
        return truth(value if isinstance(value, bool) else str(value))
    if dtype == MANY:
        return many(";".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
    if dtype == WHEN:
        return _moment(value)
    return str(value)


def _moment(value: object) -> datetime | None:
    try:
        return utc(
            value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
        )
    except ValueError:
        return None
