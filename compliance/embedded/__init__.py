"""One machine's own Postgres, Valkey and sample media: standard library only, and nothing else of this project."""
