"""``python3 -m reports build``: works on a bare machine with only Python and pip."""

from .environment import ensure

if __name__ == "__main__":
    ensure("reports")
    from .cli import main

    main()
