"""One way out for all that is recorded: bounded queues, one polite worker thread, two transports, two places on disk.

`lane` holds a signal's queue and its books, `worker` empties the lanes, `encode` and `ledger_record` make OTLP bytes,
`http` and `grpc` send them, `spool` keeps ledger entries that could not be delivered, `journal` those that wait in
memory, and `recovery` takes over what ended processes left of both.

Never: an item that ends in no counter, or in two.
"""
