"""The database: engine and units, tables, one module of queries for each aggregate."""
