"""What later releases lay otherwise."""

from __future__ import annotations

__all__ = ["QUOTES", "TOLD_BY_WRITER"]

# A line may print no change or no percent: what it does not print is NULL.
QUOTES = """
CREATE TABLE quotes_anew (             -- one line of a strip: the raw time series
  strip_id INTEGER NOT NULL REFERENCES strips (id),
  line INTEGER NOT NULL CHECK (line > 0),
  board TEXT NOT NULL CHECK (board IN ('stocks', 'index')),
  symbol TEXT NOT NULL CHECK (length(symbol) BETWEEN 1 AND 40),
  price REAL NOT NULL CHECK (price > 0 AND price < 1e12),
  change REAL CHECK (abs(change) < 1e12),
  percent REAL CHECK (abs(percent) < 1e12),
  -- In twos: of a longer list SQLite makes a table, anew for each row.
  direction TEXT NOT NULL CHECK (direction IN ('up', 'down') OR direction = 'flat'),
  reference_price REAL CHECK (abs(reference_price) < 1e13),
  verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'percent_mismatch')
    OR verdict IN ('sign_conflict', 'impossible_reference')
    OR verdict IN ('out_of_range', 'unchecked')),
  raw TEXT NOT NULL,
  CHECK (verdict IN ('sign_conflict', 'unchecked') OR change + percent IS NOT NULL),
  CHECK ((reference_price IS NULL) = (change IS NULL)),
  PRIMARY KEY (strip_id, line)
) STRICT, WITHOUT ROWID;
INSERT INTO quotes_anew SELECT * FROM quotes;
DROP TABLE quotes;
ALTER TABLE quotes_anew RENAME TO quotes;
CREATE INDEX quotes_symbol ON quotes (symbol, strip_id);
-- They went with the table.
CREATE TRIGGER quotes_changed AFTER UPDATE ON quotes BEGIN DELETE FROM drawn_by; END;
CREATE TRIGGER quotes_gone AFTER DELETE ON quotes BEGIN DELETE FROM drawn_by; END;
"""

# A trigger took as long as the row itself, so who stores new rows says that they wait.
TOLD_BY_WRITER = """
DROP TRIGGER articles_unlinked;
DROP TRIGGER articles_unsearched;
DROP TRIGGER pages_undrawn;
"""
