"""The embedded Postgres: made once, started with the ledger, stopped with it, recovered when it was killed.

One folder holds all: `data/` (the cluster), `run/` (its socket), `lock`, `postgres.log`. It listens on a Unix socket
in a folder of mode 0700 only, so nobody but its owner can connect. Must not speak SQL: `store.py` does.
Next: `settings.py`.
"""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import signal
import stat
import tempfile
from pathlib import Path
from typing import IO
from urllib.parse import quote

from ccproxy_ledger.postgres_binaries import PostgresUnavailable, binaries
from ccproxy_ledger.postgres_identity import ROOT_MODES, hand_over, identity, launched, run
from ccproxy_ledger.postgres_leftover import drop_misleading_pid_file, stop_leftover
from ccproxy_ledger.postgres_socket import drop_socket_dir, socket_dir

UNFINISHED = "data.new-"
"""How folders of a cluster in the making begin."""

USER = "ccproxy"
READY_S = 60.0
"""Longest wait for `ready`: crash recovery of a large log takes seconds."""
STOP_S = 10.0
CONFIGURATION = {
    "listen_addresses": "",
    "fsync": "on",
    "shared_buffers": "32MB",
    "max_connections": "20",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "256MB",
    "jit": "off",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",  # statements hold what callers sent
    "log_line_prefix": "%m [%p] ",
}
INITDB = ("--username", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions")


class EmbeddedPostgres:
    """One cluster below `root`. Call `start`, then `ended` tells when it has died; `start` again recovers it."""

    def __init__(self, root: Path, *, root_modes: tuple[str, ...] = ROOT_MODES) -> None:
        self._root_modes = root_modes
        self.root = root.absolute()
        self.data_dir = self.root / "data"
        self.socket_dir = self.root / "run"
        self._process: asyncio.subprocess.Process | None = None
        self._lock: IO[bytes] | None = None

    @property
    def url(self) -> str:
        """What asyncpg takes; valid after `start`."""
        return f"postgresql://{USER}@/postgres?host={quote(str(self.socket_dir))}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Bring it up and wait until it takes connections; does nothing while it runs.

        Raises: `PostgresUnavailable` with what to do.
        """
        if self._process is not None and self._process.returncode is None:
            return
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        try:
            await self._start_locked()
        except PostgresUnavailable:
            self._give_lock()
            raise

    async def _start_locked(self) -> None:
        await stop_leftover(self.data_dir)
        drop_misleading_pid_file(self.data_dir)
        programs = binaries(self.data_dir)
        mode = await identity(self.data_dir, programs, modes=self._root_modes)
        if not (self.data_dir / "PG_VERSION").exists():
            await self._create(programs, mode)
        close_folder(self.data_dir)
        self.socket_dir = socket_dir(self.root, mode)
        await self._launch(programs, mode)

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = (self.root / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise PostgresUnavailable(
                f"another ledger uses {self.root}: stop it, or set another folder or --database URL"
            ) from None
        self._lock = lock

    def _give_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def _create(self, programs: Path, mode: str) -> None:
        """Make the cluster beside its place and move it there, so that a kill leaves no half one."""
        unfinished = await asyncio.to_thread(self._fresh_folder)
        hand_over(unfinished, mode)
        command = [str(programs / "initdb"), "-D", str(unfinished), *INITDB]
        status, output = await run(mode, command)
        if status != 0:
            raise PostgresUnavailable(f"initdb failed ({status}): {output.strip()[-400:]}")
        unfinished.rename(self.data_dir)

    def _fresh_folder(self) -> Path:
        """A new folder for the cluster. What killed starts left is removed, though their initdb may still write."""
        for left in self.root.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.root))

    async def _launch(self, programs: Path, mode: str) -> None:
        command = [str(programs / "postgres"), "-D", str(self.data_dir), "-k", str(self.socket_dir)]
        for name, value in CONFIGURATION.items():
            command += ["-c", f"{name}={value}"]
        with self._new_log() as log:
            self._process = await asyncio.create_subprocess_exec(
                *launched(mode, command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await self._until_ready(self._process)

    def _new_log(self) -> IO[bytes]:
        """This run's log; the last run's stays beside it."""
        log = self.root / "postgres.log"
        if log.exists():
            log.rename(self.root / "postgres.log.1")
        return log.open("wb")

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        for _ in range(int(READY_S / 0.01)):
            if process.returncode is not None:
                raise PostgresUnavailable(f"Postgres ended with {process.returncode}: {self._last_words()}")
            if self._is_ready(process.pid):
                return
            await asyncio.sleep(0.01)
        await _end(process)
        raise PostgresUnavailable(f"Postgres is not ready after {READY_S:.0f} s: {self._last_words()}")

    def _is_ready(self, pid: int) -> bool:
        try:
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _last_words(self) -> str:
        return (self.root / "postgres.log").read_text(errors="replace").strip()[-400:]

    async def ended(self) -> int:
        """Wait until the postmaster has ended; its exit status (negative: the signal)."""
        if self._process is None:
            raise RuntimeError("not started")
        return await self._process.wait()

    async def stop(self) -> None:
        """Fast shutdown, harder when it hangs; gives the folder back."""
        if self._process is not None and self._process.returncode is None:
            await _end(self._process)
        drop_socket_dir(self.root, self.socket_dir)
        self._give_lock()


def close_folder(folder: Path) -> None:
    """Postgres refuses a data folder that its group may write; kubelet makes every folder of a volume so (fsGroup)."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        folder.chmod(mode & 0o700)


async def _end(process: asyncio.subprocess.Process) -> None:
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        try:
            process.send_signal(sign)
            async with asyncio.timeout(STOP_S):
                await process.wait()
            return
        except ProcessLookupError:
            return
        except TimeoutError:
            continue
