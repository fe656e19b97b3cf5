"""The program in a test's pods: an agent that knows nothing of ccproxy.

It reads the variables that SDKs read, calls, and ends. Runs with the standard library alone. Prints one JSON line per
answer. Must not import anything of the project.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

WATCHED = ("x-ccproxy-rule", "x-ccproxy-target", "x-ccproxy-call")


def call(*, model: str, stream: bool, words: str) -> dict[str, object]:
    """One Chat call as the OpenAI SDK would make it."""
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": words}]}
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        data=json.dumps(body).encode(),
        headers={"authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return {"status": answer.status, "ended": _read(answer, stream), **_headers(answer.headers)}
    except urllib.error.HTTPError as refused:
        return {"status": refused.code, "text": refused.read().decode()[:500], **_headers(refused.headers)}
    except OSError as error:
        return {"status": 0, "text": repr(error)}


def _read(answer, stream: bool) -> bool:  # type: ignore[no-untyped-def]
    """Read to the end; a stream tells how far it came and whether its own end was seen."""
    if not stream:
        return bool(json.loads(answer.read())["choices"])
    ended = False
    for number, line in enumerate(answer):
        if number % 10 == 0:
            print(json.dumps({"line": number}), flush=True)
        ended = ended or line.strip() == b"data: [DONE]"
    return ended


def _headers(headers) -> dict[str, str]:  # type: ignore[no-untyped-def]
    return {name: headers[name] for name in WATCHED if headers.get(name)}


def main() -> int:
    """`agent.py CALLS PAUSE_S MODEL [stream]`; CALLS 0: until it is ended. 0: every call was answered."""
    calls, pause_s, model = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    good, number = True, 0
    while calls == 0 or number < calls:
        number += 1
        answer = call(model=model, stream="stream" in sys.argv[4:], words=f"question {number}")
        print(json.dumps(answer | {"at": round(time.time(), 1)}), flush=True)
        good = good and answer["status"] == 200 and answer.get("ended") is True
        time.sleep(pause_s)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
