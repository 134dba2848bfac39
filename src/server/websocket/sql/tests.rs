//! SQL over HTTP, with tables in memory.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    super::tests::{PATIENCE, World},
    *,
};
use crate::{
    config::{MysqlSettings, QueryLogSettings, WebsocketSettings},
    server::mysql::test_support::{PASSWORD, port, settings},
    sql::system::ProcessList,
};

/// What a request consists of; the defaults are those of a good one.
struct Sent<'a> {
    method: &'a str,
    host: &'a str,
    content_type: &'a str,
    user: &'a str,
    password: &'a str,
    more: &'a str,
    body: &'a str,
}

const GOOD: Sent = Sent {
    method: "POST",
    host: "localhost:8087",
    content_type: "application/json; charset=utf-8",
    user: "15",
    password: PASSWORD,
    more: "",
    body: "{\"query\":\"select 1\"}",
};

impl Sent<'_> {
    fn text(&self) -> String {
        let Sent { method, host, content_type, user, password, more, body } = self;
        let authorization = STANDARD.encode(format!("{user}:{password}"));
        let length = body.len();
        format!(
            "{method} /sql HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
             Authorization: Basic {authorization}\r\n{more}\r\n{body}"
        )
    }
}

async fn world(mysql: MysqlSettings) -> World {
    let world = World::with_sql(WebsocketSettings::default(), &port(mysql)).await;
    world.at("127.0.0.1:1000")
}

/// The status and the body of an answer.
fn read(answer: &str) -> (u16, Json) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("cache-control: no-store") && !head.contains("access-control"), "{head}");
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
}

async fn ask(world: &World, sent: Sent<'_>) -> (u16, Json) {
    read(&world.ask(&sent.text()).await)
}

/// The results of statements that are carried out.
async fn run(world: &World, query: &str) -> Vec<Json> {
    run_with(world, query, json!([])).await
}

/// The results of statements with parameters.
async fn run_with(world: &World, query: &str, params: Json) -> Vec<Json> {
    let body = json!({ "query": query, "params": params }).to_string();
    match ask(world, Sent { body: &body, ..GOOD }).await {
        (200, Json::Object(mut answer)) => match answer.remove("results") {
            Some(Json::Array(results)) => results,
            other => panic!("{other:?}"),
        },
        other => panic!("{query}: {other:?}"),
    }
}

#[tokio::test]
async fn values_arrive_as_they_are() {
    let world = world(settings()).await;
    let query = "select 9007199254740991, 9007199254740992, -9007199254740993, 18446744073709551615, 1.10, 1e300, 0.1e0, \
        null, 'Zoë \"\\\\', x'ff00', date '2026-01-02', true";
    let results = run(&world, query).await;
    assert_eq!(
        results[0]["rows"],
        json!([[
            9_007_199_254_740_991_u64, "9007199254740992", "-9007199254740993", "18446744073709551615", "1.10", 1e300, 0.1,
            null, "Zoë \"\\", { "base64": "/wA=" }, "2026-01-02", 1
        ]])
    );
    let columns = run(&world, "select user_id as `a b`, message from conference").await;
    let expected = json!([{ "name": "a b", "type": "int(11)" }, { "name": "message", "type": "text" }]);
    assert_eq!((&columns[0]["columns"], &columns[0]["rows"]), (&expected, &json!([])));
}

#[tokio::test]
async fn statements_follow_each_other_in_one_session_up_to_the_first_error() {
    let world = world(settings()).await;
    let results = run(
        &world,
        "set @n = 5; begin; insert into conference (name, user_id, message) values ('a;b', @n, ''), ('c', 2, ''); \
         select name from conference where user_id = @n; rollback; select count(*) from conference; nonsense; select 2",
    )
    .await;
    assert_eq!((results.len(), &results[2]["affected_rows"]), (7, &json!(2)));
    assert_eq!((&results[3]["rows"], &results[5]["rows"]), (&json!([["a;b"]]), &json!([[0]])));
    let error = &results[6]["error"];
    assert_eq!(
        (&error["code"], &error["state"], &error["comet"]),
        (&json!(1064), &json!("42000"), &json!(3))
    );
    assert!(error["message"].as_str().unwrap().starts_with("You have an error in your SQL syntax"));
    // Nothing is left of that session.
    assert_eq!(run(&world, "select @n").await[0]["rows"], json!([[null]]));
    assert_eq!(run(&world, " ; -- nothing").await[0]["error"]["code"], 1065);
    let many = "select 1;".repeat(MAX_STATEMENTS + 1);
    let (status, answer) = ask(&world, Sent { body: &json!({ "query": many }).to_string(), ..GOOD }).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(1436)));
}

#[tokio::test]
async fn parameters_are_values_and_stand_for_the_question_marks_of_all_statements_in_order() {
    let world = world(settings()).await;
    let evil = "'); delete from conference; -- \\";
    let results = run_with(
        &world,
        "insert into conference (name, user_id, message) values (?, ?, '?'), ('other', 3, ?); -- ?\n\
         select name, user_id, message from conference order by user_id limit ?; select 'none';\n\
         select ?, ?, ?, ?, ?, ? union all select 1, 2, 3, 4, 5, 6",
        json!([evil, 2, "", 1, null, true, 0.1, u64::MAX, "1.10", { "base64": "/wA=" }]),
    )
    .await;
    assert_eq!(results[0]["affected_rows"], 2, "{results:?}");
    assert_eq!(results[1]["rows"], json!([[evil, 2, "?"]]));
    assert_eq!(results[2]["rows"], json!([["none"]]));
    let values = json!([null, 1, 0.1, "18446744073709551615", "1.10", { "base64": "/wA=" }]);
    assert_eq!(results[3]["rows"][0], values);
    // What cannot be prepared, and what fails, has MySQL's error.
    let error = |results: Vec<Json>| results[0]["error"]["code"].clone();
    assert_eq!(error(run_with(&world, "execute a using ?", json!([1])).await), 1295);
    assert_eq!(error(run_with(&world, "select ? from nowhere", json!([1])).await), 1146);
    // In a comment that is carried out it is not seen.
    assert_eq!(error(run_with(&world, "select 1 /*! + ? */", json!([])).await), 1064);
    assert_eq!(error(run_with(&world, "select ? /*! + ? */", json!([1])).await), 1210);
}

#[tokio::test]
async fn nothing_is_carried_out_with_a_wrong_number_of_parameters() {
    let world = world(settings()).await;
    let insert = "insert into conference (name, user_id, message) values ('a', 1, ''); select ?";
    for params in [json!([]), json!([1, 2]), json!([1, 2, 3])] {
        let body = json!({ "query": insert, "params": params }).to_string();
        let (status, answer) = ask(&world, Sent { body: &body, ..GOOD }).await;
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(1210)), "{params}");
        assert_eq!(answer["error"]["message"], "Incorrect arguments to EXECUTE");
    }
    assert_eq!(run(&world, "select count(*) from conference").await[0]["rows"], json!([[0]]));
}

#[tokio::test]
async fn a_tenant_is_let_in_by_its_password_alone() {
    let world = world(settings()).await;
    let whoami = "{\"query\":\"select current_user(), database()\"}";
    let (_, answer) = ask(&world, Sent { user: "0/db_15", body: whoami, ..GOOD }).await;
    assert_eq!(answer["results"][0]["rows"], json!([["0@127.0.0.1", "db_15"]]));
    for (user, password, status, code) in [
        ("15", "wrong", 401, 1045),
        ("15", "", 401, 1045),
        ("bob", PASSWORD, 401, 1045),
        ("15/db_16", PASSWORD, 404, 1049),
    ] {
        let (found, answer) = ask(&world, Sent { user, password, ..GOOD }).await;
        assert_eq!((found, &answer["error"]["code"]), (status, &json!(code)), "{user}:{password}");
    }
    for authorization in ["Bearer x", "Basic", "Basic ***", "Basic MTU=", "Basic /w==", "é"] {
        let request =
            GOOD.text().replace("Authorization: Basic ", &format!("Authorization: {authorization}\r\nX: "));
        let answer = world.ask(&request).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{authorization}: {answer}");
        assert!(answer.contains("www-authenticate: Basic realm="), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_are_slowed_down_together_with_those_of_the_mysql_port() {
    let mysql = port(MysqlSettings {
        failed_login_delay: Duration::from_secs(1),
        failed_login_burst: 1,
        handshake_timeout: Duration::from_secs(2),
        ..settings()
    });
    let world = World::with_sql(WebsocketSettings::default(), &mysql).await;
    let world = world.at("127.0.0.1:1000");
    let wrong = async || ask(&world, Sent { password: "wrong", ..GOOD }).await.0;
    assert_eq!(tokio::join!(wrong(), wrong(), wrong(), wrong()), (401, 401, 401, 429));
    tokio::time::advance(Duration::from_secs(10)).await;
    let wrong_there = async || {
        let deadline = Instant::now() + Duration::from_secs(2);
        let attempt = Attempt { user: b"15", peer: world.peer.ip(), deadline, with_password: true };
        mysql.gate.admit(attempt, |_| false).await.unwrap_err().codes().0
    };
    assert_eq!(tokio::join!(wrong_there(), wrong_there(), wrong_there(), wrong()), (1045, 1045, 1045, 429));
}

#[tokio::test]
async fn pages_of_others_and_strangers_are_turned_away() {
    let world = world(settings()).await;
    for (sent, status) in [
        (Sent { more: "Origin: http://localhost:8087\r\nSec-Fetch-Site: same-origin\r\n", ..GOOD }, 200),
        (Sent { more: "Origin: http://evil.example.com\r\n", ..GOOD }, 403),
        (Sent { more: "Sec-Fetch-Site: cross-site\r\n", ..GOOD }, 403),
        (Sent { host: "evil.example.com", more: "Origin: http://evil.example.com\r\n", ..GOOD }, 403),
        (Sent { more: "X-Forwarded-For: 127.0.0.1\r\n", ..GOOD }, 403),
        (Sent { content_type: "text/plain", ..GOOD }, 415),
        (Sent { content_type: "application/x-www-form-urlencoded", ..GOOD }, 415),
        (Sent { content_type: "", ..GOOD }, 415),
        (Sent { method: "GET", body: "", ..GOOD }, 405),
        (Sent { method: "OPTIONS", body: "", more: "Origin: http://localhost:8087\r\n", ..GOOD }, 405),
        (Sent { method: "OPTIONS", body: "", more: "Origin: http://evil.example.com\r\n", ..GOOD }, 403),
    ] {
        let (found, answer) = ask(&world, sent).await;
        assert_eq!(found, status, "{answer}");
    }
    let far = world.at("192.0.2.1:1000");
    let (status, answer) = ask(&far, GOOD).await;
    assert_eq!((status, &answer["error"]["code"]), (403, &json!(1835)));
    for (admin, status) in [("192.0.2.0/24", 200), ("127.0.0.1/32", 403)] {
        let settings_ =
            WebsocketSettings { admin: vec![admin.parse().unwrap()], ..WebsocketSettings::default() };
        let world = World::with_sql(settings_, &port(settings())).await;
        assert_eq!(ask(&world, GOOD).await.0, status, "{admin}");
    }
    let secured = MysqlSettings { tls_required: true, ..settings() };
    let (status, answer) = ask(&self::world(secured).await, GOOD).await;
    assert_eq!((status, &answer["error"]["code"]), (403, &json!(3159)));
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    let world = world(MysqlSettings { max_packet: 20_000, ..settings() }).await;
    for body in [
        "",
        "1",
        "\"select 1\"",
        "{}",
        "{\"query\":1}",
        "{\"query\":\"select 1\",\"more\":1}",
        "{\"query\":\"select 1\"} x",
        &"[".repeat(10_000),
        "{\"query\":\"select ?\",\"params\":1}",
    ] {
        assert_eq!(ask(&world, Sent { body, ..GOOD }).await.0, 400, "{body}");
    }
    let long = json!({ "query": "x".repeat(MAX_BODY) }).to_string();
    let head = GOOD.text().replace("Content-Length: 20", &format!("Content-Length: {}", long.len()));
    let (status, answer) = read(&world.ask(&head).await);
    assert_eq!((status, &answer["error"]["code"]), (413, &json!(1153)));
    let long = json!({ "query": "select ?", "params": ["x".repeat(20_000)] }).to_string();
    let (status, answer) = ask(&world, Sent { body: &long, ..GOOD }).await;
    assert_eq!((status, &answer["error"]["code"]), (413, &json!(1153)));
    let results =
        run(&world, "select 1; select repeat('x', 15000) union all select repeat('x', 15001)").await;
    assert_eq!((results.len(), &results[0]["rows"]), (2, &json!([[1]])));
    assert_eq!(results[1]["error"]["code"], 1153);
    let settings_ = WebsocketSettings { max_rate: 1, ..WebsocketSettings::default() };
    let hasty = World::with_sql(settings_, &port(settings())).await;
    let hasty = hasty.at("127.0.0.1:1000");
    let mut status = 200;
    for _ in 0..12 {
        status = ask(&hasty, GOOD).await.0;
    }
    assert_eq!(status, 429);
}

#[tokio::test]
async fn statements_are_seen_stopped_and_not_left_behind() {
    let mysql = port(MysqlSettings {
        query_log: QueryLogSettings { slow_queries: Some(Duration::ZERO), ..settings().query_log },
        ..settings()
    });
    let world = World::with_sql(WebsocketSettings::default(), &mysql).await;
    let world = world.at("127.0.0.1:1000");
    let rows: Vec<_> = (0..2_000).map(|user| format!("('a', {user}, '')")).collect();
    let insert = format!("insert into conference (name, user_id, message) values {}", rows.join(","));
    assert_eq!(run(&world, &insert).await[0]["affected_rows"], 2_000);
    let slow = "select count(*) from conference a, conference b, conference c where a.user_id + b.user_id + c.user_id = -1";
    let running = async || {
        loop {
            let found = mysql.connections.list(15).into_iter().find(|process| process.statement.is_some());
            match found {
                Some(process) => break process,
                None => tokio::task::yield_now().await,
            }
        }
    };
    let kill = async {
        let process = running().await;
        assert_eq!((process.statement.as_deref(), process.host.as_str()), (Some(slow), "127.0.0.1:1000"));
        mysql.connections.kill(process.id, 15, false).unwrap();
    };
    let (results, ()) = tokio::join!(run(&world, slow), kill);
    assert_eq!(results[0]["error"]["code"], 1317);
    // A client that hangs up stops its statement.
    let body = json!({ "query": slow }).to_string();
    let mut connection = world.connect();
    connection.stream.write_all(Sent { body: &body, ..GOOD }.text().as_bytes()).await.unwrap();
    running().await;
    drop(connection.stream);
    connection.served.await.unwrap();
    assert!(mysql.connections.list(0).is_empty());
    // The thread that looks for rows gives them back when it has noticed.
    let given_back = async {
        while mysql.engine.memory().held() != 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, given_back).await.expect("nothing is held any more");
    assert!(mysql.connections.counters().slow >= 2);
}

#[tokio::test]
async fn what_has_begun_is_answered_when_the_server_stops() {
    let world = world(settings()).await;
    let mut connection = world.connect();
    let request = GOOD.text();
    let (begin, end) = request.split_at(request.len() - 5);
    connection.stream.write_all(begin.as_bytes()).await.unwrap();
    while world.port.sql.as_ref().unwrap().room.available_permits() == MAX_AT_ONCE {
        tokio::task::yield_now().await;
    }
    connection.stop.send(()).unwrap();
    tokio::task::yield_now().await;
    connection.stream.write_all(end.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(read(&answer).0, 200);
}

#[tokio::test]
async fn an_answer_takes_room_until_its_client_has_it() {
    let mysql = port(MysqlSettings { max_packet: 1 << 20, ..settings() });
    let world = World::with_sql(WebsocketSettings::default(), &mysql).await.at("127.0.0.1:1000");
    let query = ["select repeat('x', 60000)"; 8].join(" union all ");
    let body = json!({ "query": query }).to_string();
    let mut connection = world.connect();
    connection.stream.write_all(Sent { body: &body, ..GOOD }.text().as_bytes()).await.unwrap();
    // More than goes into the pipe.
    let mut begin = [0; 1];
    connection.stream.read_exact(&mut begin).await.unwrap();
    assert_eq!(world.port.sql.as_ref().unwrap().room.available_permits(), MAX_AT_ONCE - 1);
    assert!(mysql.engine.memory().held() >= 8 * 60_000);
    let mut rest = String::new();
    connection.stream.read_to_string(&mut rest).await.unwrap();
    connection.served.await.unwrap();
    assert!(rest.len() > 8 * 60_000);
    assert_eq!(world.port.sql.as_ref().unwrap().room.available_permits(), MAX_AT_ONCE);
    assert_eq!(mysql.engine.memory().held(), 0);
}
