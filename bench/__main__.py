"""Run every measurement and print its table: `make bench`, or `python -m bench ../shared`."""

from __future__ import annotations

import sys
from pathlib import Path

<<<<<<< HEAD
from bench import archives, dating, growth, links, mentions, queries, speed, web
=======
from bench import archives, dating, growth, links, markup, mentions, queries, speed
>>>>>>> 656b6e4 (Read markup by the tags that the parser writes, and an article's text once for all its captures)

if __name__ == "__main__":
    shared = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared")
    if not (shared / "reference").is_dir():
        sys.exit(f"{shared}: no reference series there to measure with")
    speed.main(shared)
    archives.main()
    markup.main()
    queries.main()
    web.main()
    growth.main()
    dating.main(shared)
    mentions.main(shared)
    links.main()
