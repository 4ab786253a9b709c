"""`python -m lumbung_tools` is the `lumbung` command."""

from __future__ import annotations

from lumbung_tools.main import main

if __name__ == "__main__":
    main()
