"""Lets `python -m fedblog` be the same as `fedblog`."""

from fedblog.cli import main

if __name__ == "__main__":
    main()
