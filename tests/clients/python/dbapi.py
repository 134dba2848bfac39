"""Python's DB-API; a fourth argument says which of its drivers."""

import sys
from datetime import date, datetime, timedelta
from decimal import Decimal

from check import EVERY_TYPE, MANY_ROWS, MESSAGE, OPERATOR, PASSWORD, can, same
from drivers import DRIVERS
from pymysql.constants import FIELD_TYPE, FLAG

#: A flag that PyMySQL has no name for.
NO_DEFAULT = 4096

driver = DRIVERS[sys.argv[4]]()


def error_of(action):
    """What an action ends with: the code, and the SQLSTATE if the driver tells it."""
    try:
        action()
    except driver.module.Error as error:
        return (error.args[0], error.sqlstate) if driver.sqlstate else error.args[0]
    return None


def error(code, sqlstate):
    return (code, sqlstate) if driver.sqlstate else code


def ask(db, statement, *params, **options):
    """The rows of a query."""
    cursor = db.cursor(**options)
    cursor.execute(statement, *params)
    # Connector/Python gives some bytes as bytearray.
    plain = lambda value: bytes(value) if isinstance(value, bytearray) else value
    return [tuple(map(plain, row)) for row in cursor.fetchall()]


def login():
    same("wrong password", error(1045, "28000"), error_of(lambda: driver.connect(password="wrong")))
    same("wrong database", error(1049, "42000"), error_of(lambda: driver.connect(database="nowhere")))
    db = driver.connect(autocommit=True)
    same("who", [("15", "CometQL_v1")], ask(db, "SELECT SUBSTRING_INDEX(USER(), '@', 1), DATABASE()"))
    can("login")
    if driver.names_plugin:
        sha2 = driver.connect(auth_plugin="caching_sha2_password")
        same("login by caching_sha2_password", [(1,)], ask(sha2, "SELECT 1"))
        can("sha2")
    same("TLS", [("Ssl_version", "TLSv1.3")], ask(driver.connect(**driver.tls), "SHOW STATUS LIKE 'Ssl_version'"))
    can("tls")
    return db


def counts(db):
    cursor = db.cursor()
    invite = "INSERT INTO conference (name, user_id, caller_id, message, stream) VALUES (%s, %s, %s, %s, %s)"
    cursor.executemany(invite, [("101", 2, 9, "", 2147483647), ("101", 4, 9, MESSAGE, -7)])
    same("rows inserted", 2, cursor.rowcount)
    cursor.execute("INSERT INTO users_data (id, data) VALUES (%s, %s)", (4294967295, "x" * 60000))
    same("insert id", (1, 4294967295), (cursor.rowcount, cursor.lastrowid))
    cursor.execute("UPDATE conference SET caller_id = 10 WHERE name = %s", ("101",))
    same("rows changed", 2, cursor.rowcount)
    cursor.execute("DELETE FROM conference WHERE name = 'none'")
    same("rows deleted", 0, cursor.rowcount)
    cursor.execute("INSERT INTO pipes_messages (name, event, message) VALUES ('101', 'e', 'm')")
    can("counts")


def every_type(db, **options):
    rows = [row[:6] + row[7:] for row in ask(db, EVERY_TYPE, **options)]
    constants = (
        9007199254740993,
        Decimal("1.50"),
        2.5,
        date(2026, 11, 26),
        timedelta(hours=30, minutes=15, microseconds=123456),
        datetime(2026, 11, 26, 12, 34, 56, 789000),
        b"\0\xff",
        None,
    )
    same(
        "every type",
        [("101", 2, 0, 1, "", 2147483647) + constants, ("101", 4, None, 1, MESSAGE, -7) + constants],
        rows,
    )


def text(db):
    every_type(db)
    same("a long text", [("x" * 60000,)], ask(db, "SELECT data FROM users_data"))
    same("an injection", [], ask(db, "SELECT 1 FROM conference WHERE name = %s", ("' OR 1 = 1 -- ",)))
    can("text")


def metadata(db):
    cursor = db.cursor()
    cursor.execute(EVERY_TYPE)
    actual = driver.columns(cursor)
    cursor.fetchall()
    expected = [
        ("name", FIELD_TYPE.VAR_STRING, 512, FLAG.NOT_NULL | NO_DEFAULT | FLAG.PRI_KEY | FLAG.PART_KEY),
        (
            "user_id",
            FIELD_TYPE.LONG,
            10,
            FLAG.NOT_NULL | NO_DEFAULT | FLAG.PRI_KEY | FLAG.MULTIPLE_KEY | FLAG.PART_KEY | FLAG.UNSIGNED,
        ),
        ("last_talking", FIELD_TYPE.LONG, 10, FLAG.UNSIGNED),
        ("can_hear", FIELD_TYPE.TINY, 4, FLAG.NOT_NULL),
        ("message", FIELD_TYPE.BLOB, 262140, FLAG.NOT_NULL | NO_DEFAULT | FLAG.BLOB),
        ("stream", FIELD_TYPE.LONG, 11, FLAG.NOT_NULL),
        ("id", FIELD_TYPE.STRING, 144, FLAG.NOT_NULL | FLAG.PRI_KEY | FLAG.MULTIPLE_KEY | FLAG.PART_KEY),
        ("big", FIELD_TYPE.LONGLONG, 22, FLAG.NOT_NULL),
        ("a_decimal", FIELD_TYPE.NEWDECIMAL, 5, FLAG.NOT_NULL),
        ("a_double", FIELD_TYPE.DOUBLE, 3, FLAG.NOT_NULL),
        ("a_date", FIELD_TYPE.DATE, 10, FLAG.NOT_NULL | FLAG.BINARY),
        ("a_time", FIELD_TYPE.TIME, 17, FLAG.NOT_NULL | FLAG.BINARY),
        ("a_moment", FIELD_TYPE.DATETIME, 23, FLAG.NOT_NULL | FLAG.BINARY),
        ("bytes", FIELD_TYPE.VAR_STRING, 2, FLAG.NOT_NULL | FLAG.BINARY),
        ("nothing", FIELD_TYPE.NULL, 0, FLAG.BINARY),
    ]
    if actual[0][2] is None:
        expected = [(name, kind, None, flags) for name, kind, _, flags in expected]
    same("columns", expected, actual)
    can("metadata")


def prepared(db):
    """Executed again with other types of parameters, and other rows."""
    every_type(db, prepared=True)
    cursor = db.cursor(prepared=True)
    for params, expected in [
        ((1, "a"), ("<1>", "a")),
        (("b", None), ("<b>", None)),
        ((None, 2.5), (None, 2.5)),
        ((MESSAGE, 7), (f"<{MESSAGE}>", 7)),
        ((date(2026, 1, 2), ""), ("<2026-01-02>", "")),
    ]:
        cursor.execute("SELECT CONCAT('<', %s, '>'), %s", params)
        same("a prepared statement executed again", [expected], cursor.fetchall())
    cursor = db.cursor(prepared=True)
    for user in [1, 2]:
        cursor.execute("INSERT INTO users_data (id, data) VALUES (%s, %s)", (user, MESSAGE))
        same("rows inserted", (1, user), (cursor.rowcount, cursor.lastrowid))
    can("prepared")


def warnings(db):
    cursor = db.cursor()
    cursor.execute("SELECT CAST('12abc' AS SIGNED)")
    same("with a warning", [(12,)], [tuple(row) for row in cursor.fetchall()])
    same("warnings", [("Warning", 1292)], driver.warnings(db, cursor))
    cursor = db.cursor()
    cursor.execute("SELECT 1")
    cursor.fetchall()
    same("no warnings", [], driver.warnings(db, cursor))
    can("warnings")


def errors(db):
    for statement, code, sqlstate in [
        ("SELEC 1", 1064, "42000"),
        ("SELECT * FROM nothing", 1146, "42S02"),
        ("SELECT nothing FROM conference", 1054, "42S22"),
        ("INSERT INTO users_data (id, data) VALUES (3, NULL)", 1048, "23000"),
        ("INSERT INTO users_auth (id, hash) VALUES (3, REPEAT('x', 33))", 1406, "22001"),
    ]:
        same(statement, error(code, sqlstate), error_of(lambda: db.cursor().execute(statement)))
        same("after an error", [(1,)], ask(db, "SELECT 1"))
    can("errors")


def transactions(db):
    other = driver.connect(autocommit=False)
    cursor = other.cursor()
    cursor.execute("INSERT INTO users_auth (id, hash) VALUES (1, 'gone')")
    same("own write", [(1,)], ask(other, "SELECT id FROM users_auth"))
    other.rollback()
    cursor.execute("INSERT INTO users_auth (id, hash) VALUES (2, 'kept')")
    same("of others", [], ask(db, "SELECT id FROM users_auth"))
    other.commit()
    same("committed", [(2,)], ask(db, "SELECT id FROM users_auth"))
    can("transactions")


def several(db):
    cursor = db.cursor()
    cursor.execute("SELECT 1, 'a'; DELETE FROM users_auth; SELECT 'b' UNION SELECT 'c'")
    results = []
    while True:
        results.append([tuple(row) for row in cursor.fetchall()] if cursor.description else cursor.rowcount)
        if not cursor.nextset():
            break
    same("results", [[(1, "a")], 1, [("b",), ("c",)]], results)
    can("several")


def streaming(db):
    other = driver.connect(autocommit=True)
    cursor = driver.stream(other)
    cursor.execute(MANY_ROWS)
    same("rows one by one", 100000, sum(1 for _ in cursor))
    can("streaming")


def change_user(db):
    other = driver.connect()
    driver.change_user(other, "16", PASSWORD)
    same(
        "another tenant",
        [("16", 0)],
        ask(other, "SELECT SUBSTRING_INDEX(USER(), '@', 1), COUNT(*) FROM conference"),
    )
    same("a wrong password", error(1045, "28000"), error_of(lambda: driver.change_user(other, "16", "wrong")))
    can("change user")


def reconnect(db):
    operator = driver.connect(user=OPERATOR)
    operator.cursor().execute(f"KILL {driver.connection_id(db)}")
    try:
        ask(db, "SELECT 1")
        sys.exit("a killed connection answers")
    except driver.module.Error:
        pass
    db = driver.reconnect(db)
    same("after a reconnect", [(2,)], ask(db, "SELECT COUNT(*) FROM conference"))
    can("reconnect")


connection = login()
counts(connection)
text(connection)
metadata(connection)
if driver.prepares:
    prepared(connection)
warnings(connection)
errors(connection)
transactions(connection)
several(connection)
streaming(connection)
if driver.changes_user:
    change_user(connection)
reconnect(connection)
