"""All SQL lives here: schema.py (tables, migrations), write.py, read.py."""
