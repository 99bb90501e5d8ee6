"""One message to one recipient."""

from datetime import datetime

from attrs import field, frozen

from exconn.models._record import Record, flag, number, of, text
from exconn.tables import EMAIL_EVENTS
from exconn.window import utc


@frozen(kw_only=True)
class Email(Record):
    """A row of EmailEvents.

    `p1_*` is the envelope sender (5321.MailFrom), `p2_*` the sender in the header (5322.From): the
    published playbook has the two swapped. Strings are never None; numbers, flags and dynamic
    values (JSON text) that are absent are.
    """

    TABLE = EMAIL_EVENTS

    timestamp: datetime = field(converter=utc, metadata=of("Timestamp"))
    network_message_id: str = text("NetworkMessageId")
    internet_message_id: str = text("InternetMessageId")
    p1_address: str = text("SenderMailFromAddress")
    p1_domain: str = text("SenderMailFromDomain")
    p2_address: str = text("SenderFromAddress")
    p2_domain: str = text("SenderFromDomain")
    sender_display_name: str = text("SenderDisplayName")
    sender_object_id: str = text("SenderObjectId")
    sender_ipv4: str = text("SenderIPv4")
    sender_ipv6: str = text("SenderIPv6")
    recipient_address: str = text("RecipientEmailAddress")
    recipient_object_id: str = text("RecipientObjectId")
    recipient_domain: str = text("RecipientDomain")
    subject: str = text("Subject")
    direction: str = text("EmailDirection")
    connectors: str = text("Connectors")
    delivery_action: str = text("DeliveryAction")
    delivery_location: str = text("DeliveryLocation")
    latest_delivery_action: str = text("LatestDeliveryAction")
    latest_delivery_location: str = text("LatestDeliveryLocation")
    threat_types: str = text("ThreatTypes")
    threat_names: str = text("ThreatNames")
    threat_classification: str = text("ThreatClassification")
    detection_methods: str = text("DetectionMethods")
    confidence_level: str = text("ConfidenceLevel")
    bulk_complaint_level: int | None = number("BulkComplaintLevel")
    email_action: str = text("EmailAction")
    email_action_policy: str = text("EmailActionPolicy")
    email_action_policy_guid: str = text("EmailActionPolicyGuid")
    org_level_action: str = text("OrgLevelAction")
    org_level_policy: str = text("OrgLevelPolicy")
    user_level_action: str = text("UserLevelAction")
    user_level_policy: str = text("UserLevelPolicy")
    authentication_details: str = text("AuthenticationDetails")
    attachment_count: int | None = number("AttachmentCount")
    url_count: int | None = number("UrlCount")
    email_size: int | None = number("EmailSize")
    email_cluster_id: int | None = number("EmailClusterId")
    email_language: str = text("EmailLanguage")
    exchange_transport_rule: str = text("ExchangeTransportRule")
    distribution_list: str = text("DistributionList")
    forwarding_information: str = text("ForwardingInformation")
    is_first_contact: bool | None = flag("IsFirstContact")
    to: str = text("To")
    cc: str = text("Cc")
    context: str = text("Context")
    additional_fields: str = text("AdditionalFields")
    report_id: str = text("ReportId")
