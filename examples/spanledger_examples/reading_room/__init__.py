"""The reading room: a service of usual parts (FastAPI, PostgreSQL, Redis, Celery, an LLM) and no line of telemetry.

`web` takes orders for summaries of books, `tasks` is the worker that writes them, `shelves` is where they stand. How to
start them under `opentelemetry-instrument` is in docs/integrations.md.

Never: imports spanledger. What is seen of it is seen by instrumentations alone.
"""
