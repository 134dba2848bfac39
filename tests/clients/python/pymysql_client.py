"""PyMySQL against a server; called with: host port password."""

import sys

import pymysql


def code_of(action):
    """The error code that an action ends with, None for none."""
    try:
        action()
    except pymysql.MySQLError as error:
        return error.args[0]
    return None


def main(host, port, password):
    def connect(**options):
        settings = {"user": "15", "password": password, "database": "CometQL_v1", "charset": "utf8mb4"} | options
        return pymysql.connect(host=host, port=int(port), **settings)

    db = connect(autocommit=True)
    cursor = db.cursor()
    rows = [("701", 1, 2, "it's \"quoted\" \\ back"), ("701", 2, 2, "\U0001F600"), ("702", 3, 0, "")]
    insert = "INSERT INTO conference (name, user_id, caller_id, message) VALUES (%s, %s, %s, %s)"
    assert cursor.executemany(insert, rows) == 3
    assert cursor.execute("SELECT name, user_id, caller_id, message FROM conference ORDER BY name, user_id") == 3
    assert cursor.fetchall() == tuple(rows)
    assert [column[0] for column in cursor.description] == ["name", "user_id", "caller_id", "message"]

    cursor.execute("SELECT 1, -2, 1.5, 2.5e0, 'a', NULL")
    one, two, decimal, real, text, null = cursor.fetchone()
    assert (one, two, str(decimal), real, text, null) == (1, -2, "1.5", 2.5, "a", None)
    cursor.execute("SELECT COUNT(*), SUM(user_id), AVG(user_id) FROM conference WHERE name = %s", ("701",))
    count, total, average = cursor.fetchone()
    assert (count, str(total), str(average)) == (2, "3", "1.5000")

    cursor.execute("SELECT user_id FROM conference WHERE user_id IN %s ORDER BY user_id", ([1, 3, 99],))
    assert cursor.fetchall() == ((1,), (3,))
    assert cursor.execute("DELETE FROM conference WHERE name = %s", ("701",)) == 2

    db.autocommit(False)
    cursor.execute("INSERT INTO users_data (id, data) VALUES (1, 'gone')")
    db.rollback()
    cursor.execute("INSERT INTO users_data (id, data) VALUES (2, 'kept')")
    db.commit()
    other = connect().cursor()
    other.execute("SELECT id FROM users_data")
    assert other.fetchall() == ((2,),)

    streaming = connect(cursorclass=pymysql.cursors.SSDictCursor).cursor()
    streaming.execute("SELECT id, data FROM users_data")
    assert list(streaming) == [{"id": 2, "data": "kept"}]

    assert code_of(lambda: cursor.execute("SELEC 1")) == 1064
    assert code_of(lambda: cursor.execute("SELECT * FROM nothing")) == 1146
    assert code_of(lambda: cursor.execute("INSERT INTO users_data (id, data) VALUES (3, NULL)")) == 1048
    assert code_of(lambda: connect(password="wrong")) == 1045
    assert code_of(lambda: connect(database="nowhere")) == 1049
    db.ping()


main(*sys.argv[1:])
