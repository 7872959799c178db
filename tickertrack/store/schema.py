"""The tables, as commented DDL in numbered migrations; sqlite-utils keeps the record of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlite_utils import Database, Migrations

from tickertrack.store.memory import MEMORY

if TYPE_CHECKING:
    import sqlite3

__all__ = ["migrate"]

migrations = Migrations("tickertrack")

# What was read: facts, never changed. Ids come from content, so that order does not matter.
_FACTS = """
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
_CONCLUSIONS = """
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

_DAEMON = """
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
_FIRST_LINKS = """
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

# Moves and their news: conclusions too, and what they have not taken in yet.
_NEWS = """
CREATE TABLE alignments (         -- the first session that could trade an article's news
  article_id INTEGER PRIMARY KEY REFERENCES articles (id),
  session TEXT NOT NULL,
  basis TEXT NOT NULL             -- day: no time of day is known
    CHECK (basis IN ('before_open', 'in_session', 'after_close', 'closed_day', 'day'))
) STRICT;
CREATE INDEX alignments_session ON alignments (session);

CREATE TABLE subjects (           -- what an article is about: an instrument, a sector, the market
  article_id INTEGER NOT NULL REFERENCES articles (id),
  kind TEXT NOT NULL CHECK (kind IN ('symbol', 'sector', 'market')),
  name TEXT NOT NULL,
  score REAL NOT NULL CHECK (score BETWEEN 0 AND 1),
  evidence TEXT NOT NULL,         -- a JSON object
  PRIMARY KEY (article_id, kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX subjects_name ON subjects (name, article_id);
CREATE INDEX mentions_symbol ON mentions (symbol, article_id);
CREATE INDEX articles_published ON articles (published_at);

CREATE TABLE links (              -- a move with evidence for an article
  session TEXT NOT NULL,          -- first in the key: a session's links are replaced as a whole
  symbol TEXT NOT NULL,
  article_id INTEGER NOT NULL REFERENCES articles (id),
  relation TEXT NOT NULL CHECK (relation IN ('about', 'mention', 'sector', 'market')),
  score REAL NOT NULL CHECK (score BETWEEN 0 AND 1),
  evidence TEXT NOT NULL,         -- a JSON object: every factor of the score
  PRIMARY KEY (session, symbol, article_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE actions (            -- a chain break, and the corporate action that would explain it
  symbol TEXT NOT NULL,
  session TEXT NOT NULL,          -- the first one at the new terms
  kind TEXT NOT NULL CHECK (kind IN ('bonus', 'split', 'dividend', 'right', 'unexplained')),
  factor REAL NOT NULL CHECK (factor > 0), -- prices before, times this, compare with those after
  amount REAL,                    -- of a dividend, per share
  evidence TEXT NOT NULL,         -- a JSON object
  PRIMARY KEY (symbol, session)
) STRICT, WITHOUT ROWID;

CREATE TABLE unlinked_articles (  -- an article that is new, or changed since it was read for names
  article_id INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE unlinked_sessions (  -- a session whose prices or articles changed since it was linked
  session TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE linked_by (          -- the digest of the names, hours and rules that were in force
  rules TEXT NOT NULL
) STRICT;

CREATE TRIGGER articles_unlinked AFTER INSERT ON articles
  BEGIN INSERT OR IGNORE INTO unlinked_articles VALUES (new.id); END;
CREATE TRIGGER articles_changed AFTER UPDATE ON articles
  BEGIN INSERT OR IGNORE INTO unlinked_articles VALUES (new.id); END;

CREATE VIEW moves_news AS         -- every price beside every article of its session
  SELECT prices.symbol, prices.session, price, reference_price, change, change_percent, status,
    relation, score, title, url, publisher, published_at, published_precision, basis,
    articles.id AS article_id
  FROM prices
  JOIN alignments ON alignments.session = prices.session
  JOIN articles ON articles.id = alignments.article_id
  LEFT JOIN links ON links.symbol = prices.symbol AND links.session = prices.session
    AND links.article_id = articles.id;
"""


# What the daemon remembers between its runs.
_COLLECTING = """
ALTER TABLE runs ADD COLUMN cause TEXT NOT NULL DEFAULT 'schedule'
  CHECK (cause IN ('schedule', 'start', 'catch-up', 'request', 'once'));
-- How many times of the schedule a row stands for.
ALTER TABLE runs ADD COLUMN fires INTEGER NOT NULL DEFAULT 1;
ALTER TABLE jobs ADD COLUMN schedule TEXT;
ALTER TABLE jobs ADD COLUMN next_run_at TEXT;
-- Why a job's file was not loaded.
ALTER TABLE jobs ADD COLUMN refused TEXT;
CREATE INDEX runs_job ON runs (job, id);

CREATE TABLE fetches (            -- an address that a publisher's feeds name, and what became of it
  url TEXT PRIMARY KEY,           -- of a page: its article's one address
  address TEXT NOT NULL,          -- as found, and as it is asked for
  publisher TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('feed', 'page')),
  state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'refused')),
  found_at TEXT NOT NULL,
  fetched_at TEXT,                -- its last whole answer
  etag TEXT, last_modified TEXT,  -- exactly as received
  failures INTEGER NOT NULL DEFAULT 0,
  not_before TEXT,                -- when a failed one is asked again
  reason TEXT                     -- the last fault
) STRICT, WITHOUT ROWID;
CREATE INDEX fetches_waiting ON fetches (publisher, kind, state, found_at);

CREATE TABLE hosts (              -- manners towards a host that outlive a restart
  host TEXT PRIMARY KEY,
  last_request_at TEXT,
  not_before TEXT,                -- by its Retry-After, or while its circuit is open
  failures INTEGER NOT NULL DEFAULT 0,
  robots BLOB, robots_status INTEGER, robots_fetched_at TEXT,
  skew REAL                       -- its clock less ours, in seconds
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (             -- a rule that holds for a subject, and was told
  rule TEXT NOT NULL,
  subject TEXT NOT NULL,
  since TEXT NOT NULL,
  PRIMARY KEY (rule, subject)
) STRICT, WITHOUT ROWID;
"""

# What archives on the net hold of the past, and what was fetched of it.
_BACKFILLING = """
CREATE TABLE backfills (          -- a question to an archive's index, and how far it is answered
  source TEXT NOT NULL,           -- the archive, as --from names it
  index_url TEXT NOT NULL,
  domain TEXT NOT NULL,
  since TEXT NOT NULL,            -- captures from then ...
  until TEXT NOT NULL,            -- ... to then, both included
  cursor TEXT NOT NULL,           -- where the next answer begins, in the index's own way
  answers INTEGER NOT NULL,
  answered_at TEXT,               -- when the last answer came; NULL while more are to come
  PRIMARY KEY (source, index_url, domain, since)
) STRICT, WITHOUT ROWID;

CREATE TABLE captures (           -- a copy that an archive's index lists, and what became of it
  source TEXT NOT NULL,
  publisher TEXT NOT NULL,
  captured_at TEXT NOT NULL,
  url TEXT NOT NULL,
  digest TEXT,                    -- of its content, as the index has it
  length INTEGER,                 -- of its record, packed
  file TEXT, offset INTEGER,      -- where its record lies; NULL where it is only replayed
  state TEXT NOT NULL CHECK (state IN ('listed', 'done', 'refused')),
  failures INTEGER NOT NULL,
  not_before TEXT,                -- when one that failed may be asked for again
  reason TEXT,                    -- the last fault
  PRIMARY KEY (source, publisher, captured_at, url)
) STRICT, WITHOUT ROWID;
"""


# A full-text index takes ten times as long as the article itself: what is stored waits for it.
_SEARCH_LATER = """
CREATE TABLE unsearched_articles ( -- an article that full-text search does not find yet
  article_id INTEGER PRIMARY KEY
) STRICT;
DROP TRIGGER articles_ai;
DROP TRIGGER articles_au;
DROP TRIGGER articles_ad;
-- Its pages are to fit into ours: damage to what runs over is seen by no check but its own.
INSERT INTO articles_fts (articles_fts, rank) VALUES ('pgsz', 3900);
CREATE TRIGGER articles_unsearched AFTER INSERT ON articles
  BEGIN INSERT OR IGNORE INTO unsearched_articles VALUES (new.id); END;
CREATE TRIGGER articles_searched_otherwise AFTER UPDATE OF title, text ON articles BEGIN
  INSERT INTO articles_fts (articles_fts, rowid, title, text)
    SELECT 'delete', old.id, old.title, old.text
    WHERE old.id NOT IN (SELECT article_id FROM unsearched_articles);
  INSERT OR IGNORE INTO unsearched_articles VALUES (new.id); END;
CREATE TRIGGER articles_searched_no_more AFTER DELETE ON articles BEGIN
  INSERT INTO articles_fts (articles_fts, rowid, title, text)
    SELECT 'delete', old.id, old.title, old.text
    WHERE old.id NOT IN (SELECT article_id FROM unsearched_articles);
  DELETE FROM unsearched_articles WHERE article_id = old.id; END;
"""


# Articles' earlier copies, for questions as of a time.
_FORMER = """
CREATE TABLE former_articles (    -- what an article was until a copy with more of it was stored
  id INTEGER NOT NULL,
  url TEXT,
  title TEXT,
  byline TEXT,
  published_at TEXT,
  published_precision TEXT,
  publisher TEXT,
  text TEXT NOT NULL,
  tags TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  replaced_at TEXT NOT NULL,
  PRIMARY KEY (id, replaced_at)
) STRICT;
"""


# A line may print no change or no percent: what it does not print is NULL.
_QUOTES = """
CREATE TABLE quotes_anew (             -- one line of a strip: the raw time series
  strip_id INTEGER NOT NULL REFERENCES strips (id),
  line INTEGER NOT NULL CHECK (line > 0),
  board TEXT NOT NULL CHECK (board IN ('stocks', 'index')),
  symbol TEXT NOT NULL CHECK (length(symbol) BETWEEN 1 AND 40),
  price REAL NOT NULL CHECK (price > 0 AND price < 1e12),
  change REAL CHECK (abs(change) < 1e12),
  percent REAL CHECK (abs(percent) < 1e12),
  direction TEXT NOT NULL CHECK (direction IN ('up', 'down', 'flat')),
  reference_price REAL CHECK (abs(reference_price) < 1e13),
  verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'percent_mismatch', 'sign_conflict',
    'impossible_reference', 'out_of_range', 'unchecked')),
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

# What is kept of an answer is one publisher's, and what he is known by then.
_ASKED_FOR_WHOM = """
DROP TABLE backfills;
CREATE TABLE backfills (          -- a question to an archive's index, and how far it is answered
  source TEXT NOT NULL,           -- the archive, as --from names it
  publisher TEXT NOT NULL,
  index_url TEXT NOT NULL,
  domain TEXT NOT NULL,
  since TEXT NOT NULL,            -- captures from then ...
  until TEXT NOT NULL,            -- ... to then, both included
  wanted TEXT NOT NULL,           -- which of them were: a hash of hosts and form of addresses
  cursor TEXT NOT NULL,           -- where the next answer begins, in the index's own way
  answers INTEGER NOT NULL,
  answered_at TEXT,               -- when the last answer came; NULL while more are to come
  PRIMARY KEY (source, publisher, index_url, domain, since)
) STRICT, WITHOUT ROWID;
"""

# Parts of scans, that a folder of many is merged again for its new ones only.
_MERGED = """
CREATE TABLE merged_parts (       -- a part of a scan whose facts are stored
  note TEXT PRIMARY KEY,          -- a digest of its note
  input TEXT NOT NULL             -- what it was read from
) STRICT, WITHOUT ROWID;
"""


# A trigger took as long as the row itself, so who stores new rows says that they wait.
_TOLD_BY_WRITER = """
DROP TRIGGER articles_unlinked;
DROP TRIGGER articles_unsearched;
DROP TRIGGER pages_undrawn;
"""


@migrations()
def create_tables(db: Database) -> None:
    """Lay the tables of the first release."""
    for script in (_FACTS, _CONCLUSIONS, _FIRST_LINKS, _DAEMON):
        _lay(db, script)


@migrations()
def search_articles(db: Database) -> None:
    """Index titles and texts for full-text search, kept current by triggers."""
    articles = db.table("articles")
    articles.enable_fts(["title", "text"], create_triggers=True, tokenize="porter")


@migrations()
def remember_fetches(db: Database) -> None:
    """Lay what the daemon remembers: addresses, hosts, and why a run took place."""
    _lay(db, _COLLECTING)


@migrations()
def link_news(db: Database) -> None:
    """Lay the tables of moves and their news; what is stored already waits to be linked."""
    db.conn.execute("DROP TABLE links")
    _lay(db, _NEWS)
    db.conn.execute("INSERT INTO unlinked_articles SELECT id FROM articles")


@migrations()
def find_refusals(db: Database) -> None:
    """Index refusals by page: a page that reads otherwise takes its own with it."""
    db.conn.execute("CREATE INDEX quarantine_page ON quarantine (page_id)")


@migrations()
def search_later(db: Database) -> None:
    """Let articles wait for full-text search, until they are read for names."""
    # Its triggers hold statements of their own.
    for statement in (part.strip() for part in re.split(r"(?<=;)\n(?=[A-Z-])", _SEARCH_LATER)):
        db.conn.execute(statement)


@migrations()
def remember_drawings(db: Database) -> None:
    """Lay the tables of what resolve keeps; the next one draws all anew, and fills them."""
    _lay(db, MEMORY)


@migrations()
def remember_archives(db: Database) -> None:
    """Lay what is remembered of archives on the net: their indexes' answers, and each capture."""
    _lay(db, _BACKFILLING)


@migrations()
def remember_articles(db: Database) -> None:
    """Lay what articles were before longer copies of them; of those stored by now nothing is."""
    _lay(db, _FORMER)


@migrations()
def leave_unchecked(db: Database) -> None:
    """Let quotes lack what their lines do not print."""
    _lay(db, _QUOTES)


@migrations()
def tell_by_writer(db: Database) -> None:
    """Let new articles and pages wait by a sweep of whoever stores them, not row by row."""
    _lay(db, _TOLD_BY_WRITER)


@migrations()
def ask_for_each_publisher(db: Database) -> None:
    """Forget which answers of archives' indexes there were: they are asked again, for each."""
    _lay(db, _ASKED_FOR_WHOM)


@migrations()
def remember_merges(db: Database) -> None:
    """Lay what is remembered of merged parts; those that were by now are merged once more."""
    _lay(db, _MERGED)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, inside the transaction that the caller has begun."""
    # Plugins of the machine's other programs have no business on this connection.
    migrations.apply(Database(connection, execute_plugins=False))


def _lay(db: Database, script: str) -> None:
    """Run the statements of a script, none of which holds others."""
    for statement in script.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)
