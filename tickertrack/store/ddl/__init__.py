"""The commented DDL that migrations lay, by subject; each text stays as it was first laid."""
