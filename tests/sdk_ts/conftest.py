"""The Node tests of this folder run twice: straight at the scripted provider, and through a real sidecar process."""

from __future__ import annotations

from tests.fakes.endpoints import endpoint, scripted_provider, sidecar_url

__all__ = ["endpoint", "scripted_provider", "sidecar_url"]
