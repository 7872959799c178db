"""The documents say what is so: commands are run as printed, and tables are the database's."""

from __future__ import annotations

import re
from pathlib import Path

from tickertrack.store import schema

ROOT = Path(__file__).parents[1]


def test_the_schema_document_is_the_schema():
    printed = (ROOT / "docs/schema.md").read_text(encoding="utf-8")
    for script in (schema._FACTS, schema._CONCLUSIONS, schema._DAEMON):  # noqa: SLF001
        assert script.strip() in printed


def test_the_documents_link_to_what_is_there():
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
