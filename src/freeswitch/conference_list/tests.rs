//! Lists as FreeSWITCH gives them, recorded and made up.

use super::{
    parser::{MAX_DEPTH, MAX_ENTRIES, MAX_VALUE_BYTES},
    *,
};
use crate::tables::conference_members::Flag;

/// The body of a recorded answer.
async fn read_recorded(recording: &str) -> Vec<Conference> {
    let (_, body) = recording.split_once("\n\n").unwrap();
    read(body.as_bytes()).await.unwrap()
}

fn document(members: &str) -> String {
    format!(
        r#"<conferences><conference name="15*1-d"><members>{members}</members></conference></conferences>"#
    )
}

async fn callers(members: &str) -> Vec<Caller> {
    read(document(members).as_bytes()).await.unwrap().remove(0).callers
}

async fn refusal(text: &str) -> String {
    read(text.as_bytes()).await.unwrap_err().to_string()
}

#[tokio::test]
async fn reads_three_callers() {
    let list = read_recorded(include_str!("../../../tests/fixtures/freeswitch/three-members.raw")).await;
    let [conference] = &list[..] else { panic!("{list:?}") };
    assert_eq!(conference.name, "15*101-FSdefaultDomain");
    let caller = |id, uuid, number, talked_ago, more: &[Flag]| Caller {
        id,
        uuid: CompactString::const_new(uuid),
        number: CompactString::const_new(number),
        joined_ago: 1,
        talked_ago,
        volume_in: 0,
        volume_out: 0,
        energy: 100,
        flags: [Flag::CanHear, Flag::CanSee, Flag::CanSpeak].iter().chain(more).copied().collect(),
    };
    assert_eq!(
        conference.callers,
        [
            caller(4, "6922c5bb-e3ca-421a-ab88-88ec41ab2403", "0000154", None, &[]),
            caller(3, "d3366403-ed1f-40d9-9679-b4b08bb7c77f", "000015000003", Some(0), &[Flag::Talking]),
            caller(
                2,
                "6c8ca7ea-8494-4f94-821f-6520ad0ff495",
                "000015000002",
                Some(0),
                &[Flag::Talking, Flag::HasFloor]
            ),
        ]
    );
}

#[tokio::test]
async fn reads_a_node_without_conferences() {
    assert_eq!(read_recorded(include_str!("../../../tests/fixtures/freeswitch/no-conference.raw")).await, []);
    assert_eq!(read("+OK No active conferences.\n".as_bytes()).await.unwrap(), []);
}

#[tokio::test]
async fn reads_several_conferences() {
    let list = read_recorded(include_str!("../../../tests/fixtures/freeswitch/several.raw")).await;
    let summary: Vec<_> = list.iter().map(|it| (it.name.as_str(), it.callers.len())).collect();
    assert_eq!(
        summary,
        [
            (r"15*[a]^`z\-FSdefaultDomain", 1),
            ("16*101-FSdefaultDomain", 1),
            ("15*202-FSdefaultDomain", 1),
            ("7*abc-X_y-FSdefaultDomain", 1),
            ("15*101-FSdefaultDomain", 4),
        ]
    );
}

#[tokio::test]
async fn reads_flags_and_recording_nodes() {
    let list =
        read_recorded(include_str!("../../../tests/fixtures/freeswitch/flags-and-recording.raw")).await;
    let ids: Vec<_> = list[0].callers.iter().map(|caller| caller.id).collect();
    assert_eq!(ids, [16, 15, 14, 13, 12, 11, 10]);
    let expected = Conference {
        name: "15*101-FSdefaultDomain".to_owned(),
        uuid: "805a1930-e207-4e5e-8533-70d8125bf2b1".into(),
        run_time: Some(2),
        locked: true,
        max_members: 0,
        recording: "/nonexistent/dir/x.wav\n/var/fs/recordings/a&b.wav\n/var/fs/recordings/15_101.wav".into(),
        callers: list[0].callers.clone(),
    };
    assert_eq!(list[0], expected);
    let flags = |list: &[Flag]| list.iter().copied().collect::<Flags>();
    let [moderator, _, muted, _, held, ..] = &list[0].callers[..] else { panic!() };
    assert_eq!(
        moderator.flags,
        flags(&[Flag::Talking, Flag::CanSpeak, Flag::CanHear, Flag::CanSee, Flag::IsModerator])
    );
    assert_eq!((muted.flags, muted.talked_ago), (flags(&[Flag::CanHear, Flag::CanSee]), Some(1)));
    assert_eq!(held.flags, flags(&[Flag::Hold]));
}

#[tokio::test]
async fn decodes_odd_characters() {
    let list = read_recorded(include_str!("../../../tests/fixtures/freeswitch/odd-characters.raw")).await;
    let names: Vec<_> = list.iter().map(|conference| conference.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "15*3 01-x",
            "list",
            "15*q\"uote",
            "15*日本-FSdefaultDomain",
            "15*301-FSdefaultDomain",
            "15*a&b<c>-FSdefaultDomain",
        ]
    );
    let [caller] = &callers(
        r#"<member type="caller"><uuid>u</uuid><id>1</id><caller_id_number>a%3Bb%20caf%E9&amp;&#x65E5;<![CDATA[<]]></caller_id_number></member>"#,
    )
    .await[..] else {
        panic!()
    };
    assert_eq!(caller.number, "a;b caf\u{fffd}&日<");
}

/// FreeSWITCH 1.6 has no `<variables>`; another may have elements we have never seen, with familiar names inside.
#[tokio::test]
async fn finds_elements_by_place_and_name() {
    let list = callers(
        r#"<new><member type="caller"><id>7</id><uuid>no</uuid></member></new>
        <member type="caller"><new><id>8</id></new><id>9</id><uuid>yes</uuid><last_talking/><join_time/></member>
        <member type="caller"><uuid>no id</uuid></member>
        <member type="caller"><id>10</id></member>
        <member><id>11</id><uuid>no type</uuid></member>"#,
    )
    .await;
    let [Caller { id: 9, uuid, joined_ago: 0, talked_ago: None, .. }] = &list[..] else { panic!("{list:?}") };
    assert_eq!(uuid, "yes");
}

#[tokio::test]
async fn cuts_long_values() {
    let long = "日".repeat(MAX_VALUE_BYTES);
    let [caller] = &callers(&format!(
        r#"<member type="caller"><id>1</id><uuid>u</uuid><caller_id_number>{long}&amp;</caller_id_number></member>"#
    ))
    .await[..] else {
        panic!()
    };
    assert_eq!(caller.number.len(), MAX_VALUE_BYTES);
}

#[tokio::test]
async fn names_what_is_no_list() {
    let refused = "-ERR conference Command not found!\n";
    assert_eq!(refusal(refused).await, "no conference list but '-ERR conference Command not found!'");
    assert_eq!(refusal("").await, "no conference list but ''");
    for (text, expected) in [
        ("<html></html>", "the document is a 'html'"),
        ("<conferences>", "it ends too early"),
        ("<conferences><conference></conferences>", "'conferences' is closed and not open"),
        ("<conferences>&nbsp;</conferences>", "unknown entity 'nbsp'"),
        ("<conferences>\u{fffd}</conferences", "it ends too early"),
        ("<conferences></conferences></conferences>", "'conferences' is closed and not open"),
        ("<conferences></conferences><!-- > -- >", "it ends too early"),
    ] {
        let error = refusal(text).await;
        let cause =
            error.strip_prefix("conference list not understood: ").unwrap_or_else(|| panic!("{error}"));
        assert!(cause.starts_with(expected), "{cause}");
    }
    let deep = "<conferences>".repeat(MAX_DEPTH + 1);
    assert!(refusal(&deep).await.ends_with("elements more than 32 deep"));
    let long = format!("<conferences>{}", " ".repeat(2 * 1024 * 1024));
    assert!(refusal(&long).await.ends_with("a tag or text of 1048576 bytes"));
    let many = format!("<conferences>{}", "<conference/>".repeat(MAX_ENTRIES + 1));
    assert!(refusal(&many).await.ends_with("more than 200000 conferences and callers"));
}

#[tokio::test]
async fn however_it_comes_it_is_the_same_list() {
    let recording = include_str!("../../../tests/fixtures/freeswitch/odd-characters.raw");
    let (_, body) = recording.split_once("\n\n").unwrap();
    let odd = r#"<conferences><!-- > <member> --><conference name="15*a>b&amp;c"><members>
        <member type="caller"><id>4</id><uuid>é<![CDATA[<>]]>x&gt;</uuid></member></members></conference></conferences>"#;
    for document in [body, odd] {
        let expected = read(document.as_bytes()).await.unwrap();
        assert!(expected.iter().any(|conference| !conference.callers.is_empty()));
        for size in 1..20 {
            let pieces = tokio::io::BufReader::with_capacity(size, document.as_bytes());
            assert_eq!(read(pieces).await.unwrap(), expected, "in pieces of {size}");
        }
    }
    let conference = &read(odd.as_bytes()).await.unwrap()[0];
    assert_eq!((&*conference.name, &*conference.callers[0].uuid), ("15*a>b&c", "é<>x>"));
}

#[tokio::test]
async fn a_body_cut_short_is_no_list() {
    let recording = include_str!("../../../tests/fixtures/freeswitch/three-members.raw");
    let (_, body) = recording.split_once("\n\n").unwrap();
    for end in 1..body.trim_end().len() {
        read(&body.as_bytes()[..end]).await.expect_err(&body[..end]);
    }
}
