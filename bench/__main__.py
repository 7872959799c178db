"""Run every measurement and print its table: `make bench`, or `python -m bench ../shared`."""

from __future__ import annotations

import sys
from pathlib import Path

from bench import (
    archives,
    as_of,
    dating,
    growth,
    links,
    markup,
    memory,
    mentions,
    queries,
    rows,
    speed,
    web,
)

if __name__ == "__main__":
    shared = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared")
    if not (shared / "reference").is_dir():
        sys.exit(f"{shared}: no reference series there to measure with")
    speed.main(shared)
    archives.main()
    rows.main()
    markup.main()
    memory.main()
    queries.main()
    web.main()
    growth.main()
    as_of.main()
    dating.main(shared)
    mentions.main(shared)
    links.main()
