"""SQLAlchemy: engine, ORM, reflection; a fourth argument names the dialect and driver."""

import sys
from datetime import date

from check import DATABASE, EVERY_TYPE, HOST, MANY_ROWS, MESSAGE, OPERATOR, PASSWORD, PORT, TENANT, can, same
from sqlalchemy import URL, MetaData, Table, create_engine, event, exc, func, inspect, select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Session


def engine_of(user=TENANT, password=PASSWORD, **options):
    url = URL.create(sys.argv[4], user, password, HOST, PORT, DATABASE, query={"charset": "utf8mb4"})
    return create_engine(url, **options)


def code_of(action):
    try:
        action()
    except exc.DBAPIError as error:
        return error.orig.args[0]
    return None


engine = engine_of(pool_pre_ping=True, pool_size=1)
same("wrong password", 1045, code_of(engine_of(password="wrong").connect))
with engine.connect() as connection:
    same("who", "15", connection.scalar(text("SELECT SUBSTRING_INDEX(USER(), '@', 1)")))
same("taken for MariaDB", True, engine.dialect.is_mariadb)
can("login")

# Tables as the server describes them.
inspector = inspect(engine)
same("databases", [DATABASE, "information_schema"], sorted(inspector.get_schema_names()))
tables = [
    "conference",
    "conference_members",
    "conferences",
    "pipes",
    "pipes_messages",
    "pipes_settings",
    "revoked_tokens",
    "users_auth",
    "users_data",
    "users_in_pipes",
    "users_messages",
    "users_time",
]
same("tables", tables, sorted(inspector.get_table_names()))
same("views", [], inspector.get_view_names())
same("primary key", ["name", "user_id"], inspector.get_pk_constraint("conference")["constrained_columns"])
same(
    "indexes",
    [("conference_user", ["user_id"], False)],
    [(index["name"], index["column_names"], index["unique"]) for index in inspector.get_indexes("conference")],
)
for listing in [inspector.get_foreign_keys, inspector.get_unique_constraints, inspector.get_check_constraints]:
    same(listing.__name__, [], listing("conference"))
metadata = MetaData()
metadata.reflect(engine)
same("reflected", tables, sorted(metadata.tables))
conference = metadata.tables["conference"]
columns = {column.name: column for column in conference.columns}
same(
    "types",
    [
        mysql.VARCHAR,
        mysql.INTEGER,
        mysql.INTEGER,
        mysql.TEXT,
        mysql.VARCHAR,
        mysql.INTEGER,
        mysql.VARCHAR,
        mysql.INTEGER,
    ],
    [type(column.type) for column in conference.columns],
)
same(
    "length",
    (64, True, False),
    (columns["name"].type.length, columns["user_id"].type.unsigned, columns["stream"].type.unsigned),
)
same(
    "not null and default",
    (False, "'default'"),
    (columns["message"].nullable, columns["profile"].server_default.arg.text),
)
same("a column without NOT NULL", True, metadata.tables["conference_members"].c.last_talking.nullable)
can("reflection")


class Base(DeclarativeBase):
    metadata = metadata


class Invitation(Base):
    __table__ = conference


with Session(engine) as session:
    session.add_all(
        [
            Invitation(name="101", user_id=2, message="", caller_id=9),
            Invitation(name="101", user_id=4, message=MESSAGE),
        ]
    )
    session.commit()
    same(
        "rows",
        [(2, ""), (4, MESSAGE)],
        [
            tuple(row)
            for row in session.execute(
                select(Invitation.user_id, Invitation.message)
                .where(Invitation.name == "101")
                .order_by(Invitation.user_id)
            )
        ],
    )
    invitation = session.get(Invitation, ("101", 2))
    same("defaults", ("default", 0), (invitation.profile, invitation.stream))
    session.execute(text("INSERT INTO pipes_messages (name, event, message) VALUES ('101', 'e', 'm')"))
    rows = [tuple(row) for row in session.execute(text(EVERY_TYPE.replace(":", "\\:")))]
    same("every type", [(2, 0, 0), (4, None, 0)], [(row[1], row[2], row[5]) for row in rows])
    same(
        "every type",
        (9007199254740993, "1.50", 2.5, date(2026, 11, 26), b"\0\xff", None),
        (rows[0][7], str(rows[0][8]), rows[0][9], rows[0][10], bytes(rows[0][13]), rows[0][14]),
    )
    can("text")
    session.get(Invitation, ("101", 4)).message = "changed"
    session.rollback()
    same("rolled back", MESSAGE, session.get(Invitation, ("101", 4)).message)
    with session.begin_nested():
        session.delete(session.get(Invitation, ("101", 4)))
    same("own delete", 1, session.scalar(select(func.count()).select_from(conference)))
    session.rollback()
    same("rolled back", 2, session.scalar(select(func.count()).select_from(conference)))
    can("transactions")

with engine.begin() as connection:
    same("rows changed", 2, connection.execute(conference.update().values(caller_id=7)).rowcount)
    same("rows changed but the same", 2, connection.execute(conference.update().values(caller_id=7)).rowcount)
    data = metadata.tables["users_data"]
    upsert = mysql.insert(data).values(id=5, data="a").on_duplicate_key_update(data="b")
    same("insert id", 5, connection.execute(upsert).lastrowid)
    can("counts")

with engine.connect() as connection:
    for statement, code in [
        ("SELEC 1", 1064),
        ("SELECT * FROM nothing", 1146),
        ("INSERT INTO users_data (id, data) VALUES (6, NULL)", 1048),
    ]:
        same(statement, code, code_of(lambda: connection.execute(text(statement))))
        connection.rollback()
        same("after an error", 1, connection.scalar(text("SELECT 1")))
    can("errors")
    with connection.execution_options(stream_results=True, max_row_buffer=100).execute(text(MANY_ROWS)) as result:
        same("rows one by one", 100000, sum(1 for _ in result))
    can("streaming")
    number = connection.scalar(text("SELECT CONNECTION_ID()"))

# The pool notices that its connection is gone.
with engine_of(user=OPERATOR).connect() as operator:
    operator.execute(text(f"KILL {number}"))
with engine.connect() as connection:
    same("after a reconnect", True, connection.scalar(text("SELECT CONNECTION_ID()")) != number)
can("reconnect")
