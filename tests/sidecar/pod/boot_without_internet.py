"""Starts a sidecar whose three own providers live at one address: `python boot_without_internet.py URL`.

Only where the public services are differs from a real one. Run by `test_unconfigured.py`.
"""

from __future__ import annotations

import sys

import msgspec

from ccproxy_sidecar.__main__ import main
from ccproxy_sidecar.providers.table import PROVIDERS

for _name in ("Anthropic", "OpenAI", "Gemini"):
    _profile = PROVIDERS[_name]
    _path = "/v1" if _name == "OpenAI" else ""
    PROVIDERS[_profile.name] = msgspec.structs.replace(_profile, default_url=sys.argv[1] + _path)
sys.exit(main())
