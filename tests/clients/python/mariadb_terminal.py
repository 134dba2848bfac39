"""The `mariadb` command line as people use it: typed into, in a terminal."""

import os
import re
import tempfile
import time

import pexpect
from check import CA, DATABASE, EVERY_TYPE, HOST, MESSAGE, OPERATOR, PASSWORD, PORT, TENANT, can, same

#: Seconds that an answer may take.
PATIENCE = 30


class Terminal:
    def __init__(self, *options, user=TENANT, password=PASSWORD):
        arguments = [
            "--no-defaults",
            "--protocol=tcp",
            f"--host={HOST}",
            f"--port={PORT}",
            f"--user={user}",
            f"--password={password}",
            "--default-character-set=utf8mb4",
            *options,
        ]
        # No control sequences, and lines that do not wrap.
        self.child = pexpect.spawn(
            "mariadb",
            arguments,
            env=os.environ | {"TERM": "dumb"},
            encoding="utf-8",
            codec_errors="replace",
            timeout=PATIENCE,
            dimensions=(100, 1000),
        )
        self.prompt = r"MariaDB \[([^\]]*)\]> "

    def wait(self):
        """What was shown until the prompt; the prompt's database stays in `database`."""
        self.child.expect(self.prompt)
        self.database = self.child.match[1]
        return self.child.before

    def type(self, line):
        """Types a line; what is shown after it."""
        self.child.sendline(line)
        shown = self.wait()
        return shown.split("\n", 1)[-1]

    def rows(self, statement):
        """The cells of the table that a statement is answered with."""
        lines = [line.strip("\r") for line in self.type(statement).split("\n")]
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]

    def end(self):
        self.child.sendline("\\q")
        self.child.expect(pexpect.EOF)
        self.child.close()
        same("how it ended", 0, self.child.exitstatus)


def refused(*options, **login):
    child = Terminal(*options, **login).child
    child.expect(pexpect.EOF)
    return re.search(r"ERROR (\d+) \((\w+)\)", child.before).groups()


same("wrong password", ("1045", "28000"), refused(password="wrong"))
same("wrong database", ("1049", "42000"), refused("nowhere"))
terminal = Terminal()
same("greeted", True, "Your MariaDB connection id is" in terminal.wait())
same("no database", "(none)", terminal.database)
# \u chooses one, and reads all names of its tables and columns for the completion.
shown = terminal.type(f"\\u {DATABASE}")
same("reads names", True, "Reading table information for completion" in shown and "Database changed" in shown)
same("prompt", DATABASE, terminal.database)
terminal.child.send("SELECT caller_")
terminal.child.send("\t")
terminal.child.expect("caller_id")
terminal.child.sendline(" FROM conference;")
same("completed", True, "Empty set" in terminal.wait())
terminal.end()
terminal = Terminal(DATABASE, "--auto-rehash")
terminal.wait()
same("with a database", DATABASE, terminal.database)
can("login")
sha2 = Terminal("--default-auth=caching_sha2_password", DATABASE)
sha2.wait()
same("by caching_sha2_password", [["1"], ["1"]], sha2.rows("SELECT 1;"))
sha2.end()
can("sha2")

inside = Terminal("--ssl", f"--ssl-ca={CA}", "--ssl-verify-server-cert", DATABASE)
inside.wait()
same("inside TLS", True, "Cipher in use is TLS_" in inside.type("status"))
inside.end()
can("tls")

status = terminal.type("status")
for expected in [
    "Current database:\tCometQL_v1",
    f"Current user:\t\t{TENANT}@",
    "Server:\t\t\tMariaDB",
    f"Connection:\t\t{HOST} via TCP/IP",
    "Server characterset:\tutf8mb4",
    "Client characterset:\tutf8mb4",
    "Threads: ",
]:
    same(f"status has {expected}", True, expected in status)

escaped = MESSAGE.replace("\\", "\\\\").replace("'", "\\'")
invite = "INSERT INTO conference (name, user_id, message, stream) VALUES"
shown = terminal.type(f"{invite} ('101', 2, '', 2147483647), ('101', 4, '{escaped}', -7);")
same(
    "rows inserted",
    True,
    "Query OK, 2 rows affected" in shown and "Records: 2  Duplicates: 0  Warnings: 0" in shown,
)
shown = terminal.type("UPDATE conference SET caller_id = 9;")
same(
    "rows changed",
    True,
    "Query OK, 2 rows affected" in shown and "Rows matched: 2  Changed: 2  Warnings: 0" in shown,
)
terminal.type("INSERT INTO pipes_messages (name, event, message) VALUES ('101', 'e', 'm');")
can("counts")

with tempfile.TemporaryDirectory() as folder:
    script = os.path.join(folder, "script.sql")
    with open(script, "w", encoding="utf-8") as file:
        file.write(EVERY_TYPE.strip() + ";\nSELECT 'from the script' AS text;\n")
    rows = terminal.rows(f"source {script}")
same("headings", ["name", "user_id", "last_talking", "can_hear", "message", "stream"], rows[0][:6])
constants = ["9007199254740993", "1.50", "2.5", "2026-11-26", "30:15:00.123456", "2026-11-26 12:34:56.789"]
same(
    "every type",
    [
        ["101", "2", "0", "1", "", "2147483647", *constants, "NULL"],
        ["101", "4", "NULL", "1", MESSAGE, "-7", *constants, "NULL"],
    ],
    [row[:6] + row[7:13] + row[14:] for row in rows[1:3]],
)
same("source goes on", [["text"], ["from the script"]], rows[3:])
vertical = terminal.type("SELECT name, user_id FROM conference WHERE user_id = 4\\G")
same("vertical", True, "   name: 101\r\nuser_id: 4\r\n" in vertical)
can("text")

shown = terminal.type("SELECT CAST('12abc' AS SIGNED);")
same("a warning", True, "1 row in set, 1 warning" in shown)
same(
    "warnings",
    ["Warning", "1292", "Truncated incorrect INTEGER value: '12abc'"],
    terminal.rows("SHOW WARNINGS;")[1],
)
same(
    "warnings at once",
    True,
    "Warning (Code 1292)" in terminal.type("\\W") + terminal.type("SELECT CAST('12abc' AS SIGNED);"),
)
can("warnings")

for statement, error in [
    ("SELEC 1;", "ERROR 1064 (42000)"),
    ("SELECT * FROM nothing;", "ERROR 1146 (42S02)"),
    ("\\u nowhere", "ERROR 1049 (42000)"),
]:
    same(statement, True, error in terminal.type(statement))
    same("after an error", [["1"], ["1"]], terminal.rows("SELECT 1;"))
can("errors")

terminal.type("BEGIN; INSERT INTO users_data (id, data) VALUES (1, 'gone');")
same("own write", [["id"], ["1"]], terminal.rows("SELECT id FROM users_data;"))
terminal.type("ROLLBACK;")
same("rolled back", True, "Empty set" in terminal.type("SELECT id FROM users_data;"))
can("transactions")

terminal.child.sendline("delimiter //")
terminal.wait()
same("several", [["a"], ["1"], ["b"], ["2"]], terminal.rows("SELECT 1 AS a; SELECT 2 AS b //"))
terminal.type("delimiter ;")
can("several")

same("tables", "conference", terminal.rows("SHOW TABLES;")[1][0])
same("description", ["name", "varchar(64)", "NO", "PRI", "NULL", ""], terminal.rows("DESCRIBE conference;")[1])
same("definition", True, "PRIMARY KEY (`name`,`user_id`)" in terminal.type("SHOW CREATE TABLE conference\\G"))
can("reflection")

# Control-C stops the statement, not the client.
operator = Terminal(DATABASE, user=OPERATOR)
operator.wait()
tables = ", ".join(f"information_schema.COLUMNS AS t{number}" for number in range(8))
terminal.child.sendline(f"SELECT COUNT(*) FROM {tables} WHERE t0.TABLE_NAME = t7.COLUMN_NAME;")
running = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE '%information_schema.COLUMNS AS t0%t7%';"
deadline = time.monotonic() + PATIENCE
# The question itself is the other one.
while operator.rows(running)[1] != ["2"]:
    same("in time", True, time.monotonic() < deadline)
terminal.child.sendintr()
same("stopped", True, "ERROR 1317 (70100): Query execution was interrupted" in terminal.wait())
number = terminal.rows("SELECT CONNECTION_ID();")[1][0]
same("killed", True, "Query OK" in operator.type(f"KILL {number};"))
operator.end()
# It says that it has lost its connection, makes another, and asks again.
shown = terminal.type("SELECT CONNECTION_ID();")
same("reconnects", True, "Trying to reconnect" in shown and "Current database: CometQL_v1" in shown)
can("reconnect")
terminal.end()
