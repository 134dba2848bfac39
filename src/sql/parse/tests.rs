use super::{
    Options, Parsed,
    ast::{BinaryOp, Body, Expr, Item, Literal, Setting, Statement, TransactionControl},
    parse,
};
use crate::{error::Error, sql::limits::Limits};

fn parsed(text: &str) -> Result<Parsed, Error> {
    parse(text, Options::default(), &Limits::default())
}

fn statement(text: &str) -> Statement {
    parsed(text).unwrap_or_else(|error| panic!("{text}: {error}")).statement
}

fn items(text: &str) -> Vec<Item> {
    match statement(text) {
        Statement::Select(query) => match query.body {
            Body::Select(select) => select.items,
            body => panic!("{body:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn headings(text: &str) -> Vec<String> {
    items(text)
        .into_iter()
        .map(|item| match item {
            Item::Expr { text, .. } => text,
            other => format!("{other:?}"),
        })
        .collect()
}

/// The first item, in brackets wherever a tree has a node.
fn tree(text: &str) -> String {
    fn print(expr: &Expr) -> String {
        match expr {
            Expr::Literal(Literal::Number(n)) => n.clone(),
            Expr::Literal(Literal::Text(t)) => format!("'{t}'"),
            Expr::Column { name, .. } => name.clone(),
            Expr::Unary(op, a) => format!("({op:?} {})", print(a)),
            Expr::Binary(a, op, b) => format!("({} {op:?} {})", print(a), print(b)),
            Expr::And(all) => format!("({})", all.iter().map(print).collect::<Vec<_>>().join(" and ")),
            Expr::Or(any) => format!("({})", any.iter().map(print).collect::<Vec<_>>().join(" or ")),
            Expr::Is { expr, what, negated } => format!("({} is {negated} {what:?})", print(expr)),
            Expr::Between { expr, low, high, .. } => {
                format!("({} between {} {})", print(expr), print(low), print(high))
            }
            Expr::Like { expr, pattern, .. } => format!("({} like {})", print(expr), print(pattern)),
            Expr::Cast(expr, target) => format!("({} as {target:?})", print(expr)),
            other => format!("{other:?}"),
        }
    }
    match items(&format!("select {text}")).remove(0) {
        Item::Expr { expr, .. } => print(&expr),
        other => panic!("{other:?}"),
    }
}

#[test]
fn headings_are_the_text_as_written() {
    assert_eq!(
        headings(
            "select ID, t.NAME, (id), -1, - 1, 'abc', 'a' 'b', 1.50, null, count( * ), id+ /* c */ 1, ((1)) from t"
        ),
        ["ID", "t.NAME", "id", "-1", "- 1", "abc", "ab", "1.50", "NULL", "count( * )", "id+ /* c */ 1", "1"]
    );
    assert_eq!(
        headings("select concat('ä', \"ö\"), (select 1 from t), 'ü'"),
        ["concat('ä', \"ö\")", "(select 1 from t)", "ü"]
    );
    assert_eq!(headings("select DISTINCT a,\n  b"), ["a", "b"]);
    assert_eq!(headings("select (1)+(2)"), ["(1)+(2)"]);
}

#[test]
fn operators_bind_as_in_mariadb() {
    assert_eq!(tree("1 + 2 * 3 ^ 4"), "(1 Add (2 Multiply (3 BitXor 4)))");
    assert_eq!(tree("a = 1 xor b = 2"), "((a Equal 1) Xor (b Equal 2))");
    assert_eq!(tree("a or b and c xor d"), "(a or ((b and c) Xor d))");
    assert_eq!(tree("not a = b"), "(Not (a Equal b))");
    assert_eq!(tree("! a = b"), "((Not a) Equal b)");
    assert_eq!(tree("-a ^ b"), "((Negate a) BitXor b)");
    assert_eq!(tree("a = b like c"), "(a Equal (b like c))");
    assert_eq!(tree("a = b is null"), "((a Equal b) is false Null)");
    assert_eq!(tree("a between 1 and 2 and b"), "((a between 1 2) and b)");
    assert_eq!(tree("1 | 2 & 3 << 4 + 5"), "(1 BitOr (2 BitAnd (3 ShiftLeft (4 Add 5))))");
    assert_eq!(tree("a || b && c"), "(a or (b and c))");
    assert_eq!(tree("7 div 2 mod 3 % 4"), "(((7 IntegerDivide 2) Modulo 3) Modulo 4)");
    assert_eq!(tree("binary a = b"), "((a as Binary(None)) Equal b)");
    assert_eq!(tree("a - - 1"), "(a Subtract (Negate 1))");
    assert_eq!(tree("a--1"), "(a Subtract (Negate 1))");
}

#[test]
fn strings_are_decoded_as_in_mariadb() {
    assert_eq!(tree(r"'a\'b\\c\n\%\_\x\0'"), "'a'b\\c\n\\%\\_x\0'");
    assert_eq!(tree(r#""it""s \Z""#), "'it\"s \u{1a}'");
    assert_eq!(tree("'a' 'b'"), "'ab'");
}

#[test]
fn chains_become_lists() {
    let chain = vec!["a = 1"; 1_000].join(" or ");
    match statement(&format!("delete from t where {chain}")) {
        Statement::Delete(delete) => {
            assert!(matches!(delete.filter, Some(Expr::Or(any)) if any.len() == 1_000));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn deep_and_long_statements_are_refused_before_they_overflow_a_stack() {
    let repeat = |part: &str, n: usize| part.repeat(n);
    let tests = [
        format!("select 1{}", repeat(" + 1", 20_000)),
        format!("select 1{}", repeat(" xor 1 and 2", 20_000)),
        format!("select 1{}", repeat(" between 1 and 2", 10_000)),
        format!("select 1{}", repeat(" or 1", 20_000)),
        format!("select 1{}", repeat(" union select 1", 10_000)),
        format!("select {}1{}", repeat("(", 20_000), repeat(")", 20_000)),
        format!("select {}1", repeat("- ", 20_000)),
        format!("select {}1", repeat("not ", 20_000)),
        format!("select {}1", repeat("!", 20_000)),
        format!("select {}1", repeat("binary ", 20_000)),
        format!("select {}", repeat("case when 1 and ", 10_000)),
        format!("select * from {}a", repeat("a join ", 10_000)),
        format!("select * from {}a", repeat("(", 10_000)),
        format!("select * from a {}", repeat("natural join a ", 10_000)),
        format!("{}select 1", repeat("explain ", 10_000)),
        format!("select {}", repeat("f(", 20_000)),
        format!("select 1 {}", repeat("collate x ", 10_000)),
        format!("select {} 1", repeat("interval 1 ", 10_000)),
        format!("select a{}", repeat(".a", 20_000)),
        format!("select 1 {}", repeat(" is null", 10_000)),
    ];
    for text in tests {
        let error = parsed(&text).expect_err(&text[..40]);
        assert!(
            matches!(
                error,
                Error::TooComplex(_) | Error::TooManyTables(_) | Error::Syntax(_) | Error::Unsupported(_)
            ),
            "{}: {error}",
            &text[..40]
        );
    }
    // What is allowed must not overflow either.
    for text in [
        format!("select 1{}", repeat(" + 1", 99)),
        format!("select 1{}", repeat(" or 1", 3_900)),
        format!("select * from a{}", repeat(" join a", 15)),
        format!("select {}1{}", repeat("(", 20), repeat(")", 20)),
    ] {
        parsed(&text).unwrap_or_else(|error| panic!("{}: {error}", &text[..40]));
    }
}

#[test]
fn inserts_may_be_longer_than_others() {
    let limits = Limits { statement_bytes: 100, insert_bytes: 200, ..Limits::default() };
    let refused = |text: &str, length: usize| {
        let padded = format!("{text}{}", " ".repeat(length - text.len()));
        parse(&padded, Options::default(), &limits).err()
    };
    for text in [" insert into t values (1)", "REPLACE INTO t VALUES (1)"] {
        assert_eq!(refused(text, 200), None);
        assert_eq!(refused(text, 201), Some(Error::TooLong(200)));
    }
    // The last has a character where the word INSERT would end.
    for text in ["select 1", "in", "SET @Ϛ = 1"] {
        assert_ne!(refused(text, 100), Some(Error::TooLong(100)));
        assert_eq!(refused(text, 101), Some(Error::TooLong(100)));
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    for text in [
        "select 1 from t for xml auto",
        "select * except (a) from t",
        "select 1 fetch first 1 row only",
        "with a as (select 1) select * from a",
        "update t set a = 1 returning a",
        "select a::int from t",
        "create table t (a int)",
        "drop table t",
        "select 1 into outfile 'x'",
        "update a, b set a.x = 1",
        "select count(*) over () from t",
        "select * from t limit 1 by a",
        "delete a from a join b",
    ] {
        let error = parsed(text).expect_err(text);
        assert!(matches!(error.codes().0, 1064 | 1235), "{text}: {error}");
    }
    for text in
        ["selec 1", "select from", "insert into", "select 1 2 3", "set", "show", "@", "select * from t where"]
    {
        assert!(matches!(parsed(text), Err(Error::Syntax(_))), "{text}");
    }
    assert_eq!(parsed(" -- nothing"), Err(Error::EmptyQuery));
}

#[test]
fn syntax_errors_quote_the_text_from_where_it_is_wrong() {
    let error = parsed("select 1\nfrom t wher x = 1 y").expect_err("");
    assert!(error.to_string().ends_with("near 'x = 1 y' at line 2"), "{error}");
}

#[test]
fn clients_own_statements_parse() {
    for text in [
        "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')),time_zone='+00:00',NAMES utf8mb4;",
        "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_general_ci'",
        "SET NAMES utf8",
        "SET CHARACTER SET utf8",
        "SET @@session.autocommit = OFF",
        "SET AUTOCOMMIT=1",
        "set autocommit=0",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET TRANSACTION READ ONLY",
        "SET SQL_SAFE_UPDATES=1,SQL_SELECT_LIMIT=1000",
        "SET @a = 1, @b := 2",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT",
        "START TRANSACTION READ ONLY",
        "BEGIN WORK",
        "COMMIT AND NO CHAIN",
        "ROLLBACK TO SAVEPOINT a",
        "RELEASE SAVEPOINT a",
        "select @@version_comment limit 1",
        "SELECT @@session.sql_mode, @@global.x, @@max_allowed_packet",
        "select DATABASE(), USER() limit 1",
        "show /*!50002 GLOBAL */ status",
        "show /*!40003 GLOBAL */ variables",
        "/*!40100 SET @@SQL_MODE='' */",
        "SHOW FULL TABLES FROM `CometQL_v1`",
        "SHOW VARIABLES LIKE 'lower_case_%'",
        "SHOW SESSION VARIABLES WHERE Variable_name = 'x'",
        "DESC t",
        "describe t col",
        "explain select 1",
        "SHOW INDEX FROM t FROM d",
        "SHOW COUNT(*) WARNINGS",
        "SHOW WARNINGS LIMIT 5",
        "KILL 5",
        "KILL QUERY 5",
        "flush privileges",
        "OPTIMIZE TABLE t",
        "LOCK TABLES `t` READ /*!32311 LOCAL */,`u` WRITE",
        "UNLOCK TABLES",
        "DO 1",
        "PREPARE s FROM 'select ?'",
        "EXECUTE s USING @a, @b",
        "DEALLOCATE PREPARE s",
        "USE CometQL_v1",
        "SELECT /*!40001 SQL_NO_CACHE */ `a` FROM `t` WHERE 1",
        "select sql_calc_found_rows * from t limit 0",
        "SELECT * FROM t FOR UPDATE",
        "SELECT * FROM t LOCK IN SHARE MODE",
        "select 1 from dual",
        "truncate table t",
        "select date_add(now(), interval 1 day), now() - interval 2 hour, timestampdiff(second, a, b), extract(year from a) from t",
        "select group_concat(distinct a order by b desc separator '-') from t",
        "select convert('a' using utf8mb4), cast(a as char(5)) from t",
        "select trim(leading 'x' from a), substring(a from 2 for 3), position('a' in b), char_length(a) from t",
        "select if(a, b, c), left(a, 2), right(a, 2), replace(a, 'b', 'c'), mod(a, 2), insert('a', 1, 2, 'b') from t",
        "select current_timestamp, current_timestamp(), utc_timestamp(), curdate(), localtime from t",
        "select * from (a join b using (x)) left join c on a.x = c.x",
        "select a.* from a, b where a.x = b.x",
        "(select 1) union all (select 2) order by 1 limit 3",
        "select 1 where exists (select 1)",
        "insert into t set a = 1, b = default",
        "insert ignore into t () values ()",
        "replace into t (a) values (1), (2)",
        "insert into t (a) select b from u on duplicate key update a = values(a) + 1",
        "insert into t (a) select 1 on duplicate key update a = values(a) + 1",
        "insert t values (1)",
        "update t set a = a + 1 where b in (1, 2) order by c limit 3",
        "delete from t where a = 1 order by b limit 2",
        "select x'41', 0x41, b'01', N'a', _utf8mb4'a', date '2020-01-01', timestamp'2020-01-01 00:00:00'",
        "select row(1, 2) = (1, 2), (1, 2) in ((1, 2), (3, 4))",
    ] {
        statement(text);
    }
}

#[test]
fn cometql_forms_parse() {
    for text in ["set timeout 10", "SET section name value", "SET @@autocommit 1"] {
        assert_eq!(statement(text), Statement::Set(vec![Setting::CometQl]), "{text}");
    }
    for quote in ["\"", "'", "`", ""] {
        let text = format!(
            "insert into pipes_settings ({quote}name{quote},{quote}length{quote}) values ('p10', 10)"
        );
        match statement(&text) {
            Statement::Insert(insert) => assert_eq!(insert.columns, ["name", "length"]),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(tree("name = web_test"), "(name Equal web_test)");
    match statement("select * from t limit 5, 10") {
        Statement::Select(query) => {
            assert_eq!(query.limit.count, Some(Expr::Literal(Literal::Number("10".to_owned()))));
            assert_eq!(query.limit.offset, Some(Expr::Literal(Literal::Number("5".to_owned()))));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn parameters_are_counted_in_the_order_of_the_text() {
    let parsed = parsed("select ? from t where a = ? and b in (?, ?) limit ?, ?").expect("parses");
    assert_eq!(parsed.params, 6);
    match parsed.statement {
        Statement::Select(query) => {
            assert_eq!((query.limit.offset, query.limit.count), (Some(Expr::Param(4)), Some(Expr::Param(5))));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn pipes_concatenate_if_the_mode_says_so() {
    let options = Options { pipes_as_concat: true };
    let text = format!("{:?}", parse("select a || b", options, &Limits::default()).expect("parses"));
    assert!(text.contains("concat"), "{text}");
    assert_eq!(statement("begin"), Statement::Transaction(TransactionControl::Begin { read_only: false }));
    assert_eq!(BinaryOp::Add, BinaryOp::Add);
}
