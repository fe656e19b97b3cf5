"""Where one ccproxy keeps its state: the paths under CCPROXY_HOME, open to their owner only. Next: `state.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


@dataclass(frozen=True)
class Home:
    """The layout below `root`. Paths only; `create` makes the folders."""

    root: Path

    @property
    def policies(self) -> Path:
        return self.root / "policies"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def snapshot(self) -> Path:
        return self.run / "snapshot.json"

    @property
    def accounts(self) -> Path:
        return self.run / "accounts.json"

    @property
    def state(self) -> Path:
        return self.run / "state.json"

    @property
    def ledger_token(self) -> Path:
        return self.run / "ledger.token"

    @property
    def lock(self) -> Path:
        return self.run / "supervisor.lock"

    @property
    def pg(self) -> Path:
        return self.root / "pg"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def spool(self, process: str) -> Path:
        """The folder where `process` keeps what it has not handed over yet."""
        return self.root / "spool" / process

    def log(self, process: str) -> Path:
        """The file that takes stdout and stderr of `process`."""
        return self.logs / f"{process}.log"

    def create(self) -> None:
        """Make every folder, mode 0700. Raises `OSError` when the disk or its permissions refuse."""
        for folder in (
            self.root,
            self.policies,
            self.run,
            self.logs,
            self.spool("sidecar"),
            self.spool("ledger"),
            self.pg,
        ):
            folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        for folder in (self.root, self.run):
            folder.chmod(PRIVATE_FOLDER)
