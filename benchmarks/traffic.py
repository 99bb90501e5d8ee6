"""What comes back of each query of a hunt, by which the arithmetic of the documentation is done.

``python benchmarks/traffic.py DIR``; make the folder with ``benchmarks/tenant.py``. Bytes are those
of JSON without blanks, about as services send it.
"""

import sys
from pathlib import Path

from contenders import WEEK
from tenant import HOURS

from exconn.facts.mail import MailRows
from exconn.sources import ParquetSource
from exconn.tables import EMAIL_EVENTS


def main() -> None:
    source = ParquetSource(Path(sys.argv[1]))
    mails = source.coverage([EMAIL_EVENTS])[EMAIL_EVENTS].rows
    print(f"{mails / HOURS * 24 / 1e6:.2f} million mails a day, {HOURS // 24} days")
    print("| query | rows | MB | rows a day | MB a day |")
    print("|---|---|---|---|---|")
    names = MailRows.__annotations__
    for name, frame in zip(names, source.collect(MailRows.queries(WEEK)), strict=True):
        size = len(frame.write_json()) / 1e6
        days = HOURS / 24
        print(
            f"| `{name}` | {frame.height:,} | {size:.1f} "
            f"| {frame.height / days:,.0f} | {size / days:.1f} |"
        )


if __name__ == "__main__":
    main()
