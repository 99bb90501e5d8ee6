"""Honest events that look bad to a naive reader."""

from exconn.testing.scenarios import _benign_machines as machines
from exconn.testing.scenarios import _benign_outbound as outbound
from exconn.testing.scenarios import _benign_services as services
from exconn.testing.scenarios import _benign_systems as systems
from exconn.testing.scenarios import _benign_upkeep as upkeep
from exconn.testing.scenarios._scenario import Family, Truth

BENIGN: tuple[Family, ...] = (
    Family(
        "hybrid-wizard",
        Truth.BENIGN,
        "The hybrid wizard makes or changes connectors, and mail from on-premises grows.",
        systems.hybrid_wizard,
    ),
    Family(
        "new-marketing-service",
        Truth.BENIGN,
        "A new mailing service sends campaigns in the tenant's own name.",
        services.new_marketing_service,
    ),
    Family(
        "new-printers",
        Truth.BENIGN,
        "New printers send scans through a connector of their own, without TLS.",
        machines.new_printers,
    ),
    Family(
        "weekly-billing-run",
        Truth.BENIGN,
        "The billing system sends a week's invoices in one run, as each week.",
        machines.weekly_billing_run,
    ),
    Family(
        "gateway-migration",
        Truth.BENIGN,
        "All mail from the internet moves to a new gateway, with its junk.",
        systems.gateway_migration,
    ),
    Family(
        "travelling-admin",
        Truth.BENIGN,
        "An administrator in a hotel abroad makes a harmless change.",
        upkeep.travelling_admin,
    ),
    Family(
        "vendor-address-rotation",
        Truth.BENIGN,
        "A vendor moves to other addresses, and its mail is the same.",
        upkeep.vendor_address_rotation,
    ),
    Family(
        "merger",
        Truth.BENIGN,
        "The mail system of an acquired company writes to staff and to its own customers.",
        systems.merger,
    ),
    Family(
        "failed-brute-force",
        Truth.BENIGN,
        "An administrator makes a harmless change while somebody guesses at the password in vain.",
        upkeep.failed_brute_force,
    ),
    Family(
        "test-connector",
        Truth.BENIGN,
        "An administrator tries a connector out with a few mails.",
        systems.test_connector,
    ),
    Family(
        "monitoring-storm",
        Truth.BENIGN,
        "Machines that write a few mails a day write hundreds within hours.",
        machines.monitoring_storm,
    ),
    Family(
        "seasonal-peak",
        Truth.BENIGN,
        "A newsletter or a billing run is several times its usual size.",
        machines.seasonal_peak,
    ),
    Family(
        "phishing-simulation",
        Truth.BENIGN,
        "An awareness vendor that the organisation named sends what looks like phishing to staff.",
        services.phishing_simulation,
    ),
    Family(
        "automation-app",
        Truth.BENIGN,
        "The application that always looks after the connectors renews one.",
        upkeep.automation_app,
    ),
    Family(
        "new-vendor-inbound",
        Truth.BENIGN,
        "A vendor that wrote to staff before gets a strict connector of its own.",
        services.new_vendor_inbound,
    ),
    Family(
        "approved-outbound-service",
        Truth.BENIGN,
        "Staff's mail passes through an encryption or archiving service from now on.",
        services.approved_outbound_service,
    ),
    Family(
        "new-customer-service",
        Truth.BENIGN,
        "A helpdesk or a shop in the cloud answers customers in the tenant's own name.",
        outbound.new_customer_service,
    ),
    Family(
        "mailer-moves",
        Truth.BENIGN,
        "The mailing service moves to other servers, and often to another bounce domain.",
        outbound.mailer_moves,
    ),
    Family(
        "new-application-server",
        Truth.BENIGN,
        "A relay gets another server, whose application writes to customers.",
        outbound.new_application_server,
    ),
    Family(
        "subsidiary-campaign",
        Truth.BENIGN,
        "A campaign goes out in the name of another domain of the tenant.",
        outbound.subsidiary_campaign,
    ),
)
"""The families of honest events."""
