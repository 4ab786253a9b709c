"""`python -m lumbung_tools` is the `lumbung` command."""

from __future__ import annotations

import sys

__all__ = ["main"]

_INTERRUPTED = 130  # as shells count a Ctrl-C


def main() -> None:
    """Entry point of the console script, and so small that Ctrl-C can hardly come before it.

    Loading takes a second on a slow machine; nothing was done until then, and there is nothing to say.
    """
    try:
        from lumbung_tools.main import main as command  # here: by then somebody catches

        command()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
