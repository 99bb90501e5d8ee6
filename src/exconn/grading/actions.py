"""What a recommended action is: a step of the runbook. exconn never executes any of it."""

import enum

from attrs import frozen


class Phase(enum.StrEnum):
    """The phases of an incident, in their order."""

    INVESTIGATE = "investigate"
    CONTAIN = "contain"
    EVICT = "evict"
    CLEAN_UP = "clean-up"
    VERIFY = "verify"
    RESTORE = "restore"


class ActionId(enum.StrEnum):
    """The actions that exconn recommends."""

    EXPORT_CONNECTOR = "export-connector"
    DISABLE_CONNECTOR = "disable-connector"
    REVERT_CONNECTOR = "revert-connector"
    REMOVE_CONNECTOR = "remove-connector"
    REVIEW_CONNECTOR = "review-connector"
    ASK_ADMIN = "ask-admin"
    BLOCK_SIGN_IN = "block-sign-in"
    REVOKE_SESSIONS = "revoke-sessions"
    RESET_CREDENTIALS = "reset-credentials"
    REVIEW_SIGN_IN_METHODS = "review-sign-in-methods"
    REVIEW_INBOX_RULES = "review-inbox-rules"
    REQUIRE_MFA = "require-mfa"
    DISABLE_APPLICATION = "disable-application"
    REVOKE_CONSENT = "revoke-consent"
    REMOVE_APPLICATION_CREDENTIALS = "remove-application-credentials"
    TAKE_BACK_GRANT = "take-back-grant"
    DISABLE_TRANSPORT_RULE = "disable-transport-rule"
    REVIEW_MAIL = "review-mail"
    PURGE_MAIL = "purge-mail"
    WARN_RECIPIENTS = "warn-recipients"
    VERIFY_MAIL = "verify-mail"
    VERIFY_CHANGES = "verify-changes"
    REVIEW_ADMIN_ACTIVITIES = "review-admin-activities"
    REVIEW_OTHER_CONNECTORS = "review-other-connectors"
    REVIEW_BLOCKED_CONNECTORS = "review-blocked-connectors"
    ALLOW_SIGN_IN = "allow-sign-in"
    RESTORE_CONNECTOR = "restore-connector"
    UNBLOCK_SENDERS = "unblock-senders"
    UNBLOCK_CONNECTOR = "unblock-connector"


@frozen(kw_only=True)
class Action:
    """A step of the runbook about a graded connector.

    Attributes:
        id: which one; a grade may have it for several accounts, applications or rules.
        order: over all phases; 1 is first.
        phase: which part of the runbook it belongs to.
        what: in a sentence.
        why: what it is good for here.
        precondition: what must be true before it is run.
        command: PowerShell (Exchange Online, Microsoft Graph) that does it.
        check: a command that shows that it worked, or what must then be true.
        undo: a command that takes it back; "" where nothing was changed, or nothing can.
    """

    id: ActionId
    order: int = 0
    phase: Phase
    what: str
    why: str
    precondition: str
    command: str
    check: str
    undo: str = ""
