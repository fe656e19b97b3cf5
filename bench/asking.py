"""One plain call to a gateway, to see whether it serves. Next: `cold_start.py`."""

from __future__ import annotations

import http.client
import time

from bench import places
from bench.target import Target

_EVERY_S = 0.01


def wait_for_answer(target: Target, *, provider_port: int, port: int, timeout_s: float) -> bool:
    """Has a call been answered with 200 within the time?"""
    give_up = time.monotonic() + timeout_s
    while time.monotonic() < give_up:
        if _answers(target, provider_port, port):
            return True
        time.sleep(_EVERY_S)
    return False


def _answers(target: Target, provider_port: int, port: int) -> bool:
    body = (places.BODIES / target.body("1k")).read_bytes()
    headers = dict(line.split(": ", 1) for line in target.headers(provider_port))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", target.path, body, {"content-type": "application/json", **headers})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
