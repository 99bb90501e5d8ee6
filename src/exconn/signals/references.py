"""Where signals come from."""

PLAYBOOK = (
    "https://learn.microsoft.com/defender-xdr/alert-grading-for-malicious-exchange-connectors"
)
RESPOND = "https://learn.microsoft.com/defender-office-365/connectors-detect-respond-to-compromise"
NEW_INBOUND = "https://learn.microsoft.com/powershell/module/exchange/new-inboundconnector"
NEW_OUTBOUND = "https://learn.microsoft.com/powershell/module/exchange/new-outboundconnector"
OAUTH_SPAM = (
    "https://www.microsoft.com/security/blog/2022/09/22/malicious-oauth-applications-used-to-"
    "compromise-email-servers-and-spread-spam/"
)
