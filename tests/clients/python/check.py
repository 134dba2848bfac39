"""What the client scripts share. Called with: host port password; COMETQL_TEST_CA is whom they trust in TLS."""

import os
import sys
from pathlib import Path

HOST, PORT, PASSWORD = sys.argv[1], int(sys.argv[2]), sys.argv[3]
TENANT, OPERATOR = "15", "0"
DATABASE = "CometQL_v1"
CA = os.environ["COMETQL_TEST_CA"]
#: A user's message: quotes, a backslash, and a character of four bytes.
MESSAGE = 'it\'s "quoted" \\ back \U0001f600'
#: More than a driver should hold.
MANY_ROWS = "SELECT a.COLUMN_NAME FROM information_schema.COLUMNS a JOIN information_schema.COLUMNS b LIMIT 100000"
EVERY_TYPE = Path(__file__).parent.parent.joinpath("every_type.sql").read_text(encoding="utf-8")


def same(what, expected, actual):
    """Ends the script with a failure when two values are not the same, types included."""
    if repr(expected) != repr(actual):
        sys.exit(f"{what}:\nexpected {expected!r}\nactual   {actual!r}")


def can(ability):
    """Tells the test that this column of docs/clients.md was checked."""
    print("can", ability)
