"""What people write: RoutingPolicy, ModelBackend, Tenant and (on a laptop) Secret, as pydantic models."""
