"""`python -m fieldguide.cli`."""

from fieldguide.cli import main

if __name__ == "__main__":
    main()
