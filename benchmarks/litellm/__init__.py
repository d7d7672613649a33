"""LiteLLM's proxy as a peer of the gateway in benchmarks: run where it is installed, never installed from here."""
