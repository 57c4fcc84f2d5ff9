"""`python -m tbscreen` is `tbscreen`."""

from tbscreen.cli import main

if __name__ == "__main__":
    main()
