"""The tables of the first release: facts, conclusions, jobs."""

from __future__ import annotations

__all__ = ["CONCLUSIONS", "DAEMON", "FACTS", "FIRST_LINKS"]

# What was read: facts, never changed. Ids come from content, so that order does not matter.
FACTS = """
CREATE TABLE articles (           -- a piece of news, by canonical URL
  id INTEGER PRIMARY KEY,
  url TEXT,
  title TEXT,
  byline TEXT,
  published_at TEXT,              -- UTC time, or a day of the publisher's where only that is known
  published_precision TEXT CHECK (published_precision IN ('second', 'minute', 'day')),
  publisher TEXT,
  text TEXT NOT NULL,
  tags TEXT NOT NULL,             -- a JSON list
  sha256 TEXT NOT NULL            -- of title, byline, text and tags: the longest copy is kept
) STRICT;

CREATE TABLE strips (             -- a distinct strip: the same lines of the same dialect
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  dialect TEXT NOT NULL,
  lines INTEGER NOT NULL CHECK (lines > 0)
) STRICT;

CREATE TABLE quotes (             -- one line of a strip: the raw time series
  strip_id INTEGER NOT NULL REFERENCES strips (id),
  line INTEGER NOT NULL CHECK (line > 0),
  board TEXT NOT NULL CHECK (board IN ('stocks', 'index')),
  symbol TEXT NOT NULL CHECK (length(symbol) BETWEEN 1 AND 40),
  price REAL NOT NULL CHECK (price > 0 AND price < 1e12),
  change REAL NOT NULL CHECK (abs(change) < 1e12),
  percent REAL NOT NULL CHECK (abs(percent) < 1e12),
  direction TEXT NOT NULL CHECK (direction IN ('up', 'down', 'flat')),
  reference_price REAL NOT NULL CHECK (abs(reference_price) < 1e13),
  verdict TEXT NOT NULL CHECK (verdict IN
    ('ok', 'percent_mismatch', 'sign_conflict', 'impossible_reference', 'out_of_range')),
  raw TEXT NOT NULL,
  PRIMARY KEY (strip_id, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX quotes_symbol ON quotes (symbol, strip_id);

CREATE TABLE pages (              -- a captured copy
  id INTEGER PRIMARY KEY,
  url TEXT,
  publisher TEXT,
  captured_at TEXT,
  capture_basis TEXT NOT NULL
    CHECK (capture_basis IN ('http', 'warc', 'stated', 'given', 'unknown')),
  page_date TEXT,
  published_at TEXT,
  published_precision TEXT CHECK (published_precision IN ('second', 'minute', 'day')),
  article_id INTEGER NOT NULL REFERENCES articles (id),
  strip_id INTEGER REFERENCES strips (id),
  sha256 TEXT NOT NULL,
  file TEXT NOT NULL,             -- the locator: file, byte offset and length (Parquet: row, 1)
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL,
  stored_at TEXT NOT NULL
) STRICT;
CREATE INDEX pages_strip ON pages (strip_id);
CREATE INDEX pages_article ON pages (article_id);

CREATE TABLE quarantine (         -- a line or page refused
  id INTEGER PRIMARY KEY,
  page_id INTEGER REFERENCES pages (id),
  file TEXT NOT NULL,
  line INTEGER,                   -- the line of the page's text, or the record of the file
  reason TEXT NOT NULL,
  raw TEXT NOT NULL
) STRICT;

CREATE TABLE reference_closes (   -- an imported daily series: evidence for dating, never a price
  symbol TEXT NOT NULL,
  session TEXT NOT NULL,
  close REAL NOT NULL CHECK (close > 0 AND close < 1e12),
  stored_at TEXT NOT NULL,
  PRIMARY KEY (symbol, session)
) STRICT, WITHOUT ROWID;
"""

# What follows from the facts: conclusions, replaced as a whole.
CONCLUSIONS = """
CREATE TABLE sittings (           -- a board of a page, placed on a session or left undated
  page_id INTEGER NOT NULL REFERENCES pages (id),
  board TEXT NOT NULL CHECK (board IN ('stocks', 'index')),
  session TEXT,
  method TEXT CHECK (method IN ('matched', 'captured', 'stated')),
  confidence REAL CHECK (confidence BETWEEN 0 AND 1),
  evidence TEXT NOT NULL,         -- a JSON object
  PRIMARY KEY (page_id, board)
) STRICT, WITHOUT ROWID;

CREATE TABLE prices (             -- the time series: one row per symbol and session
  symbol TEXT NOT NULL,
  session TEXT NOT NULL,
  price REAL NOT NULL CHECK (price > 0 AND price < 1e13),
  reference_price REAL CHECK (reference_price > 0 AND reference_price < 1e13),
  change REAL CHECK (abs(change) < 1e13),
  change_percent REAL CHECK (abs(change_percent) < 1e20), -- in percent: 0.6 means 0.6 %
  -- Of the observed quotes; NULL where the price is implied.
  first REAL CHECK (first > 0 AND first < 1e13),
  high REAL CHECK (high > 0 AND high < 1e13),
  low REAL CHECK (low > 0 AND low < 1e13),
  status TEXT NOT NULL CHECK (status IN ('final', 'intraday', 'implied', 'provisional')),
  quotes INTEGER NOT NULL,        -- pages that witness the price's session
  method TEXT NOT NULL CHECK (method IN ('matched', 'captured', 'stated')),
  first_seen TEXT, last_seen TEXT,
  conflict TEXT,                  -- why witnesses cannot all be right; NULL where they agree
  PRIMARY KEY (symbol, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX prices_session ON prices (session);

CREATE TABLE sessions (           -- a trading day; source: calendar, correction or witnessed
  market TEXT NOT NULL,
  session TEXT NOT NULL,
  open_at TEXT NOT NULL,
  close_at TEXT NOT NULL,         -- when last prices stand still, post-close included
  source TEXT NOT NULL,
  PRIMARY KEY (market, session)
) STRICT, WITHOUT ROWID;

CREATE TABLE mentions (           -- a named instrument in an article
  article_id INTEGER NOT NULL REFERENCES articles (id),
  symbol TEXT NOT NULL,
  field TEXT NOT NULL,
  start INTEGER NOT NULL,
  end INTEGER NOT NULL,
  text TEXT NOT NULL,
  kind TEXT NOT NULL,
  PRIMARY KEY (article_id, field, start, symbol)
) STRICT, WITHOUT ROWID;
"""

DAEMON = """
CREATE TABLE runs (               -- one execution of a scheduled job
  id INTEGER PRIMARY KEY,
  job TEXT NOT NULL,
  scheduled_for TEXT,
  started_at TEXT,
  finished_at TEXT,
  status TEXT NOT NULL,
  counts TEXT,
  error TEXT
) STRICT;

CREATE TABLE jobs (               -- requests to a live daemon, from another process
  job TEXT PRIMARY KEY,
  paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
  run_requested_at TEXT
) STRICT, WITHOUT ROWID;
"""

# Never filled: link_news lays it anew in another order.
FIRST_LINKS = """
CREATE TABLE links (
  symbol TEXT NOT NULL,
  session TEXT NOT NULL,
  article_id INTEGER NOT NULL REFERENCES articles (id),
  relation TEXT NOT NULL CHECK (relation IN ('about', 'mention', 'sector', 'market')),
  score REAL NOT NULL,
  evidence TEXT NOT NULL,
  PRIMARY KEY (symbol, session, article_id)
) STRICT, WITHOUT ROWID;
"""
