"""Hunt in a small and in a large tenant, and fail where memory grows with the mail.

``python benchmarks/memory.py [MILLIONS] [MILLIONS] [ROWS]``: mails of the small and of the
large one (5 and 20), and how many rows are read at once; exconn's own number where none is given.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import tenant

GROWTH = 1.5
"""How many times the memory of the small tenant the large one may take."""
HUNT = """
import resource, sys
from exconn import hunt
from exconn.sources import ParquetSource, _stretches
if len(sys.argv) > 2:
    _stretches._ROWS_AT_ONCE = int(sys.argv[2])
worst = hunt(ParquetSource(sys.argv[1]))[0]
assert worst.connector == {hijacked!r}, worst
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20))
"""


def peak(millions: float, *rows: str) -> float:
    """The most memory that a hunt took, in GB."""
    with tempfile.TemporaryDirectory() as folder:
        tenant.write(Path(folder), int(millions * 1_000_000))
        code = HUNT.format(hijacked=tenant.HIJACKED)
        command = [sys.executable, "-c", code, folder, *rows]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return float(done.stdout)


def main() -> None:
    sizes = [float(size) for size in sys.argv[1:3] or ("5", "20")]
    small, large = (peak(size, *sys.argv[3:]) for size in sizes)
    print(f"{sizes[0]:g} million mails: {small:.2f} GB; {sizes[1]:g} million: {large:.2f} GB")
    if large > GROWTH * small:
        sys.exit(f"memory grew {large / small:.2f} times; at most {GROWTH} times is flat")


if __name__ == "__main__":
    main()
