"""HTTP and gRPC: the only folder that knows either."""
