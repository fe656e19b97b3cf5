"""How the operator marks what it makes: as the manager of fields, and by labels that the uninstall hook deletes by.

Must not hold behaviour. Next: `api.py`.
"""

from __future__ import annotations

from typing import Final

OPERATOR: Final = "ccproxy-operator"
"""Its field manager, and the name of its Deployment, ServiceAccount, Service and Lease."""
MADE: Final = {"app.kubernetes.io/managed-by": OPERATOR, "app.kubernetes.io/part-of": "ccproxy"}
"""Labels of every object that the operator makes."""
MADE_SELECTOR: Final = f"app.kubernetes.io/managed-by={OPERATOR}"
