//! mysql_async.

use std::path::Path;

use futures_util::StreamExt;
use mysql_async::{
    ChangeUserOpts, Conn, Error, OptsBuilder, Pool, PoolConstraints, PoolOpts, Row, SslOpts, TxOpts,
    consts::ColumnType, prelude::Queryable,
};

use crate::check::{
    Client, DATABASE, EVERY_TYPE, EveryType, INVITE, MANY_ROWS, MESSAGE, MISTAKES, OPERATOR, Server, TENANT,
    TLS_VERSION, every_type,
};

fn options(server: &Server<'_>) -> OptsBuilder {
    OptsBuilder::default()
        .ip_or_hostname(server.host)
        .tcp_port(server.port)
        .prefer_socket(false)
        .user(Some(TENANT))
        .pass(Some(server.password))
        .db_name(Some(DATABASE))
}

fn code(error: &Error) -> (u16, String) {
    match error {
        Error::Server(error) => (error.code, error.state.clone()),
        other => panic!("{other}"),
    }
}

fn every_type_of(row: &Row) -> EveryType {
    EveryType {
        name: row.get("name").unwrap(),
        user_id: row.get("user_id").unwrap(),
        last_talking: row.get("last_talking").unwrap(),
        can_hear: row.get("can_hear").unwrap(),
        message: row.get("message").unwrap(),
        stream: row.get("stream").unwrap(),
        big: row.get("big").unwrap(),
        a_double: row.get("a_double").unwrap(),
        a_date: row.get("a_date").unwrap(),
        a_moment: row.get("a_moment").unwrap(),
        bytes: row.get("bytes").unwrap(),
        nothing: row.get("nothing").unwrap(),
    }
}

/// The crate, with a connection.
pub struct MysqlAsync<'a> {
    server: &'a Server<'a>,
    db: Conn,
}

impl<'a> Client<'a> for MysqlAsync<'a> {
    async fn log_in(server: &'a Server<'a>) -> Self {
        for (options, expected) in [
            (options(server).pass(Some("wrong")), (1045, "28000")),
            (options(server).db_name(Some("nowhere")), (1049, "42000")),
        ] {
            let (number, state) = code(&Conn::new(options).await.unwrap_err());
            assert_eq!((number, state.as_str()), expected);
        }
        let mut db = Conn::new(options(server)).await.unwrap();
        let who: Option<String> = db.query_first("SELECT SUBSTRING_INDEX(USER(), '@', 1)").await.unwrap();
        assert_eq!(who.as_deref(), Some(TENANT));
        MysqlAsync { server, db }
    }

    async fn tls(&mut self) {
        let trusting = |authority: Option<&Path>| {
            let authorities = authority.map(|file| file.to_owned().into()).into_iter().collect();
            let tls = SslOpts::default().with_disable_built_in_roots(true).with_root_certs(authorities);
            Conn::new(options(self.server).ssl_opts(tls))
        };
        let mut inside = trusting(Some(&self.server.authority)).await.unwrap();
        let version: Option<String> = inside.query_first(TLS_VERSION).await.unwrap();
        assert_eq!(version.as_deref(), Some("TLSv1.3"));
        inside.disconnect().await.unwrap();
        assert!(trusting(None).await.is_err());
    }

    async fn counts(&mut self) {
        for (user, message, stream) in [(2, "", i32::MAX), (4, MESSAGE, -7)] {
            self.db.exec_drop(INVITE, ("101", user, message, stream)).await.unwrap();
            assert_eq!(self.db.affected_rows(), 1);
        }
        self.db
            .query_drop("INSERT INTO pipes_messages (name, event, message) VALUES ('101', 'e', 'm')")
            .await
            .unwrap();
        self.db
            .exec_drop("INSERT INTO users_data (id, data) VALUES (?, ?)", (u32::MAX, "x".repeat(60_000)))
            .await
            .unwrap();
        assert_eq!((self.db.affected_rows(), self.db.last_insert_id()), (1, Some(u32::MAX.into())));
        self.db.query_drop("UPDATE conference SET caller_id = 9").await.unwrap();
        assert_eq!(
            (self.db.affected_rows(), &*self.db.info()),
            (2, "Rows matched: 2  Changed: 2  Warnings: 0")
        );
    }

    async fn text(&mut self) {
        let rows: Vec<Row> = self.db.query(EVERY_TYPE).await.unwrap();
        assert_eq!(rows.iter().map(every_type_of).collect::<Vec<_>>(), every_type());
    }

    async fn prepared(&mut self) {
        let statement = self.db.prep(EVERY_TYPE).await.unwrap();
        for _ in 0..2 {
            let rows: Vec<Row> = self.db.exec(&statement, ()).await.unwrap();
            assert_eq!(rows.iter().map(every_type_of).collect::<Vec<_>>(), every_type());
        }
        let echo = self.db.prep("SELECT CONCAT('<', ?, '>'), ? IS NULL").await.unwrap();
        assert_eq!((echo.params().len(), echo.columns().len()), (2, 2));
        let shown: Option<(String, bool)> = self.db.exec_first(&echo, (7, None::<u8>)).await.unwrap();
        assert_eq!(shown, Some(("<7>".to_owned(), true)));
        let shown: Option<(String, bool)> = self.db.exec_first(&echo, (MESSAGE, 1.5)).await.unwrap();
        assert_eq!(shown, Some((format!("<{MESSAGE}>"), false)));
    }

    async fn metadata(&mut self) {
        let result = self
            .db
            .query_iter("SELECT c.name AS room, user_id, message, 1.50 AS price FROM conference c")
            .await
            .unwrap();
        let columns: Vec<_> = result
            .columns_ref()
            .iter()
            .map(|c| {
                (
                    c.name_str().into_owned(),
                    c.org_name_str().into_owned(),
                    c.table_str().into_owned(),
                    c.column_type(),
                    c.column_length(),
                    c.character_set(),
                )
            })
            .collect();
        let column = |name: &str, original: &str, table: &str, kind, length, set| {
            (name.to_owned(), original.to_owned(), table.to_owned(), kind, length, set)
        };
        assert_eq!(
            columns,
            [
                column("room", "name", "c", ColumnType::MYSQL_TYPE_VAR_STRING, 256, 45),
                column("user_id", "user_id", "c", ColumnType::MYSQL_TYPE_LONG, 10, 63),
                column("message", "message", "c", ColumnType::MYSQL_TYPE_BLOB, 262140, 45),
                column("price", "", "", ColumnType::MYSQL_TYPE_NEWDECIMAL, 5, 63),
            ]
        );
        drop(result);
    }

    async fn warnings(&mut self) {
        let number: Option<i64> = self.db.query_first("SELECT CAST('12abc' AS SIGNED)").await.unwrap();
        assert_eq!((number, self.db.get_warnings()), (Some(12), 1));
        let warning: Option<(String, u16, String)> = self.db.query_first("SHOW WARNINGS").await.unwrap();
        assert_eq!(warning.map(|(level, code, _)| (level, code)), Some(("Warning".to_owned(), 1292)));
    }

    async fn errors(&mut self) {
        for (statement, expected, state) in MISTAKES {
            assert_eq!(
                code(&self.db.query_drop(statement).await.unwrap_err()),
                (expected, state.to_owned()),
                "{statement}"
            );
            assert_eq!(
                code(&self.db.exec_drop(statement, ()).await.unwrap_err()),
                (expected, state.to_owned()),
                "{statement}"
            );
            assert_eq!(self.db.query_first::<u8, _>("SELECT 1").await.unwrap(), Some(1));
        }
    }

    async fn transactions(&mut self) {
        let mut transaction = self.db.start_transaction(TxOpts::default()).await.unwrap();
        transaction.query_drop("INSERT INTO users_auth (id, hash) VALUES (1, 'gone')").await.unwrap();
        assert_eq!(transaction.query_first::<u32, _>("SELECT id FROM users_auth").await.unwrap(), Some(1));
        transaction.rollback().await.unwrap();
        let mut transaction = self.db.start_transaction(TxOpts::default()).await.unwrap();
        transaction.query_drop("INSERT INTO users_auth (id, hash) VALUES (2, 'kept')").await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(self.db.query::<u32, _>("SELECT id FROM users_auth").await.unwrap(), [2]);
    }

    async fn several(&mut self) {
        let mut results = self
            .db
            .query_iter("SELECT 1, 'a'; DELETE FROM users_auth; SELECT 'b' UNION SELECT 'c'")
            .await
            .unwrap();
        assert_eq!(results.collect::<(u8, String)>().await.unwrap(), [(1, "a".to_owned())]);
        assert_eq!((results.collect::<Row>().await.unwrap().len(), results.affected_rows()), (0, 1));
        assert_eq!(results.collect::<String>().await.unwrap(), ["b", "c"]);
        assert!(results.is_empty());
        drop(results);
    }

    async fn streaming(&mut self) {
        let mut rows = self.db.exec_stream::<String, _, _>(MANY_ROWS, ()).await.unwrap();
        let mut count = 0;
        while let Some(row) = rows.next().await {
            row.unwrap();
            count += 1;
        }
        assert_eq!(count, 100_000);
        drop(rows);
    }

    async fn change_user(&mut self) -> bool {
        self.db.query_drop("SET @mine = 1").await.unwrap();
        assert!(self.db.reset().await.unwrap());
        assert_eq!(self.db.query_first::<Option<u8>, _>("SELECT @mine").await.unwrap(), Some(None));
        let other = ChangeUserOpts::new()
            .with_user(Some("16".to_owned()))
            .with_pass(Some(self.server.password.to_owned()))
            .with_db_name(Some(DATABASE.to_owned()));
        self.db.change_user(other).await.unwrap();
        assert_eq!(self.db.query_first::<u8, _>("SELECT COUNT(*) FROM conference").await.unwrap(), Some(0));
        true
    }

    async fn reconnect(&mut self) {
        let one = PoolConstraints::new(1, 1).unwrap();
        let pool = Pool::new(options(self.server).pool_opts(PoolOpts::default().with_constraints(one)));
        let mut db = pool.get_conn().await.unwrap();
        let killed = db.id();
        let mut operator = Conn::new(options(self.server).user(Some(OPERATOR))).await.unwrap();
        operator.query_drop(format!("KILL {killed}")).await.unwrap();
        assert!(db.query_drop("SELECT 1").await.is_err());
        drop(db);
        let mut db = pool.get_conn().await.unwrap();
        assert_ne!(db.id(), killed);
        assert_eq!(db.query_first::<u8, _>("SELECT COUNT(*) FROM conference").await.unwrap(), Some(2));
    }
}
