"""The official TypeScript SDKs, straight at the scripted provider and through ccproxy."""
