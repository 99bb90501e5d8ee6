"""Detectors over IdentityLogonEvents: pure functions that return a boolean `pl.Expr`, never null.

Source: `IdentityLogonEvents
<https://learn.microsoft.com/defender-xdr/advanced-hunting-identitylogonevents-table>`_ and the
fifth query of the playbook, which leaves out Active Directory and Microsoft's own addresses.
"""

from collections.abc import Collection

import polars as pl

HOSTING = (
    r"(?i)hosting|virtual private|server|data ?cent(?:er|re)|coloc|dedicated"
    r"|(?:^|[^0-9a-z])(?:vps|colo|racks?|ovh|m247|aws)(?:[^0-9a-z]|$)"
    r"|digital ?ocean|hetzner|linode|akamai connected|vultr|choopa|the constant company"
    r"|contabo|leaseweb|datacamp|amazon|google cloud|oracle cloud|alibaba|tencent"
    r"|scaleway|ionos|hostinger|namecheap|quadranet|colocrossing|hostwinds|clouvider|tzulo"
)
"""What the names of providers of rented servers look like; Microsoft's own cloud is noise.

Words end where letters and digits do: what else a word is, engines read differently.
"""


def failed_logon() -> pl.Expr:
    """A sign-in to a cloud service failed."""
    return (pl.col("ActionType") == "LogonFailed") & ~logon_noise()


def successful_logon() -> pl.Expr:
    """A sign-in to a cloud service succeeded."""
    return (pl.col("ActionType") == "LogonSuccess") & ~logon_noise()


def logon_noise() -> pl.Expr:
    """A sign-in to Active Directory, or from Microsoft's own cloud, which says nothing here."""
    return (pl.col("Application").str.to_lowercase() == "active directory") | (
        pl.col("ISP").str.to_lowercase() == "microsoft azure"
    )


def hosted_logon() -> pl.Expr:
    """A sign-in from a provider of rented servers, by its name: people sit elsewhere."""
    return pl.col("ISP").str.contains(HOSTING) & ~logon_noise()


def by_account(accounts: Collection[str]) -> pl.Expr:
    """A sign-in of one of these accounts, each an object id or a UPN in any letter case."""
    folded = sorted({account.lower() for account in accounts})
    return pl.col("AccountObjectId").str.to_lowercase().is_in(folded) | pl.col(
        "AccountUpn"
    ).str.to_lowercase().is_in(folded)
