"""Runs a module as a child that cannot outlive its parent: `python -m lumbung_tools.localcluster.child MODULE ARGS...`.

The parent holds the other end of our standard input and never writes. When it is gone, also by SIGKILL, the read ends
and we stop as if by SIGTERM, or hard if that takes too long. A pipe and not PR_SET_PDEATHSIG, because that signal
follows the thread that started us and not the process.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

__all__ = ["main"]

_STOP_GRACE_S = 10.0  # a store closes within a second; after this nobody waits for us any more


def main() -> None:
    threading.Thread(target=_follow_parent, name="follow-parent", daemon=True).start()
    _, module, *arguments = sys.argv
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _follow_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_STOP_GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
