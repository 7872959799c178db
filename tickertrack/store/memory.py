"""The tables that resolve keeps between two calls: docs/dating.md, "One more day"."""

from __future__ import annotations

__all__ = ["MEMORY"]

MEMORY = """
CREATE TABLE vectors (            -- reference prices of a board, as some strips show them
  id INTEGER PRIMARY KEY,
  board TEXT NOT NULL CHECK (board IN ('stocks', 'index')),
  flat INTEGER NOT NULL CHECK (flat IN (0, 1)),
  prices TEXT NOT NULL,           -- a JSON object: symbol to 1/10,000
  node INTEGER                    -- the least vector of its session; NULL where it tells too little
) STRICT;
CREATE INDEX vectors_node ON vectors (node);

CREATE TABLE vector_strips (      -- which strip's board shows which
  strip_id INTEGER NOT NULL,
  board TEXT NOT NULL,
  vector INTEGER NOT NULL,
  PRIMARY KEY (strip_id, board)
) STRICT, WITHOUT ROWID;
CREATE INDEX vector_strips_vector ON vector_strips (vector);

CREATE TABLE vector_keys (        -- a symbol's price as one number, and whose it is
  key INTEGER NOT NULL,
  part TEXT NOT NULL CHECK (part IN ('telling', 'reference', 'price', 'slight', 'still')),
  vector INTEGER NOT NULL,
  PRIMARY KEY (key, part, vector)
) STRICT, WITHOUT ROWID;

CREATE TABLE nodes (              -- the boards of one session
  id INTEGER PRIMARY KEY,
  own BLOB NOT NULL,              -- what dates and series say of it, a likelihood for each day
  best INTEGER NOT NULL,          -- its likeliest day, counted from the first one
  peak REAL NOT NULL,             -- the probability of that
  witnessed INTEGER NOT NULL CHECK (witnessed IN (0, 1)) -- by numbers other than its own
) STRICT;

CREATE TABLE joints (             -- two nodes, and how their sessions stand to each other
  one INTEGER NOT NULL,
  two INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('next', 'same', 'page')),
  bits REAL NOT NULL,
  weight REAL NOT NULL,
  chosen INTEGER NOT NULL CHECK (chosen IN (0, 1)), -- of the forest
  forward BLOB, backward BLOB,    -- what each end tells the other
  PRIMARY KEY (one, two, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX joints_two ON joints (two);
CREATE INDEX joints_weight ON joints (weight, chosen);

CREATE TABLE slight_boards (      -- a board in no node: what the numbers of others say of it
  page_id INTEGER NOT NULL,
  board TEXT NOT NULL,
  first INTEGER,                  -- the day that nodes alone place it on, where that is likely
  alone TEXT NOT NULL,            -- a JSON object: day to bits, by the numbers of nodes
  together TEXT NOT NULL,         -- and by those of boards in no node as well
  PRIMARY KEY (page_id, board)
) STRICT, WITHOUT ROWID;
CREATE TABLE slight_days (        -- a day that such a board's page names by its dates
  place INTEGER NOT NULL,         -- counted as nodes count
  page_id INTEGER NOT NULL,
  board TEXT NOT NULL,
  PRIMARY KEY (place, page_id, board)
) STRICT, WITHOUT ROWID;
CREATE INDEX slight_days_page ON slight_days (page_id);
CREATE INDEX slight_boards_first ON slight_boards (first);
CREATE INDEX nodes_best ON nodes (best);

CREATE TABLE chains (             -- how often last prices were the next session's references
  session TEXT NOT NULL,
  publisher TEXT NOT NULL,
  held INTEGER NOT NULL,
  compared INTEGER NOT NULL,
  PRIMARY KEY (session, publisher)
) STRICT, WITHOUT ROWID;

CREATE TABLE undrawn_pages (      -- a page that is new since boards were last dated
  page_id INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE drawn_by (           -- what conclusions rest on; without it all are drawn anew
  rules TEXT NOT NULL,
  first TEXT NOT NULL, last TEXT NOT NULL, -- the days that pages and series name
  boards INTEGER NOT NULL
) STRICT;

CREATE INDEX sittings_session ON sittings (session);

CREATE TRIGGER pages_undrawn AFTER INSERT ON pages WHEN new.strip_id IS NOT NULL
  BEGIN INSERT OR IGNORE INTO undrawn_pages VALUES (new.id); END;
-- What is more than a new page changes all: the days that there are, or what was drawn already.
CREATE TRIGGER pages_changed AFTER UPDATE ON pages BEGIN DELETE FROM drawn_by; END;
CREATE TRIGGER pages_gone AFTER DELETE ON pages BEGIN DELETE FROM drawn_by; END;
CREATE TRIGGER quotes_changed AFTER UPDATE ON quotes BEGIN DELETE FROM drawn_by; END;
CREATE TRIGGER quotes_gone AFTER DELETE ON quotes BEGIN DELETE FROM drawn_by; END;
CREATE TRIGGER closes_new AFTER INSERT ON reference_closes BEGIN DELETE FROM drawn_by; END;
CREATE TRIGGER closes_changed AFTER UPDATE ON reference_closes BEGIN DELETE FROM drawn_by; END;
CREATE TRIGGER closes_gone AFTER DELETE ON reference_closes BEGIN DELETE FROM drawn_by; END;
"""
