"""Questions with a name, in SQL, for whoever looks at the database through Datasette."""

from __future__ import annotations

from typing import Any

__all__ = ["CANNED"]

_LAST_PRICES = """
WITH RECURSIVE known (symbol) AS (
  SELECT min(symbol) FROM prices UNION ALL
  SELECT (SELECT min(symbol) FROM prices WHERE symbol > known.symbol) FROM known
  WHERE symbol IS NOT NULL
)
SELECT prices.* FROM known
JOIN prices ON prices.symbol = known.symbol
  AND session = (SELECT max(session) FROM prices WHERE symbol = known.symbol)
ORDER BY prices.symbol
"""
_WITHOUT_NEWS = """
SELECT symbol, session, price, change, change_percent, status,
  (SELECT count(*) FROM alignments WHERE alignments.session = prices.session) AS articles_read
FROM prices
WHERE session = :session
  AND NOT EXISTS (
    SELECT 1 FROM links WHERE links.session = prices.session AND links.symbol = prices.symbol
      AND relation IN ('about', 'mention')
  )
ORDER BY abs(change_percent) DESC
"""
_KNOWN_AT = """
SELECT symbol, session, method, price, reference_price, verdict, captured_at, stored_at, url, raw
FROM quotes
JOIN pages ON pages.strip_id = quotes.strip_id
LEFT JOIN sittings ON sittings.page_id = pages.id AND sittings.board = quotes.board
WHERE symbol = :symbol AND (:stored_by = '' OR stored_at <= :stored_by)
ORDER BY session DESC, captured_at DESC
"""

CANNED: dict[str, dict[str, Any]] = {
    "last_prices": {
        "sql": _LAST_PRICES.strip(),
        "title": "The last price of each symbol",
        "description": "One row for each symbol: its last session, whatever its status.",
    },
    "moves_without_news": {
        "sql": _WITHOUT_NEWS.strip(),
        "title": "Moves of a session without news of their own",
        "description": (
            "The session's moves, the largest first, that no article is about or mentions."
            " Where no article was read at all, that says nothing: see articles_read."
        ),
        "params": ["session"],
    },
    "known_at": {
        "sql": _KNOWN_AT.strip(),
        "title": "What was known of a symbol at a time",
        "description": (
            "Its lines, the latest first, on pages that had been stored by then (a day, or a time"
            " as 2024-05-08T17:00+05:00, UTC where it does not say; all where there is none),"
            " placed on sessions as they are now."
            " `tickertrack history SYMBOL --as-of TIME`"
            " draws the prices anew from those facts alone."
        ),
        "params": ["symbol", "stored_by"],
    },
}
