"""The pools that names, domains, places and subjects are drawn from; all of it is invented."""

import random
from collections.abc import Collection

from attrs import frozen

FIRST_NAMES = (
    *("Ada", "Akira", "Alma", "Amir", "Anouk", "Arne", "Asha", "Bela", "Bruno", "Carla", "Cem"),
    *("Chloe", "Dana", "Dario", "Edda", "Elif", "Emil", "Esra", "Femi", "Finn", "Gita", "Goran"),
    *("Hana", "Hugo", "Ida", "Imre", "Ines", "Ivo", "Jana", "Jonas", "Kaito", "Karim", "Lea"),
    *("Leon", "Lina", "Luca", "Mads", "Maya", "Mila", "Nadia", "Nils", "Noor", "Olga", "Omar"),
    *("Pia", "Quinn", "Rafa", "Ravi", "Rosa", "Sami", "Sara", "Sven", "Tara", "Theo", "Uma"),
    *("Vera", "Viktor", "Wanda", "Yara", "Zoe"),
)
LAST_NAMES = (
    *("Abbas", "Adler", "Alves", "Aydin", "Baker", "Bauer", "Berg", "Blanc", "Bose", "Costa"),
    *("Cruz", "Dahl", "Demir", "Diaz", "Dubois", "Eriksen", "Falk", "Ferri", "Frank", "Garcia"),
    *("Gomes", "Haas", "Hart", "Holm", "Ito", "Jansen", "Kaya", "Keller", "Khan", "Kimura"),
    *("Klein", "Kovac", "Lang", "Lind", "Lopez", "Maier", "Marin", "Mehta", "Mori", "Nagy"),
    *("Novak", "Okoye", "Olsen", "Patel", "Petit", "Popov", "Rao", "Reyes", "Rossi", "Roth"),
    *("Sato", "Silva", "Singh", "Stone", "Tanaka", "Toth", "Vogel", "Weber", "Wood", "Zhang"),
)
_DOMAIN_HEADS = (
    *("acorn", "alder", "amber", "anchor", "arrow", "aspen", "atlas", "aurora", "basalt", "beacon"),
    *("birch", "blue", "bright", "cedar", "cinder", "clear", "cloud", "cobalt", "copper", "coral"),
    *("crest", "delta", "dune", "eagle", "east", "elm", "ember", "falcon", "fern", "field"),
    *("fjord", "flint", "forge", "fox", "glen", "gold", "granite", "green", "grove", "harbor"),
    *("hazel", "high", "hill", "iron", "ivy", "jade", "juniper", "lake", "larch", "lumen"),
    *("maple", "marble", "meadow", "mill", "moss", "north", "oak", "ocean", "olive", "onyx"),
    *("opal", "orchard", "osprey", "pearl", "pine", "polar", "prairie", "quartz", "raven", "red"),
    *("reed", "ridge", "river", "rowan", "sage", "silver", "slate", "south", "spruce", "stone"),
    *("summit", "thorn", "tidal", "upper", "vale", "west", "willow", "winter", "yarrow", "zephyr"),
)
_DOMAIN_TAILS = (
    *("assets", "bakery", "bank", "brokers", "builders", "care", "clinic", "coffee", "controls"),
    *("data", "dental", "design", "energy", "engineering", "estates", "farms", "finance", "foods"),
    *("freight", "gardens", "glass", "group", "health", "hotel", "insurance", "interiors", "labs"),
    *("law", "lighting", "logistics", "machines", "marine", "media", "metals", "motors", "optics"),
    *("packaging", "paper", "partners", "pharma", "photo", "press", "print", "rail", "retail"),
    *(
        "robotics",
        "schools",
        "shipping",
        "software",
        "solar",
        "sports",
        "steel",
        "studio",
        "supply",
    ),
    *("systems", "textiles", "tools", "tours", "transport", "water"),
)
_DOMAIN_ENDS = ("example", "test")
MAILBOX_PROVIDERS = tuple(
    f"{name}.example" for name in ("mailhub", "inboxly", "postfach", "courriel", "quickmail")
)
HOME_ISPS = ("Fernlink Telecom", "Stadtnetz", "Rivage Telecom", "Hillside Cable", "Metro Fibre")
HOTEL_ISPS = ("Hotel Guest Networks", "Airport WiFi Services", "Transit Mobile")
HOSTING_ISPS = ("Hostline VPS", "Cloudreef Hosting", "Bytebarn Servers", "Offshore Racks")


@frozen
class Country:
    """A country: its code, its cities (lower case, as audit rows spell them), hours from UTC."""

    code: str
    cities: tuple[str, ...]
    offset: float


COUNTRIES = (
    Country("DE", ("munich", "hamburg", "leipzig"), 1),
    Country("FR", ("lyon", "lille", "nantes"), 1),
    Country("GB", ("leeds", "bristol", "cardiff"), 0),
    Country("US", ("denver", "boise", "tucson"), -7),
    Country("BR", ("recife", "belem", "natal"), -3),
    Country("JP", ("osaka", "sendai", "kobe"), 9),
    Country("IN", ("pune", "kochi", "surat"), 5.5),
    Country("AU", ("perth", "bunbury", "geraldton"), 8),
    Country("NO", ("bergen", "tromso", "bodo"), 1),
    Country("CA", ("calgary", "edmonton", "lethbridge"), -7),
)

CONNECTOR_NAMES = {
    "relay": ("On-premises application relay", "Relai SMTP interne", "Apps SMTP relay"),
    "marketing": ("Newsletter service", "Marketing Cloud inbound", "Campaign mailer"),
    "billing": ("Billing system", "ERP invoices", "Rechnungsversand"),
    "printers": ("Printers and scanners", "Scan to mail", "MFP relay"),
    "gateway": ("Mail gateway", "Inbound from mail filter", "Secure mail gateway"),
    "partner_in": ("Partner TLS inbound", "From logistics partner", "Partner inbound"),
    "partner_out": ("Partner TLS outbound", "To auditor (TLS)", "Partner outbound"),
    "new": ("Expense tool (pilot)", "Learning platform", "Ticketing vendor test"),
    "rotated": ("HR platform", "Helpdesk SaaS", "Survey vendor"),
    "quiet": ("Legacy SMTP relay", "Plant monitoring relay", "Backup server alerts"),
}

SUBJECTS = {
    "staff": (
        *("Re: agenda for Thursday", "Quick question", "Minutes of the meeting", "Draft v2"),
        *("Re: delivery date", "Offer as discussed", "Lunch?", "Handover", "Re: Re: figures"),
        *("Feedback on the slides", "Travel plans", "Re: contract", "Photos from the site"),
    ),
    "relay": (
        *("Your order has shipped", "Ticket updated", "Password will expire soon"),
        *("Workflow: approval needed", "Nightly report", "Appointment confirmed"),
    ),
    "marketing": ("What is new this week", "Our spring offers", "Save the date", "New in store"),
    "billing": ("Your invoice", "Invoice and statement", "Payment reminder"),
    "printers": ("Scanned document", "Message from MFP", "Scan attached", "Toner low"),
    "partner": ("Shipment notice", "Stock levels", "Audit schedule", "Customs papers"),
    "vendor": ("Your report is ready", "Action needed: approve", "Welcome", "Weekly digest"),
    "quiet": ("Backup completed", "Disk space warning", "Line 3 temperature", "UPS self-test"),
    "junk": ("You have won", "Cheap watches", "Last chance to claim", "Crypto doubled"),
    "phish": (
        *("Your mailbox is almost full", "Invoice overdue: action required"),
        *("Document shared with you", "Payment advice", "Verify your account today"),
    ),
}


def unused_domains(rng: random.Random, n: int, taken: Collection[str] = ()) -> list[str]:
    """Draw `n` domains, all different, of which none is taken."""
    known = set(taken)
    free = [
        domain
        for head in _DOMAIN_HEADS
        for tail in _DOMAIN_TAILS
        for end in _DOMAIN_ENDS
        if (domain := f"{head}{tail}.{end}") not in known
    ]
    return rng.sample(free, n)


def full_names(rng: random.Random, n: int) -> list[tuple[str, str]]:
    """Draw `n` first and last names; pairs are all different up to 3,600."""
    last = len(LAST_NAMES)
    pairs = len(FIRST_NAMES) * last
    numbers = [number for _ in range(-(-n // pairs)) for number in rng.sample(range(pairs), pairs)]
    return [(FIRST_NAMES[number // last], LAST_NAMES[number % last]) for number in numbers[:n]]
