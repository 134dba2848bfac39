"""PyMySQL inside TLS: with the right certificate authority, and with another one."""

import ssl
import sys

import pymysql

host, port, user, password, authority, stranger = sys.argv[1:]


def connect(ca):
    context = ssl.create_default_context(cafile=ca)
    return pymysql.connect(host=host, port=int(port), user=user, password=password, ssl=context)


connection = connect(authority)
with connection.cursor() as cursor:
    cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
    assert cursor.fetchone() == ("Ssl_version", "TLSv1.3"), "not inside TLS"
    cursor.execute("SELECT REPEAT('x', 500000)")
    assert len(cursor.fetchone()[0]) == 500000
connection.close()

try:
    connect(stranger)
except pymysql.err.OperationalError as error:
    assert "CERTIFICATE_VERIFY_FAILED" in str(error), error
else:
    raise AssertionError("a stranger's certificate was trusted")
