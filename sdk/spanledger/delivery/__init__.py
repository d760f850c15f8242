"""One way out for all that is recorded: bounded queues, one polite worker thread, two transports, a spool on disk.

`lane` holds a signal's queue and its books, `worker` empties the lanes, `encode` and `ledger_record` make OTLP bytes,
`http` and `grpc` send them, `spool` keeps ledger entries that could not be delivered.

Never: an item that ends in no counter, or in two.
"""
