# Records cases on request, one line in and one line out: for searches that ask about many calls, for which starting PyTorch
# anew each time would be most of the work.
"""usage: serve_fixtures.py

Each line on standard input is {"cases": FILE, "folder": FOLDER}; the tree is written there as make_fixtures.py does, with its manifest.
The answer is {"ok": true, "cases": N} or {"ok": false, "error": TEXT}.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
from pathlib import Path

import make_fixtures
import manifest


def end_with_parent() -> None:
    """On Linux: a call may take hours, and whoever asked may be ended meanwhile."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def main() -> int:
    end_with_parent()
    for line in sys.stdin:
        try:
            request = json.loads(line)
            folder = Path(request["folder"])
            cases = json.loads(Path(request["cases"]).read_text(encoding="utf-8"))
            report = make_fixtures.write(cases, folder)
            if report["cases"]:
                manifest.write(folder)
            answer = {"ok": True, "cases": report["cases"]}
        except Exception as error:  # noqa: BLE001 - the asker decides what a failure means
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
