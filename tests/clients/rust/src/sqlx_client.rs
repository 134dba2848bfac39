//! sqlx.

use chrono::NaiveDateTime;
use futures_util::TryStreamExt;
use sqlx::{
    Column, ConnectOptions, Connection, Either, Executor, MySqlConnection, Row, TypeInfo, ValueRef,
    mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlPoolOptions, MySqlRow, MySqlSslMode},
};

use crate::check::{
    Client, DATABASE, EVERY_TYPE, EveryType, INVITE, MANY_ROWS, MESSAGE, MISTAKES, OPERATOR, Server, TENANT,
    TLS_VERSION, every_type,
};

fn options(server: &Server<'_>) -> MySqlConnectOptions {
    MySqlConnectOptions::new()
        .host(server.host)
        .port(server.port)
        .username(TENANT)
        .password(server.password)
        .database(DATABASE)
        .ssl_mode(MySqlSslMode::Disabled)
}

fn code(error: &sqlx::Error) -> (u16, String) {
    let error =
        error.as_database_error().unwrap_or_else(|| panic!("{error}")).downcast_ref::<MySqlDatabaseError>();
    (error.number(), error.code().unwrap_or_default().to_owned())
}

fn every_type_of(row: &MySqlRow) -> EveryType {
    EveryType {
        name: row.get("name"),
        user_id: row.get("user_id"),
        last_talking: row.get("last_talking"),
        can_hear: row.get("can_hear"),
        message: row.get("message"),
        stream: row.get("stream"),
        big: row.get("big"),
        a_double: row.get("a_double"),
        a_date: row.get("a_date"),
        a_moment: row.get::<NaiveDateTime, _>("a_moment"),
        bytes: row.get("bytes"),
        nothing: row
            .try_get_raw("nothing")
            .unwrap()
            .is_null()
            .then_some(())
            .map_or(Some(String::new()), |()| None),
    }
}

async fn one<T>(db: &mut MySqlConnection, statement: &'static str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::MySql> + sqlx::Type<sqlx::MySql> + Send + Unpin,
{
    sqlx::query_scalar(statement).fetch_one(db).await.unwrap()
}

/// The crate, with a connection.
pub struct Sqlx<'a> {
    server: &'a Server<'a>,
    db: MySqlConnection,
}

impl<'a> Client<'a> for Sqlx<'a> {
    async fn log_in(server: &'a Server<'a>) -> Self {
        for (options, expected) in [
            (options(server).password("wrong"), (1045, "28000")),
            (options(server).database("nowhere"), (1049, "42000")),
        ] {
            let (number, state) = code(&options.connect().await.unwrap_err());
            assert_eq!((number, state.as_str()), expected);
        }
        let mut db = options(server).connect().await.unwrap();
        assert_eq!(one::<String>(&mut db, "SELECT SUBSTRING_INDEX(USER(), '@', 1)").await, TENANT);
        Sqlx { server, db }
    }

    async fn tls(&mut self) {
        let verifying = || options(self.server).ssl_mode(MySqlSslMode::VerifyIdentity);
        let mut inside = verifying().ssl_ca(&self.server.authority).connect().await.unwrap();
        assert_eq!(one::<String>(&mut inside, TLS_VERSION).await, "TLSv1.3");
        inside.close().await.unwrap();
        assert!(verifying().connect().await.is_err());
    }

    async fn counts(&mut self) {
        for (user, message, stream) in [(2, "", i32::MAX), (4, MESSAGE, -7)] {
            let query = sqlx::query(INVITE).bind("101").bind(user).bind(message).bind(stream);
            assert_eq!(query.execute(&mut self.db).await.unwrap().rows_affected(), 1);
        }
        self.db
            .execute("INSERT INTO pipes_messages (name, event, message) VALUES ('101', 'e', 'm')")
            .await
            .unwrap();
        let query = sqlx::query("INSERT INTO users_data (id, data) VALUES (?, ?)")
            .bind(u32::MAX)
            .bind("x".repeat(60_000));
        assert_eq!(query.execute(&mut self.db).await.unwrap().last_insert_id(), u64::from(u32::MAX));
        // sqlx asks for the rows found.
        for _ in 0..2 {
            assert_eq!(
                self.db.execute("UPDATE conference SET caller_id = 9").await.unwrap().rows_affected(),
                2
            );
        }
    }

    async fn text(&mut self) {
        let rows = self.db.fetch_all(EVERY_TYPE).await.unwrap();
        assert_eq!(rows.iter().map(every_type_of).collect::<Vec<_>>(), every_type());
    }

    async fn prepared(&mut self) {
        for _ in 0..2 {
            let rows = sqlx::query(EVERY_TYPE).fetch_all(&mut self.db).await.unwrap();
            assert_eq!(rows.iter().map(every_type_of).collect::<Vec<_>>(), every_type());
        }
        let echo = || sqlx::query_as::<_, (Option<String>, bool)>("SELECT CONCAT('<', ?, '>'), ? IS NULL");
        assert_eq!(
            echo().bind(7).bind(None::<u8>).fetch_one(&mut self.db).await.unwrap(),
            (Some("<7>".to_owned()), true)
        );
        assert_eq!(
            echo().bind(MESSAGE).bind(1.5).fetch_one(&mut self.db).await.unwrap(),
            (Some(format!("<{MESSAGE}>")), false)
        );
        assert_eq!(echo().bind(None::<&str>).bind("").fetch_one(&mut self.db).await.unwrap(), (None, false));
    }

    async fn metadata(&mut self) {
        let described = self.db
            .fetch_one(
                "SELECT c.name AS room, user_id, message, stream, 1.50 AS price, x'00' AS b FROM conference c",
            )
            .await
            .unwrap();
        let columns: Vec<_> =
            described.columns().iter().map(|column| (column.name(), column.type_info().name())).collect();
        let expected = [
            ("room", "VARCHAR"),
            ("user_id", "INT UNSIGNED"),
            ("message", "TEXT"),
            ("stream", "INT"),
            ("price", "DECIMAL"),
            ("b", "VARBINARY"),
        ];
        assert_eq!(columns, expected);
    }

    async fn warnings(&mut self) {
        assert_eq!(one::<i64>(&mut self.db, "SELECT CAST('12abc' AS SIGNED)").await, 12);
        let warning = self.db.fetch_one("SHOW WARNINGS").await.unwrap();
        assert_eq!(
            (warning.get::<String, _>(0), warning.get_unchecked::<i32, _>(1)),
            ("Warning".to_owned(), 1292)
        );
    }

    async fn errors(&mut self) {
        for (statement, expected, state) in MISTAKES {
            assert_eq!(
                code(&self.db.execute(statement).await.unwrap_err()),
                (expected, state.to_owned()),
                "{statement}"
            );
            assert_eq!(
                code(&sqlx::query(statement).execute(&mut self.db).await.unwrap_err()),
                (expected, state.to_owned()),
                "{statement}"
            );
            assert_eq!(one::<i64>(&mut self.db, "SELECT 1").await, 1);
        }
    }

    async fn transactions(&mut self) {
        let mut transaction = self.db.begin().await.unwrap();
        transaction.execute("INSERT INTO users_auth (id, hash) VALUES (1, 'gone')").await.unwrap();
        assert_eq!(one::<u32>(&mut transaction, "SELECT id FROM users_auth").await, 1);
        transaction.rollback().await.unwrap();
        let mut transaction = self.db.begin().await.unwrap();
        transaction.execute("INSERT INTO users_auth (id, hash) VALUES (2, 'kept')").await.unwrap();
        let mut nested = transaction.begin().await.unwrap();
        nested.execute("DELETE FROM users_auth").await.unwrap();
        nested.rollback().await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(one::<u32>(&mut self.db, "SELECT id FROM users_auth").await, 2);
    }

    async fn several(&mut self) {
        let results: Vec<_> = self
            .db
            .fetch_many("SELECT 1 AS a; DELETE FROM users_auth; SELECT 'b' UNION SELECT 'c'")
            .map_ok(|step| match step {
                Either::Left(done) => format!("{} affected", done.rows_affected()),
                Either::Right(row) => format!("row of {}", row.columns()[0].name()),
            })
            .try_collect()
            .await
            .unwrap();
        assert_eq!(results, ["row of a", "0 affected", "1 affected", "row of b", "row of b", "0 affected"]);
    }

    async fn streaming(&mut self) {
        let mut rows = sqlx::query(MANY_ROWS).fetch(&mut self.db);
        let mut count = 0;
        while rows.try_next().await.unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, 100_000);
        drop(rows);
    }

    async fn reconnect(&mut self) {
        let pool =
            MySqlPoolOptions::new().max_connections(1).connect_with(options(self.server)).await.unwrap();
        let number: u64 = sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(&pool).await.unwrap();
        let mut operator = options(self.server).username(OPERATOR).connect().await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("KILL {number}"))).execute(&mut operator).await.unwrap();
        // The pool pings a connection before it gives it out again.
        let later: u64 = sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(&pool).await.unwrap();
        assert_ne!(later, number);
    }
}
