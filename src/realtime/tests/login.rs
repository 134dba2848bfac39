//! Who browsers are, and what they may know.

use super::*;

#[tokio::test]
async fn a_browser_is_told_who_it_is() {
    let world = World::new().await;
    world.sql("INSERT INTO users_auth (id, hash) VALUES (7, 'PassForUser7')").await;
    for (user_id, key, hash) in [
        (7, "PassForUser7", Some("PassForUser7")),
        (7, "passforuser7", None),
        (7, "", None),
        (8, "PassForUser7", None),
        (8, "", None),
        (0, "PassForUser7", None),
    ] {
        let info = world.connect(user_id, key).await.1;
        assert_eq!(info["authorized"], hash.is_some(), "{user_id} {key}");
        assert_eq!(info["data"], hash.unwrap_or_default());
        assert_eq!((&info["pipe"], &info["event"]), (&json!("sys"), &json!("serverInfo")));
    }
}

#[tokio::test]
async fn tokens_log_in_until_they_end_or_are_revoked() {
    let world = World::new().await;
    let secret = format!("{PASSWORD}15");
    let good = token(&json!({ "user_id": 5, "exp": 9_983_311_200_i64 }), &secret);
    let (browser, info) = world.connect(5, &good).await;
    assert_eq!(info["authorized"], true);
    // He has a SIP password now.
    let hash = info["data"].as_str().unwrap();
    assert_eq!(hash.len(), HASH_LENGTH_OF_A_NEW_USER);
    assert_eq!(world.sql("SELECT hash FROM users_auth WHERE id = 5").await, [[hash]]);
    for (user_id, bad) in [
        (6, good.clone()),
        (5, token(&json!({ "user_id": 5, "exp": 1_700_000_000 }), &secret)),
        (5, token(&json!({ "user_id": 5 }), &secret)),
        (5, token(&json!({ "user_id": "5", "exp": 9_983_311_200_i64 }), &secret)),
        (5, token(&json!({ "user_id": 5, "exp": 9_983_311_200_i64 }), PASSWORD)),
        (5, format!("{good}=")),
        (5, "a.b.c".to_owned()),
    ] {
        assert_eq!(world.connect(user_id, &bad).await.1["authorized"], false, "{bad}");
    }
    world.sql(&format!("INSERT INTO revoked_tokens (token) VALUES ('{good}')")).await;
    assert_eq!(timeout(PATIENCE, browser.mailbox.ended()).await.unwrap(), End::LoggedOut);
    assert_eq!(world.connect(5, &good).await.1["authorized"], false);
    world.until("SELECT id FROM users_auth", &[]).await;
}

/// Characters of a hash that the server makes.
const HASH_LENGTH_OF_A_NEW_USER: usize = 32;

#[tokio::test]
async fn deleting_a_login_ends_its_connections() {
    let world = World::new().await;
    let (one, other) = (world.user(7).await, world.user(8).await);
    // Another hash is for the next login.
    world.sql("INSERT INTO users_auth (id, hash) VALUES (8, 'another')").await;
    world.sql("DELETE FROM users_auth WHERE id = 7").await;
    assert_eq!(timeout(PATIENCE, one.mailbox.ended()).await.unwrap(), End::LoggedOut);
    assert!(timeout(Duration::from_millis(50), other.mailbox.ended()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_logs_in_while_the_login_is_deleted_is_not_left_logged_in() {
    let world = World::new().await;
    for round in 0..300 {
        world.sql("REPLACE INTO users_auth (id, hash) VALUES (7, 'hash7')").await;
        let delete = world.sql("DELETE FROM users_auth WHERE id = 7");
        let connect = async {
            // At another moment of the deletion each time.
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            world.connect(7, "hash7").await
        };
        let (_, (browser, info)) = tokio::join!(delete, connect);
        if info["authorized"] == true {
            assert_eq!(timeout(PATIENCE, browser.mailbox.ended()).await.unwrap(), End::LoggedOut);
        }
    }
}

#[tokio::test]
async fn a_login_that_is_taken_away_while_it_is_looked_at_does_not_last() {
    let world = World::new().await;
    let secret = format!("{PASSWORD}15");
    let good = token(&json!({ "user_id": 8, "exp": 9_983_311_200_i64 }), &secret);
    world.sql("INSERT INTO users_auth (id, hash) VALUES (7, 'hash7'), (8, 'hash8'), (9, 'hash9')").await;
    for (user_id, key, taken) in [
        (7, "hash7", "DELETE FROM users_auth WHERE id = 7"),
        (8, &good, &format!("INSERT INTO revoked_tokens (token) VALUES ('{good}')")),
    ] {
        let logouts = world.realtime.hub.logouts();
        let hash = world.realtime.log_in(15, user_id, key).await.unwrap();
        assert!(hash.is_some());
        world.sql(taken).await;
        let gone = format!("SELECT id FROM users_auth WHERE id = {user_id}");
        world.until(&gone, &[]).await;
        let found = async {
            while world.realtime.hub.logouts() == logouts {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, found).await.unwrap();
        let (_session, mailbox) =
            Session::begin(&world.realtime, world.hello(user_id, key), hash, logouts).await.unwrap();
        assert_eq!(timeout(PATIENCE, mailbox.ended()).await.expect("it ends"), End::LoggedOut);
    }
    // Others' logouts are nothing to him.
    let logouts = world.realtime.hub.logouts();
    world.realtime.hub.log_out(15, 7);
    let hash = Some("hash9".to_owned());
    let (_session, mailbox) =
        Session::begin(&world.realtime, world.hello(9, "hash9"), hash, logouts).await.unwrap();
    assert!(timeout(Duration::from_millis(50), mailbox.ended()).await.is_err());
}

#[tokio::test]
async fn tabs_with_one_token_log_in_at_once() {
    let world = World::new().await;
    let token = token(&json!({ "user_id": 5, "exp": 9_983_311_200_i64 }), &format!("{PASSWORD}15"));
    let (one, other) = tokio::join!(world.connect(5, &token), world.connect(5, &token));
    assert_eq!((&one.1["authorized"], &one.1["data"]), (&json!(true), &other.1["data"]));
}

#[tokio::test]
async fn a_hash_that_another_tab_was_given_a_moment_ago_stays() {
    let world = World::new().await;
    world.realtime.make_hash(15, 5).await.unwrap();
    let given = world.sql("SELECT hash FROM users_auth").await;
    world.realtime.make_hash(15, 5).await.unwrap();
    assert_eq!(world.sql("SELECT hash FROM users_auth").await, given);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_revoked_while_it_logs_in_leaves_no_hash_behind() {
    let world = World::new().await;
    for user_id in 1..=300 {
        let token = token(&json!({ "user_id": user_id, "exp": 9_983_311_200_i64 }), &format!("{PASSWORD}15"));
        let insert = format!("INSERT INTO revoked_tokens (token) VALUES ('{token}')");
        let connect = async {
            // At another moment of the revocation each time.
            for _ in 0..user_id {
                tokio::task::yield_now().await;
            }
            world.connect(user_id, &token).await
        };
        let (_, (browser, info)) = tokio::join!(world.sql(&insert), connect);
        if info["authorized"] == true {
            assert_eq!(timeout(PATIENCE, browser.mailbox.ended()).await.unwrap(), End::LoggedOut);
            let again = world.connect(user_id, info["data"].as_str().unwrap()).await;
            assert_eq!(again.1["authorized"], false, "user {user_id}");
        }
    }
}

#[tokio::test]
async fn user_data_is_for_users() {
    let world = World::new().await;
    world.sql("INSERT INTO users_data (id, data) VALUES (12, '{\"name\":\"it''s\"}')").await;
    let (mut user, mut nobody) = (world.user(7).await, world.nobody().await);
    user.say("user_data\n71\n12").await;
    assert_eq!(
        user.next_timeless().await,
        json!({
            "data": { "user_data": "{\"name\":\"it's\"}", "user_id": 12 }, "event": "answer", "marker": "71",
            "pipe": "_answer",
        })
    );
    user.say("user_data\n71\n99").await;
    assert_eq!(user.next().await["data"]["user_data"], "");
    user.say("user_data\n71\n12x").await;
    assert_eq!(user.next().await["data"]["error"], "Invalid user id");
    nobody.say("user_data\n71\n12").await;
    assert_eq!(nobody.next().await["data"]["error"], "Invalid user auth.");
}

#[tokio::test]
async fn tenants_do_not_hear_each_other() {
    let world = World::new().await;
    let mut own = world.user(7).await;
    let hello = Hello { tenant: 16, ..world.hello(7, "hash7") };
    let (session, mailbox) = Session::open(&world.realtime, hello).await.unwrap();
    let mut stranger = Browser { session, mailbox };
    assert_eq!(stranger.next().await["authorized"], false);
    stranger.say("subscription\nweb_chat\nuser_status_7").await;
    own.say("subscription\nweb_chat").await;
    own.say("web_pipe2\nweb_chat\ne\n*\n1").await;
    assert_eq!(own.next().await["data"]["number_messages"], 0);
    world.sql("INSERT INTO pipes_messages (name, event, message) VALUES ('web_chat', 'e', '1')").await;
    assert_eq!(own.next().await["pipe"], "web_chat");
    drop(own);
    stranger.hears_nothing().await;
}
