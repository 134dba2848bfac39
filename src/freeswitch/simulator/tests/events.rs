//! What it tells by itself: events, in all formats.

use super::*;

#[tokio::test]
async fn replays_what_is_run_in_the_background() {
    let jobs: [(&[u8], &[u8]); 4] = [
        (fixture!("bgapi/nosuch.sent"), fixture!("bgapi/nosuch.raw")),
        (fixture!("bgapi/conference-list-none.sent"), fixture!("bgapi/conference-list-none.raw")),
        (fixture!("bgapi/own-job-uuid.sent"), fixture!("bgapi/own-job-uuid.raw")),
        (fixture!("bgapi/empty-result.sent"), fixture!("bgapi/empty-result.raw")),
    ];
    let world = World::new();
    let mut client = world.logged_in().await;
    let mut other = world.logged_in().await;
    let enabled = b"Content-Type: command/reply\nReply-Text: +OK event listener enabled plain\n\n";
    for client in [&mut client, &mut other] {
        client.write_all(b"event plain BACKGROUND_JOB\n\n").await.unwrap();
        expect(client, enabled).await;
    }
    for (sent, recorded) in jobs {
        if sent.ends_with(b"getvar nosuch\n\n") {
            one_member(&world);
        }
        client.write_all(sent).await.unwrap();
        let event = recorded.windows(16).position(|window| window == b"Content-Length: ").unwrap();
        expect(&mut client, &recorded[..event]).await;
        let [expected] = &messages(&recorded[event..])[..] else { panic!() };
        // Everyone is told.
        for client in [&mut client, &mut other] {
            let mut said = vec![0; 64 * 1024];
            let length = timeout(LIMIT, client.read(&mut said)).await.unwrap().unwrap();
            let [said] = &messages(&said[..length])[..] else { panic!() };
            assert_alike(said, expected);
        }
    }
}

#[tokio::test]
async fn replays_the_events_of_a_conference() {
    let world = World::new();
    let mut client = world.logged_in().await;
    client.write_all(b"event plain HEARTBEAT CUSTOM conference::maintenance\n\n").await.unwrap();
    expect(&mut client, b"Content-Type: command/reply\nReply-Text: +OK event listener enabled plain\n\n")
        .await;
    world.next_member_is(52);
    let command = |command: &str| {
        world.api(&format!("conference 15*101-FSdefaultDomain {command}"));
    };
    let first = world.join("101", "audio", b"000015000002", "000015000002");
    let second = world.join("101", "audio", "Ünï & <b>; \"x\"".as_bytes(), "000015000003");
    let third = world.call(Call { moderator: true, ..call("101", "video", "000015000004") });
    let talk = |uuid, talking| world.simulator.with(|conferences, now| conferences.talk(uuid, talking, now));
    let give_floor = |id| world.simulator.with(|conferences, now| conferences.give_floor(0, Some(id), now));
    world.simulator.with(|conferences, now| {
        conferences.talk(first, false, now);
        conferences.give_floor(0, Some(53), now);
        conferences.talk(second, false, now);
    });
    ["mute 52", "unmute 52"].into_iter().for_each(command);
    give_floor(52);
    talk(first, true);
    ["deaf 53", "undeaf 53"].into_iter().for_each(command);
    talk(second, true);
    ["hold 53", "unhold 53"].into_iter().for_each(command);
    talk(second, true);
    give_floor(53);
    ["vmute 52", "lock", "unlock", "record /var/fs/recordings/ev.wav"].into_iter().for_each(command);
    ["setvar foo bar", "energy 53 200"].into_iter().for_each(command);
    give_floor(52);
    world.simulator.with(|conferences, now| conferences.leave(third, now));
    command("kick 52");
    command("hup 53");
    world.simulator.with(|conferences, now| conferences.beat(now));

    let recorded = messages(fixture!("events.raw"));
    let mut said = Vec::new();
    while said.windows(10).all(|window| window != b"Event-Info") {
        let mut more = vec![0; 64 * 1024];
        let length = timeout(LIMIT, client.read(&mut more)).await.unwrap().unwrap();
        assert_ne!(length, 0);
        said.extend_from_slice(&more[..length]);
    }
    let mut said = messages(&said).into_iter();
    for expected in recorded {
        // The simulator may tell more in between; what was recorded comes in this order.
        let is_it = |event: &Vec<u8>| alike(event) == alike(&expected);
        let mut others = said.clone();
        if others.find(is_it).is_none() {
            let action = |event: &[u8]| {
                let text = String::from_utf8_lossy(event).into_owned();
                text.lines().find(|line| line.starts_with("Action")).map(str::to_owned)
            };
            let closest = said.find(|event| action(event) == action(&expected)).unwrap_or_default();
            assert_alike(&closest, &expected);
        }
        said = others;
    }
}

/// Somebody joins a conference and begins to talk.
#[tokio::test]
async fn replays_events_in_json_and_xml() {
    for (format, recorded) in
        [("json", &fixture!("events-json.raw")[..]), ("xml", &fixture!("events-xml.raw")[..])]
    {
        let world = World::new();
        let mut client = world.logged_in().await;
        let ask = format!("event {format} CUSTOM conference::maintenance\n\n");
        client.write_all(ask.as_bytes()).await.unwrap();
        let enabled =
            format!("Content-Type: command/reply\nReply-Text: +OK event listener enabled {format}\n\n");
        expect(&mut client, enabled.as_bytes()).await;
        world.next_member_is(52);
        world.join("101", "audio", b"000015000002", "000015000002");
        let end: &[u8] = if format == "json" {
            b"\"start-talking\"}"
        } else {
            b">start-talking</Action>\n  </headers>\n</event>\n"
        };
        let mut said = Vec::new();
        while !said.ends_with(end) {
            assert_ne!(timeout(LIMIT, client.read_buf(&mut said)).await.unwrap().unwrap(), 0);
        }
        let (said, recorded) = (alike_in_other_formats(&said), alike_in_other_formats(recorded));
        assert_eq!(String::from_utf8(said).unwrap(), String::from_utf8(recorded).unwrap());
    }
}

#[tokio::test]
async fn names_are_bytes_in_json() {
    let world = World::new();
    let mut client = world.logged_in().await;
    client
        .write_all(b"event json CUSTOM conference::maintenance\n\nfilter Action del-member\n\n")
        .await
        .unwrap();
    expect(
        &mut client,
        b"Content-Type: command/reply\nReply-Text: +OK event listener enabled json\n\n\
          Content-Type: command/reply\nReply-Text: +OK filter added. [Action]=[del-member]\n\n",
    )
    .await;
    let uuid = world.join("101", "audio", b"caf\xe9\xff \"\\ \n", "000015000002");
    world.simulator.with(|conferences, now| conferences.leave(uuid, now));
    let mut said = Vec::new();
    while !said.ends_with(b"}") {
        assert_ne!(timeout(LIMIT, client.read_buf(&mut said)).await.unwrap().unwrap(), 0);
    }
    let has = |text: &[u8]| said.windows(text.len()).any(|window| window == text);
    assert!(
        has(b"\"Caller-Caller-ID-Name\":\"caf\xe9\xff \\\"\\\\ \\n\""),
        "{}",
        String::from_utf8_lossy(&said)
    );
    // All others were filtered out.
    assert!(has(b"\"Action\":\"del-member\"") && !has(b"add-member"));
}

/// Messages without their outer headers, whose lengths hold what differs.
fn messages(mut text: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some(rest) = text.strip_prefix(b"Content-Length: ") {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let length: usize = str::from_utf8(&rest[..digits]).unwrap().parse().unwrap();
        let body = rest[digits..].strip_prefix(b"\nContent-Type: text/event-plain\n\n").unwrap();
        messages.push(body[..length].to_vec());
        text = &body[length..];
    }
    assert_eq!(text, b"");
    messages
}

/// The same of events in JSON or XML, without their outer headers.
fn alike_in_other_formats(text: &[u8]) -> Vec<u8> {
    let volatile = "(FreeSWITCH-(?:Hostname|Switchname|IPv.)|Event-Date-[A-Za-z]+|Event-Sequence|\
        Caller-(?:Profile-Created|Channel-(?:Created|Answered))-Time|Current-Energy|Content-Length)(\":\"|>|: )[^\"<\\n]+";
    Regex::new(volatile).unwrap().replace_all(&alike(text), &b"$1$2volatile"[..]).into_owned()
}
