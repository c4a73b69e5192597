"""That tenants and keys are separate, on every route the API declares."""
