"""python -m tickertrack."""

from tickertrack.cli import main

if __name__ == "__main__":
    main()
