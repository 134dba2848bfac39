"""The drivers of Python's DB-API, where they differ. Each imports its library only when it is used."""

from check import CA, DATABASE, HOST, PASSWORD, PORT, TENANT


class PyMySQL:
    """PyMySQL, and what the others share with it."""

    #: What it has of the things that the DB-API knows no word for.
    sqlstate = prepares = names_plugin = changes_user = False
    tls = {"ssl_ca": CA, "ssl_verify_cert": True, "ssl_verify_identity": True}

    def __init__(self):
        import pymysql.cursors
        from pymysql.constants import CLIENT

        self.module = pymysql
        self.options = {"charset": "utf8mb4", "client_flag": CLIENT.MULTI_STATEMENTS}

    def connect(self, **options):
        given = {"user": TENANT, "password": PASSWORD, "database": DATABASE} | self.options | options
        return self.module.connect(host=HOST, port=PORT, **given)

    def columns(self, cursor):
        """Name, type, length and flags of a result's columns."""
        return [
            (field.name, field.type_code, field.get_column_length(), field.flags) for field in cursor._result.fields
        ]

    def warnings(self, db, cursor):
        return [warning[:2] for warning in db.show_warnings()]

    def stream(self, db):
        """A cursor that holds one row at a time."""
        return db.cursor(self.module.cursors.SSCursor)

    def connection_id(self, db):
        return db.thread_id()

    def reconnect(self, db):
        db.ping(reconnect=True)
        return db


class MySQLClient(PyMySQL):
    names_plugin = changes_user = True
    tls = {"ssl": {"ca": CA}}

    def __init__(self):
        import MySQLdb
        import MySQLdb.cursors

        self.module = MySQLdb
        self.options = {"charset": "utf8mb4"}

    def columns(self, cursor):
        described = zip(cursor.description, cursor.description_flags)
        # The library adds flags of its own above those of the protocol.
        return [(column[0], column[1], column[3], flags & 0x7FFF) for column, flags in described]

    def change_user(self, db, user, password):
        db.change_user(user, password, DATABASE)

    def reconnect(self, db):
        return self.connect(autocommit=True)


class Connector(PyMySQL):
    sqlstate = prepares = names_plugin = changes_user = True

    def __init__(self, pure):
        import mysql.connector

        self.module = mysql.connector
        self.options = {"use_pure": pure}

    def columns(self, cursor):
        """It gives no lengths."""
        return [(column[0], column[1], None, column[7] & 0x7FFF) for column in cursor.description]

    def warnings(self, db, cursor):
        cursor.execute("SHOW WARNINGS")
        return [warning[:2] for warning in cursor.fetchall()]

    def stream(self, db):
        return db.cursor(buffered=False)

    def connection_id(self, db):
        return db.connection_id

    def change_user(self, db, user, password):
        db.cmd_change_user(user, password, DATABASE)

    def reconnect(self, db):
        db.reconnect()
        return db


DRIVERS = {
    "pymysql": PyMySQL,
    "mysqlclient": MySQLClient,
    "connector-pure": lambda: Connector(pure=True),
    "connector-c": lambda: Connector(pure=False),
}
