// The parser and the schema that `docker compose` itself is made of.
module spanledger.local/compose

go 1.24

require github.com/compose-spec/compose-go/v2 v2.16.2
