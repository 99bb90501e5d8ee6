"""Which connector is which: names, letter case, GUIDs, renames, several names in one value."""

from datetime import timedelta

import attrs
import polars as pl
import pytest

from exconn.context import Context
from exconn.errors import UnknownConnectorError
from exconn.facts.identity import Aliases, Connectors, accounts
from exconn.grading import Classification, Grade, grade, hunt
from exconn.models import (
    Actor,
    ActorKind,
    AdminChange,
    Alert,
    ConnectorChange,
    InboundConnector,
    OutboundConnector,
)
from exconn.simulate import Tenant
from incidents import AT, DAY, HOUR, MAIL, change, deed, fired, graded, honest, mail, source

ADA = Actor(id="1", name="ada@own.example", kind=ActorKind.PERSON)
GUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def named(tenant: Tenant, name: str, context: Context | None = None) -> Grade:
    return grade(source(tenant), Alert(connector=name, timestamp=AT), context=context)


def called(tenant: Tenant, role: str, name: str, *, since: timedelta | None = None) -> Tenant:
    """The tenant with another value in `Connectors` for a connector's mail."""
    old = tenant.connector(role).name
    column = pl.col("Connectors")
    mine = column == old
    if since is not None:
        mine &= pl.col("Timestamp") >= AT - since
    value = pl.when(mine).then(pl.lit(name)).otherwise(column).alias("Connectors")
    frame = tenant.frames[MAIL].with_columns(value)
    return attrs.evolve(tenant, frames={**tenant.frames, MAIL: frame})


@pytest.mark.parametrize("spell", [str.upper, str.lower, str.swapcase, lambda s: f"  {s} "])
def test_a_connector_is_found_in_any_letter_case(spell: object) -> None:
    name = honest().connector("quiet").name
    assert callable(spell)
    found = named(honest(), spell(name))
    assert found.connector == name
    assert found.facts == graded(honest()).facts


def test_a_connector_is_found_by_its_guid_and_by_its_former_name() -> None:
    tenant = change(honest(), {"Name": "Renamed relay"}, object_id=GUID, at=AT - 2 * DAY)
    moved = called(tenant, "quiet", "Renamed relay", since=2 * DAY)
    by_all = [named(moved, n) for n in (GUID, GUID.upper(), "RENAMED relay")]
    by_all.append(named(moved, honest().connector("quiet").name))
    assert {found.connector for found in by_all} == {"Renamed relay"}
    facts = graded(honest()).facts
    for found in by_all:
        for name in ("messages", "baseline_messages", "peak_ratio", "new_address_share"):
            assert found.facts[name] == facts[name]
        assert found.facts["modified"] == 1


def test_a_change_by_guid_does_not_rename_a_connector() -> None:
    tenant = change(honest(), {"Comment": "x"}, object_id=GUID, at=AT - 2 * DAY)
    by_guid = {"Identity": GUID, "Comment": "y"}
    found = named(deed(tenant, "Set-InboundConnector", by_guid, object_id=GUID), GUID)
    assert found.connector == honest().connector("quiet").name
    assert found.facts["modified"] == 2


def test_a_connector_that_was_created_is_found_by_the_guid_it_was_given() -> None:
    new = "New-InboundConnector"
    created = change(honest(), {}, operation=new, object_id=GUID, at=AT - 2 * DAY)
    found = named(deed(created, "Set-InboundConnector", {"Identity": GUID}, object_id=GUID), GUID)
    assert found.connector == honest().connector("quiet").name
    assert found.facts["changes"] == 2


def test_renames_chain() -> None:
    tenant = honest()
    old = tenant.connector("quiet").name
    for i, (before, after) in enumerate([(old, "B"), ("B", "C"), ("C", "D")]):
        tenant = deed(
            tenant,
            "Set-InboundConnector",
            {"Identity": before, "Name": after},
            at=AT - (10 - i) * HOUR,
        )
    found = named(called(tenant, "quiet", "C", since=DAY), "b")
    assert found.connector == "D"
    assert found.facts["changes"] == 3
    assert found.facts["messages"] == graded(honest()).facts["messages"]


def test_a_listing_of_connectors_joins_names_with_guids() -> None:
    name = honest().connector("quiet").name
    context = Context(
        inbound_connectors=[InboundConnector(name=name, guid=GUID)],
        outbound_connectors=[OutboundConnector(name=None, guid=None)],
    )
    by_guid = called(honest(), "quiet", GUID.upper(), since=DAY)
    assert named(by_guid, name, context).facts == graded(honest()).facts


def test_mail_through_several_connectors_counts_for_each() -> None:
    quiet, printers = (honest().connector(role).name for role in ("quiet", "printers"))
    for value in (f"{quiet};{printers}", f"{printers.upper()} ; {quiet}", f"{quiet}, {printers}"):
        tenant = mail(honest(), connector=value, n=40)
        for role in ("quiet", "printers"):
            before, after = graded(honest(), role), graded(tenant, role)
            assert after.facts["messages"] == (before.facts["messages"] or 0) + 40
        assert len(hunt(source(tenant), at=AT)) == len(hunt(source(honest()), at=AT))


def test_a_known_name_is_never_split() -> None:
    for name in ("Scans, faxes", "A;B", "Scans, faxes;A"):
        tenant = change(honest(), {"Name": name}, at=AT - 20 * DAY)
        found = named(called(tenant, "quiet", name), name)
        assert found.connector == name
        assert found.facts["messages"] == graded(honest()).facts["messages"]
        with pytest.raises(UnknownConnectorError):
            named(called(tenant, "quiet", name), "faxes")


def test_an_unknown_name_is_split_at_semicolons_and_then_at_commas() -> None:
    connectors = Connectors((), Context(), ["Acme, Inc."])
    assert connectors.of_mail("A;B,C") == ("a", "b", "c")
    assert connectors.of_mail("A;Acme, Inc.") == ("a", "acme, inc.")
    assert connectors.of_mail(" ; , ") == ("; ,",)
    assert connectors.of_mail("  ") == ("  ",)
    assert connectors.of_mail("") == ()
    assert connectors.of_mail("A,B") == ("a", "b")
    assert connectors.of_mail(" ; ,;A;a") == ("a",)
    assert connectors.of_mail("") == ()


def test_re_creation_starts_a_new_baseline() -> None:
    again = change(honest(), {}, operation="New-InboundConnector", at=AT - 15 * DAY)
    found, before = graded(again), graded(honest())
    assert found.facts["baseline_days"] == pytest.approx(8, abs=0.1)
    assert 0 < (found.facts["baseline_messages"] or 0) < (before.facts["baseline_messages"] or 0)
    lately = change(honest(), {}, operation="New-InboundConnector", at=AT - 5 * HOUR)
    assert graded(lately).facts["baseline_messages"] == 0
    assert graded(lately).facts["peak_ratio"] is None
    failed = change(
        honest(), {}, operation="New-InboundConnector", at=AT - 5 * HOUR, result="False"
    )
    assert graded(failed).facts["baseline_messages"] == before.facts["baseline_messages"]


def test_inbound_and_outbound_changes_of_one_name_are_of_one_connector() -> None:
    tenant = change(honest(), {"Comment": "x"})
    both = change(tenant, {"Comment": "x"}, operation="Set-OutboundConnector", at=AT - HOUR)
    assert graded(both).facts["modified"] == 2


def test_object_ids_that_are_not_the_connectors_do_not_merge_connectors() -> None:
    tenant = honest()
    for role in ("quiet", "printers"):
        tenant = change(tenant, {"Comment": role}, role, object_id=tenant.organization)
    keys = {c.aliases for c in ConnectorChange.from_frame(tenant.frames["CloudAppEvents"])}
    assert not any(tenant.organization in aliases for aliases in keys)
    assert graded(tenant).facts["modified"] == 1


@pytest.mark.parametrize("name", ["Straße İzmir ΣΑΣ", "ǅ ß", "Ünïcode; ﬁ", "a\u0130b"])
def test_letter_case_folds_alike_in_mail_and_in_changes(name: str) -> None:
    tenant = change(honest(), {"Name": name}, at=AT - 20 * DAY)
    moved = called(tenant, "quiet", name)
    expected = graded(honest()).facts["messages"]
    assert named(moved, name).facts["messages"] == expected
    without_changes = called(honest(), "quiet", name.replace(";", ""))
    assert named(without_changes, name.replace(";", "")).facts["messages"] == expected
    frame = moved.frames[MAIL]
    upper = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit(name.upper()))
    mine = pl.col("Connectors") == name
    mixed = pl.when(mine).then(upper.otherwise("Connectors")).otherwise("Connectors")
    half = attrs.evolve(
        moved, frames={**moved.frames, MAIL: frame.with_columns(mixed.alias("Connectors"))}
    )
    assert named(half, name.lower()).facts["messages"] == expected


def test_aliases_compare_without_case_and_whatever_the_order() -> None:
    pairs = [("a", "B"), ("b", "C"), ("d", "E"), ("", "x"), ("e", "A")]
    for order in (pairs, pairs[::-1]):
        aliases = Aliases(order)
        assert len({aliases.key(name) for name in "aBcDe"}) == 1
        assert aliases.key("X") == "x"
        assert "" not in aliases


def test_a_rename_that_failed_joins_nothing() -> None:
    tenant = honest()
    gateway = tenant.connector("gateway").name
    tried = change(tenant, {"Name": gateway}, result="False")
    assert len(hunt(source(tried), at=AT)) == len(hunt(source(tenant), at=AT))
    assert graded(tried, "gateway").facts["messages"] == graded(tenant, "gateway").facts["messages"]


def test_a_guid_that_several_new_connectors_share_is_not_theirs() -> None:
    tenant = honest()
    for n, name in enumerate(("One", "Two")):
        tenant = change(
            tenant,
            {"Name": name},
            operation="New-InboundConnector",
            at=AT - (n + 1) * HOUR,
            object_id=GUID,
        )
    names = {found.connector for found in hunt(source(tenant), at=AT)}
    assert {"One", "Two"} <= names


def test_a_name_that_was_given_up_means_the_connector_that_took_it() -> None:
    tenant = honest()
    old = tenant.connector("quiet").name
    tenant = change(tenant, {"Name": "Moved"}, at=AT - 9 * DAY)
    tenant = change(tenant, {"Name": old}, operation="New-InboundConnector", at=AT - 2 * DAY)
    tenant = mail(tenant, connector="Moved", n=20)
    names = {found.connector for found in hunt(source(tenant), at=AT)}
    assert {"Moved", old} <= names


def test_a_change_under_an_unknown_guid_keeps_every_connector_from_being_cleared() -> None:
    tenant = deed(honest(), "Set-InboundConnector", {"Identity": GUID, "SenderDomains": "smtp:*;1"})
    found = graded(tenant, "printers")
    assert found.facts["unresolved_changes"] == 1
    assert "change.none" not in fired(found)
    assert found.classification is Classification.UNKNOWN
    listed = Context(
        inbound_connectors=[InboundConnector(name=tenant.connector("quiet").name, guid=GUID)]
    )
    assert graded(tenant, "printers", context=listed).facts["unresolved_changes"] == 0
    assert graded(tenant, "quiet", context=listed).facts["modified"] == 1


# Without a tenant


def made(
    minute: int,
    verb: str,
    name: str,
    *,
    new_name: str = "",
    guid: str = "",
    succeeded: bool | None = None,
) -> ConnectorChange:
    """A change so many minutes after noon."""
    parameters = {"Name": name} if verb == "New" else {"Identity": name, "Name": new_name or name}
    return ConnectorChange(
        timestamp=AT.replace(hour=12, minute=minute),
        operation=f"{verb}-InboundConnector",
        parameters=parameters,
        actor=ADA,
        target=guid,
        succeeded=succeeded,
    )


def test_aliases_have_groups_and_members() -> None:
    aliases = Aliases([("a", "B"), ("", "c"), ("D", "b")])
    assert sorted(map(sorted, aliases.groups())) == [["a", "b", "d"], ["c"]]
    assert aliases.members("D") == {"a", "b", "d"}
    assert aliases.members("Else") == {"else"}
    assert "A" in aliases
    assert "else" not in aliases


def test_accounts_go_by_object_id_and_upn_and_by_no_display_name() -> None:
    def by(name: str, own_id: str = "") -> AdminChange:
        actor = Actor(id=own_id, name=name, kind=ActorKind.PERSON)
        return AdminChange(timestamp=AT, operation="New-TransportRule", actor=actor)

    deeds = [by("ada@own.example", "1"), by("Ada", "1"), by("Ada", "2"), by("ADA@own.example")]
    found = accounts(deeds)
    assert found.key("ada@own.example") == found.key("1")
    assert found.key("2") != found.key("1")
    assert "Ada" not in found


def test_a_connector_is_called_what_it_was_last_renamed_to() -> None:
    changes = [
        made(3, "Set", "b", new_name="C", succeeded=False),
        made(2, "Set", "b"),
        made(1, "Set", "A", new_name="B"),
        made(0, "New", "A", guid=GUID),
        made(4, "Set", GUID),
    ]
    listed = [InboundConnector(name="Listed"), InboundConnector(guid=GUID.replace("3", "5"))]
    connectors = Connectors(changes, Context(inbound_connectors=listed))
    assert {connectors.key(name) for name in ("a", " B ", GUID)} == {connectors.key("A")}
    assert connectors.key("C") == "c"
    assert connectors.display(connectors.key("A"), "seen") == "b"
    assert connectors.display("listed", "seen") == "Listed"
    assert connectors.display("c", "seen") == "seen"


def test_a_connector_with_a_name_is_not_nameless() -> None:
    unknown = GUID.replace("3", "4")
    connectors = Connectors([made(0, "New", "A", guid=GUID), made(1, "Set", unknown)], Context())
    assert connectors.is_nameless(connectors.key(unknown))
    assert not connectors.is_nameless(connectors.key(GUID))
    assert not connectors.is_nameless("else")


def test_a_connector_that_is_made_again_in_other_letters_keeps_its_guid() -> None:
    changes = [made(0, "New", "Relay", guid=GUID), made(1, "New", "RELAY", guid=GUID)]
    again = Connectors(changes, Context())
    assert again.key(GUID) == again.key("Relay")
    shared = [*changes, made(2, "New", "Other", guid=GUID)]
    found = Connectors(shared, Context())
    assert len({found.key(name) for name in ("Relay", "Other", GUID)}) == 3


def test_a_name_means_who_took_it_after_it_was_given_up() -> None:
    def are_one(taken: int | None, *, succeeded: bool = True) -> bool:
        renamed = made(5, "Set", "RELAY", new_name="Moved")
        made_anew = [] if taken is None else [made(taken, "New", "Relay", succeeded=succeeded)]
        found = Connectors([renamed, *made_anew], Context())
        return found.key("relay") == found.key("moved")

    assert are_one(None)
    assert are_one(4)
    assert are_one(5)
    assert not are_one(6)
    assert are_one(6, succeeded=False)
