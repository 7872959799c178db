"""Tables of news: moves beside articles, full-text search, what articles were."""

from __future__ import annotations

__all__ = ["FORMER", "NEWS", "SEARCH_LATER"]

# Moves and their news: conclusions too, and what they have not taken in yet.
NEWS = """
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

# A full-text index takes ten times as long as the article itself: what is stored waits for it.
SEARCH_LATER = """
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
FORMER = """
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
