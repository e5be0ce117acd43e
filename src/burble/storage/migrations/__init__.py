"""Migrations of the schema, one file a step in `versions`; `burble.storage.migrate` applies them."""
