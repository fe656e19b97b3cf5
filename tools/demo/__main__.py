"""`python -m tools.demo [--json] [--real]`: start everything, play the session, print the receipt, stop everything.

Exit codes: 0 the books agree, 1 they differ or something did not start, 2 wrong arguments. Next: `settings.py`.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys

from tests.fakes.provider.process import RunningProvider, running_provider
from tools.demo import real
from tools.demo.audit import attempts, audit
from tools.demo.figures import Json, NoFigures, metrics, settled_usage, usage
from tools.demo.processes import NotStarted, home, running_ccproxy, write_policies
from tools.demo.progress import Progress
from tools.demo.receipt import as_text, receipt
from tools.demo.session import play
from tools.demo.troubles import PRIMARY_KEY, SPARE_KEY


def main() -> int:
    """Parse, play, print."""
    parser = argparse.ArgumentParser(prog="make demo", description="An agent's session through ccproxy.")
    parser.add_argument("--json", action="store_true", help="print the receipt as JSON")
    parser.add_argument("--real", action="store_true", help="a few calls to the real provider, with your key")
    given = parser.parse_args()
    progress = Progress()
    signal.signal(signal.SIGTERM, _end)
    try:
        shown = real.played(progress) if given.real else _scripted(progress)
    except (NotStarted, NoFigures, real.NoKey) as failed:
        progress.done()
        print(failed, file=sys.stderr)
        return 1
    print(json.dumps(shown, indent=2) if given.json else as_text(shown))
    return 1 if shown["audit"] and shown["audit"]["differences"] else 0


def _end(*_: object) -> None:
    """A demo that is told to stop still stops what it started."""
    sys.exit(143)


def _scripted(progress: Progress) -> Json:
    keys = {"DEMO_PRIMARY_KEY": PRIMARY_KEY, "DEMO_SPARE_KEY": SPARE_KEY}
    progress.phase("starting a scripted provider and ccproxy")
    with home() as folder, running_provider() as provider:
        policies = write_policies(folder, provider.url)
        with running_ccproxy(folder, policies, keys) as url:
            play(url, provider, progress)
            return _settled(url, provider, progress)


def _settled(url: str, provider: RunningProvider, progress: Progress) -> Json:
    progress.phase("waiting for the ledger")
    seen = provider.settled_calls()
    settled_usage(url, len(attempts(seen)))
    told = usage(url, "rule")
    progress.phase("stopping")
    shown = receipt(told, metrics(url), audit(seen, told), calls=progress.calls, url=url)
    progress.done()
    return shown


if __name__ == "__main__":
    sys.exit(main())
