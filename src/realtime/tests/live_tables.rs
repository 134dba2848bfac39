//! What SQL sees of browsers.

use super::*;

#[tokio::test]
async fn what_browsers_do_is_counted_by_tenant() {
    let world = World::new().await;
    let (mut user, mut nobody) = (world.user(7).await, world.nobody().await);
    user.say("statistics\n{}").await;
    nobody.hears_nothing().await;
    let figures = "SHOW STATUS WHERE Variable_name IN ('id', 'user_online', 'server_online', 'messages')";
    // There is no port for backends here.
    let expected = [["id", "15"], ["messages", "2"], ["server_online", "0"], ["user_online", "2"]];
    assert_eq!(world.sql(figures).await, expected);
    drop(user);
    let hello = Hello { tenant: 16, ..world.hello(0, "") };
    let _stranger = Session::open(&world.realtime, hello).await.unwrap();
    assert_eq!(world.sql("SHOW STATUS LIKE 'user_online'").await, [["user_online", "1"]]);
    let names = ["frontend_online", "frontend_add_client", "frontend_delete_client", "frontend_messages"];
    let mut all = Vec::new();
    for name in names {
        all.extend(world.sql(&format!("SHOW GLOBAL STATUS LIKE '{name}'")).await);
    }
    assert_eq!(
        all,
        names.into_iter().zip(["2", "3", "1", "2"]).map(|(name, value)| [name, value]).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn pipes_and_who_is_in_them_are_tables() {
    let world = World::new().await;
    let (mut user, mut nobody) = (world.user(7).await, world.nobody().await);
    user.say("subscription\nweb_a\nweb_b\nprivate_x").await;
    nobody.say("subscription\nweb_b").await;
    // What is asked now is answered when that is done.
    nobody.hears_nothing().await;
    let pipes = [["private_x", "1"], ["web_a", "1"], ["web_b", "2"]];
    assert_eq!(world.sql("SELECT * FROM pipes").await, pipes);
    assert_eq!(world.sql("SELECT COUNT(*) FROM pipes").await, [["3"]]);
    assert_eq!(world.sql("SELECT users FROM pipes WHERE name = 'web_b'").await, [["2"]]);
    // Whoever asks for a pipe by its name is answered.
    let asked = "SELECT * FROM pipes WHERE name IN ('web_x', 'no pipe', 'web_b')";
    assert_eq!(world.sql(asked).await, [["web_b", "2"], ["web_x", "0"]]);
    assert_eq!(world.sql("SELECT COUNT(*) FROM pipes WHERE name = 'web_x'").await, [["1"]]);
    assert_eq!(world.sql("SELECT * FROM pipes WHERE name = 'web_x' AND users > 0").await, [[""; 0]; 0]);
    let backwards = "SELECT name FROM pipes WHERE name LIKE 'web%' ORDER BY name DESC";
    assert_eq!(world.sql(backwards).await, [["web_b"], ["web_a"]]);
    let users = "SELECT user_id, user_uuid, user_agent, ip, origin, language FROM users_in_pipes";
    let (first, second) = (["7", "uuid-7", "", "", "", ""], ["0", "uuid-0", "", "", "", ""]);
    assert_eq!(world.sql(&format!("{users} WHERE name = 'web_b'")).await, [first, second]);
    assert_eq!(
        world.sql(&format!("{users} ORDER BY name DESC, session DESC LIMIT 2")).await,
        [second, first]
    );
    let join =
        "SELECT a.name FROM users_in_pipes a JOIN users_in_pipes b USING (session) WHERE b.name = 'web_a'";
    assert_eq!(world.sql(&format!("{join} ORDER BY a.name")).await, [["private_x"], ["web_a"], ["web_b"]]);
    for write in ["INSERT INTO pipes VALUES ('a', 1)", "DELETE FROM users_in_pipes"] {
        let refused = world.backend.lock().await.execute(write).await.err().unwrap();
        assert_eq!(refused.codes().2, 10, "{refused}");
    }
    drop((user, nobody));
    assert_eq!(world.sql("SELECT * FROM users_in_pipes").await, [[""; 0]; 0]);
}

#[tokio::test]
async fn users_time_is_true_at_once() {
    let world = World::new().await;
    let asked = "SELECT id, time FROM users_time WHERE id IN (6, 7) ORDER BY id DESC";
    assert_eq!(world.sql(asked).await, [["7", "-1"], ["6", "-1"]]);
    assert_eq!(world.sql("SELECT COUNT(*) FROM users_time WHERE id = 7").await, [["1"]]);
    let join = "SELECT a.id, t.time FROM users_auth a LEFT JOIN users_time t ON t.id = a.id";
    let browser = world.user(7).await;
    assert_eq!(world.sql(join).await, [["7", "0"]]);
    assert_eq!(world.sql(asked).await, [["7", "0"], ["6", "-1"]]);
    drop(browser);
    let seen = "SELECT time > 1700000000 FROM users_time WHERE id = 7";
    world.until(seen, &[&["1"]]).await;
    for _ in 0..100 {
        let browser = world.user(7).await;
        assert_eq!(world.sql("SELECT time FROM users_time WHERE id = 7").await, [["0"]]);
        drop(browser);
        assert_eq!(world.sql(seen).await, [["1"]]);
    }
}
