"""Facts as tables of Parquet, and back: what SQLite's tables hold, column by column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from tickertrack.store.batch import merged_article
from tickertrack.store.facts import Facts, PageFacts, PageRow, Refusal, Row, StripFacts

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TABLES", "Rows", "facts_from", "rows_of", "rows_out", "schema_of", "table_of"]

# By table, in the order in which they are written: a page comes after all that it names. `!`: no
# row is without one. Pages carry beside their columns what storing them asks for.
_COLUMNS = {
    "strips": "id:int64! digest:string! dialect:string! lines:int64!",
    "quotes": "strip_id:int64! line:int64! board:string! symbol:string! price:float64!"
    " change:float64 percent:float64 direction:string! reference_price:float64"
    " verdict:string! raw:string!",
    "articles": "id:int64! url:string title:string byline:string published_at:string"
    " published_precision:string publisher:string text:string! tags:string! sha256:string!",
    "quarantine": "page_id:int64 file:string! line:int64 reason:string! raw:string",
    "pages": "id:int64! url:string publisher:string captured_at:string capture_basis:string!"
    " page_date:string published_at:string published_precision:string article_id:int64!"
    " strip_id:int64 sha256:string! file:string! offset:int64! length:int64! undated_id:int64!"
    " found:int64!",
}
TABLES = tuple(_COLUMNS)

Rows = Mapping[str, Sequence[Row]]


@cache
def schema_of(table: str) -> pa.Schema:
    """Give a table's columns."""
    # Imported where it is used: only a scan and its merge write and read parts.
    import pyarrow as pa  # noqa: PLC0415

    pairs = (column.split(":") for column in _COLUMNS[table].split())
    return pa.schema(
        pa.field(name, getattr(pa, kind.rstrip("!"))(), nullable=not kind.endswith("!"))
        for name, kind in pairs
    )


def table_of(table: str, rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Lay out rows as a table."""
    import pyarrow as pa  # noqa: PLC0415

    columns: Iterable[Sequence[object]] = zip(*rows, strict=True) if rows else ((),) * len(schema)
    kinds = schema_of(table).types
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def rows_out(table: pa.Table) -> list[Row]:
    """Give a table's rows."""
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def rows_of(facts: Facts) -> Rows:
    """Lay out facts as rows; of an article's copies, what storing them would leave."""
    strips = facts.strips.values()
    # A page that comes twice is refused its lines once.
    distinct = {page.id: page for page in facts.pages}.values()
    return {
        "strips": [one.row for one in strips],
        "quotes": [quote for one in strips for quote in one.quotes],
        "articles": _articles(facts.pages),
        "quarantine": [row for page in distinct for row in _refused(page)],
        "pages": [(*page.row, page.undated_id, page.found) for page in facts.pages],
    }


def facts_from(rows: Rows) -> Facts:
    """Give the facts that `rows_of` laid out; raises KeyError for a page without its article."""
    articles = {row[0]: row for row in rows["articles"]}
    refused: dict[object, list[Refusal]] = {}
    for page_id, _, *refusal in rows["quarantine"]:
        if page_id is not None:
            refused.setdefault(page_id, []).append(tuple(refusal))  # type: ignore[arg-type]
    strips = {row[0]: StripFacts(row, []) for row in rows["strips"]}
    for quote in rows["quotes"]:
        strips[quote[0]].quotes.append(quote)
    pages = [
        PageFacts(undated, row, articles[row.article_id], found, tuple(refused.get(row.id, ())))  # type: ignore[arg-type]
        for *columns, undated, found in rows["pages"]
        for row in (PageRow._make(columns),)
    ]
    return Facts(pages, strips)  # type: ignore[arg-type]


def _articles(pages: Iterable[PageFacts]) -> list[Row]:
    merged: dict[int, Row] = {}
    for page in pages:
        before = merged.get(page.article_id)
        merged[page.article_id] = merged_article(before, page.article) if before else page.article
    return list(merged.values())


def _refused(page: PageFacts) -> Iterator[Row]:
    return ((page.id, page.file, *refusal) for refusal in page.refused)
