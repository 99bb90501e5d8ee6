"""One sign-in."""

from datetime import datetime

from attrs import field, frozen

from exconn.models._record import Record, number, of, text
from exconn.tables import IDENTITY_LOGON_EVENTS
from exconn.window import utc


@frozen(kw_only=True)
class Logon(Record):
    """A row of IdentityLogonEvents. `location` is a country code; `isp` is empty when unknown."""

    TABLE = IDENTITY_LOGON_EVENTS

    timestamp: datetime = field(converter=utc, metadata=of("Timestamp"))
    action: str = text("ActionType")
    application: str = text("Application")
    logon_type: str = text("LogonType")
    protocol: str = text("Protocol")
    failure_reason: str = text("FailureReason")
    account_object_id: str = text("AccountObjectId")
    account_upn: str = text("AccountUpn")
    account_name: str = text("AccountName")
    account_domain: str = text("AccountDomain")
    account_sid: str = text("AccountSid")
    account_display_name: str = text("AccountDisplayName")
    address: str = text("IPAddress")
    port: int | None = number("Port")
    location: str = text("Location")
    isp: str = text("ISP")
    device_name: str = text("DeviceName")
    device_type: str = text("DeviceType")
    os_platform: str = text("OSPlatform")
    destination_device_name: str = text("DestinationDeviceName")
    destination_address: str = text("DestinationIPAddress")
    destination_port: int | None = number("DestinationPort")
    target_device_name: str = text("TargetDeviceName")
    target_account_display_name: str = text("TargetAccountDisplayName")
    additional_fields: str = text("AdditionalFields")
    uncommon_for_user: str = text("UncommonForUser")
    last_seen_for_user: str = text("LastSeenForUser")
    report_id: str = text("ReportId")

    @property
    def succeeded(self) -> bool:
        """Whether the sign-in succeeded."""
        return self.action == "LogonSuccess"
