"""The mutating webhook that adds the sidecar to annotated pods.

One review, in reading order: `listener.py` (TLS, HTTP) → `server.py` (sizes, counting) → `review.py` (bytes ↔ decision)
→ `decide.py` (inject, skip or refuse) → `sidecar.py` (what is added) → `environment.py` (what programs are told) →
`patch.py` (as JSON patch) → `present.py` (when it is there already) → `events.py` (what people read afterwards).
Next: `__main__.py`.
"""
