"""The OTLP doors: HTTP and gRPC, one way in behind both."""
