"""What comes back of each query of a hunt and of a grade, for the documentation's arithmetic.

``python benchmarks/traffic.py DIR``; make the folder with ``benchmarks/tenant.py``. Bytes are those
of JSON without blanks, about as services send it. The grade is that of the hijacked connector.
"""

import sys
from pathlib import Path

from contenders import WEEK
from tenant import HIJACKED, HOURS

from exconn.facts.mail import MailRows
from exconn.facts.queries import connector_names
from exconn.sources import ParquetSource
from exconn.tables import EMAIL_EVENTS


def main() -> None:
    source = ParquetSource(Path(sys.argv[1]))
    mails = source.coverage([EMAIL_EVENTS])[EMAIL_EVENTS].rows
    days = HOURS / 24
    print(f"{mails / days / 1e6:.2f} million mails a day, {days:.0f} days")
    print("| query | rows a day | MB a day | of a grade: rows a day | MB a day |")
    print("|---|---|---|---|---|")
    names = ["connector_names", *MailRows.__annotations__]
    hunt, grade = (
        source.collect([connector_names(WEEK), *MailRows.queries(WEEK, values)])
        for values in (None, [HIJACKED])
    )
    for name, *frames in zip(names, hunt, grade, strict=True):
        told = [
            f"{frame.height / days:,.0f} | {len(frame.write_json()) / 1e6 / days:.1f}"
            for frame in frames
        ]
        print(f"| `{name}` | {' | '.join(told)} |")


if __name__ == "__main__":
    main()
