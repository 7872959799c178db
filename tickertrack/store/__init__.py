"""All SQL lives here: schema.py (migrations), ddl/ (what they lay), write.py, read.py."""
