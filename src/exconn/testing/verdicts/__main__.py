"""``python -m exconn.testing.verdicts fit | report``."""

import argparse
import sys
from pathlib import Path

from exconn.grading import Policy
from exconn.testing.verdicts import REPORT, TUNING, cases, crossed, fit, report, thresholds

_SHIPPED = Path("src/exconn/grading/policy.toml")
_PAGE = Path("docs/explanation/verdicts.md")


def main() -> None:
    """Fit, or report."""
    parser = argparse.ArgumentParser(prog="python -m exconn.testing.verdicts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    fits = commands.add_parser("fit", help="derive a policy from the tuning seeds")
    fits.add_argument("--to", type=Path, default=_SHIPPED, help="the TOML file to write")
    reports = commands.add_parser("report", help="measure the policy on the other seeds")
    reports.add_argument("--to", type=Path, default=_PAGE, help="the Markdown page to write")
    reports.add_argument("--policy", type=Path, help="a TOML file; default: the shipped policy")
    for each, seeds in ((fits, TUNING), (reports, REPORT)):
        each.add_argument("--seeds", type=int, default=len(seeds), help="how many a family")
    given = parser.parse_args()
    if given.command == "fit":
        known = cases(TUNING[: given.seeds])
        weighed = fit(known)
        policy = thresholds(crossed(known, weighed), weighed)
        given.to.write_text(_toml(policy), encoding="utf-8")
    else:
        policy = Policy.from_toml(given.policy.read_text("utf-8")) if given.policy else Policy()
        page = report(cases(TUNING[: given.seeds]), cases(REPORT[: given.seeds]), policy)
        given.to.write_text(page, encoding="utf-8")
    sys.stdout.write(f"{given.to}\n")


def _toml(policy: Policy) -> str:
    lines = [
        "# The shipped policy, written by `python -m exconn.testing.verdicts fit`. What the values",
        "# mean is said in `exconn.Policy`.",
        f"true_positive = {policy.true_positive}",
        f"benign = {policy.benign}",
        f"noticeable = {policy.noticeable}",
        f"families = {policy.families}",
        f"decay = {policy.decay}",
        "",
        "[weights]",
        *(f'"{name}" = {weight}' for name, weight in sorted(policy.weights.items())),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
