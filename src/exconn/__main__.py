"""The command ``exconn``."""

import sys

from exconn.errors import MissingExtraError


def main() -> None:
    """Run the command line, or say how to install it."""
    try:
        from exconn.cli import run  # noqa: PLC0415 # the extra may be missing
    except MissingExtraError as error:
        print(f"exconn: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except KeyboardInterrupt:
        print("exconn: interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
