"""`python -m spanledger_server` is the command line.

Never: anything of its own.
"""

from spanledger_server.cli.main import main

if __name__ == "__main__":
    main()
