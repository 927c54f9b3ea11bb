"""Run the command line by `python -m cistron.cli`."""

from cistron.cli import main

if __name__ == "__main__":
    main()
