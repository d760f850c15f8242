// Prometheus 3.15.0, whose Go module counts as v0.315.0: what docker-compose.yml starts, and what `make interop` builds and is held against.
module spanledger.local/prometheus

go 1.26.0

require github.com/prometheus/prometheus v0.315.0

replace cloud.google.com/go => cloud.google.com/go v0.123.0 // as its own go.mod has it
