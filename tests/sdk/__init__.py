"""The official Python SDKs, straight at the scripted provider and through ccproxy: the same tests for both."""
