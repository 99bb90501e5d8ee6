"""Grade every connector of an evidence folder, and look into the most suspicious one.

Run it as ``python grade_folder.py DIR``. Without DIR it makes a small tenant of its own.
"""

import sys
import tempfile
from pathlib import Path

from exconn import Alert, ParquetSource, grade, hunt, read_context, write_evidence
from exconn.simulate import demo_tenant


def main(folder: Path) -> None:
    """Print a line for each connector, then what was found about the first.

    Names and values are an attacker's to choose: they are printed as Python writes them.
    """
    source = ParquetSource(folder)
    context = read_context(folder)
    grades = hunt(source, context=context)
    print(grades)

    first = grades[0]
    result = grade(source, Alert(connector=first.connector, timestamp=first.at), context=context)
    print(f"\n{result.explanation}\n")
    for change in result.evidence.changes:
        print(f"{change.timestamp:%Y-%m-%d %H:%M} {change.operation} by {change.actor.name!r}")
        for name, value in change.parameters.items():
            print(f"    {name} = {value!r}")
    for action in result.actions:
        print(f"{action.order}. {action.what}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            write_evidence(demo_tenant(mails=5_000).frames, made)
            main(Path(made))
