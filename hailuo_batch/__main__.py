"""`python -m hailuo_batch` is the command line."""

from hailuo_batch.cli import main

if __name__ == "__main__":
    main()
