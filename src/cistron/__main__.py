"""Run the command line by `python -m cistron`, which launchers of many processes need."""

from cistron.cli import main

if __name__ == "__main__":
    main()
