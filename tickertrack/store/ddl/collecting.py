"""Tables of collecting: what is remembered of addresses, hosts, archives and scans."""

from __future__ import annotations

__all__ = ["ASKED_FOR_WHOM", "BACKFILLING", "COLLECTING", "MERGED"]

# What the daemon remembers between its runs.
COLLECTING = """
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
BACKFILLING = """
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

# What is kept of an answer is one publisher's, and what he is known by then.
ASKED_FOR_WHOM = """
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
MERGED = """
CREATE TABLE merged_parts (       -- a part of a scan whose facts are stored
  note TEXT PRIMARY KEY,          -- a digest of its note
  input TEXT NOT NULL             -- what it was read from
) STRICT, WITHOUT ROWID;
"""
