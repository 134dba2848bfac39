//! The answer to `conference xml_list`: who is in which conference of a node.
//!
//! It is the only list of FreeSWITCH that stays well-formed whatever callers send, and every version since 1.6 has it:
//!
//! ```xml
//! <conferences>
//!   <conference name="15*101-FSdefaultDomain" uuid="..." locked="true" max_members="9" run_time="2" ...>
//!     <variables/>                                   since 1.8
//!     <members>
//!       <member type="recording_node">               no caller: it has no id
//!         <record_path>/recordings/a&amp;b.wav</record_path>
//!       </member>
//!       <member type="caller">
//!         <id>4</id>
//!         <flags><talking>false</talking>...</flags>
//!         <uuid>6922c5bb-e3ca-421a-ab88-88ec41ab2403</uuid>
//!         <caller_id_name>Outbound%20Call</caller_id_name>
//!         <caller_id_number>000015000002</caller_id_number>
//!         <join_time>1</join_time>                   seconds ago
//!         <last_talking>N/A</last_talking>           seconds ago, N/A for never
//!         <energy>100</energy> <volume_in>0</volume_in> <volume_out>0</volume_out>
//!       </member>
//!     </members>
//!   </conference>
//! </conferences>
//! ```
//!
//! Elements are found by their names and places; others are skipped. Values of callers are percent-encoded. The document is parsed
//! while it is read, so that memory grows with the callers and not with what else it says.

use std::{fmt, io};

use compact_str::CompactString;
use percent_encoding::percent_decode_str;
use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};
use thiserror::Error;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use super::excerpt;
use crate::tables::conference_members::{Flag, Flags};

/// Most bytes of a list: some 15 000 callers.
pub const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;
/// Most conferences, and most callers in all, that one list may have.
const MAX_ENTRIES: usize = 200_000;
/// Most bytes of one tag, or of one text between tags. A conference's variables may be long.
const MAX_TOKEN_BYTES: usize = 1024 * 1024;
/// Elements within elements; FreeSWITCH's go 6 deep.
const MAX_DEPTH: usize = 32;
/// Most bytes kept of a value, before decoding; a longer one is cut. A channel's uuid has 36 unless a dial plan sets
/// another.
const MAX_VALUE_BYTES: usize = 255;
/// Most bytes kept of where a conference is recorded to; further paths are left out.
const MAX_RECORDING_BYTES: usize = 1024;
/// Most bytes kept of an answer that is no document.
const MAX_REFUSAL_BYTES: u64 = 256;

/// Why there is no list.
#[derive(Debug, Error)]
pub enum ListError {
    /// The connection ended or stalled within the document.
    #[error("conference list cut short: {0}")]
    CutShort(io::Error),
    /// FreeSWITCH answered with a text instead, as it does while mod_conference is not loaded.
    #[error("no conference list but '{0}'")]
    Refused(String),
    /// It has so many bytes.
    #[error("conference list too large: {0} bytes instead of {MAX_LIST_BYTES} at most")]
    TooLarge(u64),
    /// Not the document described above.
    #[error("conference list not understood: {0}")]
    Malformed(String),
}

impl ListError {
    fn malformed(what: impl fmt::Display) -> Self {
        ListError::Malformed(what.to_string())
    }
}

/// One conference and its callers, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conference {
    /// Its name, for instance `15*101-FSdefaultDomain`.
    pub name: String,
    /// Its identity: a later conference of the same name has another.
    pub uuid: CompactString,
    /// Seconds since it began; None from a FreeSWITCH that does not say.
    pub run_time: Option<u32>,
    /// Whether nobody else may come in.
    pub locked: bool,
    /// How many members it may have at most; 0 for any number.
    pub max_members: u32,
    /// Where it is recorded to, one path or URL a line, newest first; empty if it is not.
    pub recording: CompactString,
    /// Who is in it.
    pub callers: Vec<Caller>,
}

impl Conference {
    /// What the attributes say.
    fn named(tag: &BytesStart<'_>) -> Result<Self, ListError> {
        let attribute = |name| attribute(tag, name);
        Ok(Conference {
            name: attribute("name")?.unwrap_or_default(),
            uuid: bounded(&attribute("uuid")?.unwrap_or_default(), MAX_VALUE_BYTES).into(),
            run_time: attribute("run_time")?.and_then(|seconds| seconds.parse().ok()),
            locked: attribute("locked")?.as_deref() == Some("true"),
            max_members: attribute("max_members")?.and_then(|limit| limit.parse().ok()).unwrap_or_default(),
            ..Conference::default()
        })
    }

    fn add_recording(&mut self, path: &str) {
        if self.recording.is_empty() {
            self.recording.push_str(path);
        } else if self.recording.len() + 1 + path.len() <= MAX_RECORDING_BYTES {
            self.recording.push('\n');
            self.recording.push_str(path);
        }
    }
}

/// One caller in a conference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller {
    /// FreeSWITCH's number of the member: unique within a run of the process.
    pub id: u32,
    /// The channel's uuid.
    pub uuid: CompactString,
    /// The number he calls from, which he chooses himself unless the dial plan sets it.
    pub number: CompactString,
    /// Seconds since he joined.
    pub joined_ago: u32,
    /// Seconds since he last talked; None when he never did.
    pub talked_ago: Option<u32>,
    /// How loud the others hear him, -4 to 4.
    pub volume_in: i32,
    /// How loud he hears the others, -4 to 4.
    pub volume_out: i32,
    /// The energy from which on he counts as talking.
    pub energy: u32,
    /// What else the list says of him.
    pub flags: Flags,
}

/// Reads a whole answer.
pub async fn read(mut body: impl AsyncBufRead + Unpin) -> Result<Vec<Conference>, ListError> {
    let start = body.fill_buf().await.map_err(ListError::CutShort)?;
    if start.first() != Some(&b'<') {
        return read_text(body).await;
    }
    let mut parser = Parser::default();
    // What was read and not yet parsed: the beginning of a tag, or the text before one.
    let mut rest = Vec::new();
    loop {
        let read = body.fill_buf().await.map_err(ListError::CutShort)?;
        if read.is_empty() {
            return if parser.parse(&rest)? < rest.len() { Err(too_early()) } else { parser.finish() };
        }
        let length = read.len();
        rest.extend_from_slice(read);
        body.consume(length);
        // No text is cut at the end of a tag.
        if let Some(end) = rest.iter().rposition(|byte| *byte == b'>') {
            let parsed = parser.parse(&rest[..=end])?;
            rest.drain(..parsed);
        }
        if rest.len() > MAX_TOKEN_BYTES {
            return Err(ListError::malformed(format!("a tag or text of {MAX_TOKEN_BYTES} bytes")));
        }
    }
}

/// Reads an answer that is no document. FreeSWITCH has a friendly one for a node without conferences, too.
async fn read_text(body: impl AsyncBufRead + Unpin) -> Result<Vec<Conference>, ListError> {
    let mut text = Vec::new();
    body.take(MAX_REFUSAL_BYTES).read_to_end(&mut text).await.map_err(ListError::CutShort)?;
    if text.starts_with(b"+OK No active conferences") {
        return Ok(Vec::new());
    }
    Err(ListError::Refused(excerpt(&String::from_utf8_lossy(&text))))
}

/// The elements that matter.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Element {
    Conferences,
    Conference,
    Members,
    Member,
    RecordingNode,
    RecordPath,
    Id,
    Flags,
    Flag(Flag),
    Uuid,
    CallerIdNumber,
    JoinTime,
    LastTalking,
    VolumeIn,
    VolumeOut,
    Energy,
    Other,
}

impl Element {
    fn named(name: &str) -> Self {
        match name {
            "conferences" => Element::Conferences,
            "conference" => Element::Conference,
            "members" => Element::Members,
            "member" => Element::Member,
            "record_path" => Element::RecordPath,
            "id" => Element::Id,
            "flags" => Element::Flags,
            "uuid" => Element::Uuid,
            "caller_id_number" => Element::CallerIdNumber,
            "join_time" => Element::JoinTime,
            "last_talking" => Element::LastTalking,
            "volume_in" => Element::VolumeIn,
            "volume_out" => Element::VolumeOut,
            "energy" => Element::Energy,
            _ => Flag::named(name).map_or(Element::Other, Element::Flag),
        }
    }
}

/// The document so far.
#[derive(Default)]
struct Parser {
    conferences: Vec<Conference>,
    /// Conferences and callers so far.
    entries: usize,
    /// The open elements, outermost first.
    path: Vec<Element>,
    /// The caller whose element is open.
    caller: Caller,
    /// The text of the innermost element so far.
    value: String,
    /// Whether the outermost element was closed.
    complete: bool,
}

impl Parser {
    /// Takes in the next part of the document, which ends with a '>'. Gives back how many bytes of it are whole: a '>' may
    /// also be within a tag.
    fn parse(&mut self, part: &[u8]) -> Result<usize, ListError> {
        let mut reader = Reader::from_reader(part);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        // The beginning of an element may be in an earlier part; `close` compares the names.
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        loop {
            let whole = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            match reader.read_event() {
                Ok(Event::Eof) => return Ok(part.len()),
                Ok(event) => self.event(&event)?,
                Err(quick_xml::Error::Syntax(_)) => return Ok(whole),
                Err(error) => return Err(ListError::malformed(error)),
            }
        }
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), ListError> {
        match event {
            Event::Start(tag) => self.open(tag),
            Event::End(tag) => self.close(tag.name().as_ref()),
            Event::Text(text) => {
                self.append(text);
                Ok(())
            }
            Event::CData(text) => {
                self.append(text);
                Ok(())
            }
            Event::GeneralRef(reference) => self.append_reference(reference),
            _ => Ok(()),
        }
    }

    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), ListError> {
        let element = Element::named(tag.name().as_ref());
        if self.path.is_empty() && element != Element::Conferences {
            return Err(ListError::malformed(format!(
                "the document is a '{}'",
                excerpt(tag.name().as_ref())
            )));
        }
        if self.path.len() == MAX_DEPTH {
            return Err(ListError::malformed(format!("elements more than {MAX_DEPTH} deep")));
        }
        self.path.push(element);
        self.value.clear();
        match self.path.as_slice() {
            [Element::Conferences, Element::Conference] => {
                self.count_entry()?;
                self.conferences.push(Conference::named(tag)?);
            }
            [Element::Conferences, Element::Conference, Element::Members, Element::Member] => {
                self.caller = Caller::default();
                // What is in other kinds is not about a caller.
                let kind = match attribute(tag, "type")?.as_deref() {
                    Some("caller") => Element::Member,
                    Some("recording_node") => Element::RecordingNode,
                    _ => Element::Other,
                };
                self.path.pop();
                self.path.push(kind);
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<(), ListError> {
        use Element::*;
        let is_open = match (self.path.last(), Element::named(name)) {
            (Some(RecordingNode | Other), Member | Other) => true,
            (open, closed) => open == Some(&closed),
        };
        if !is_open {
            return Err(ListError::malformed(format!("'{}' is closed and not open", excerpt(name))));
        }
        let value = self.value.as_str();
        match self.path.as_slice() {
            // Without id and uuid it could be neither told from others nor disconnected.
            [Conferences, Conference, Members, Member]
                if self.caller.id != 0 && !self.caller.uuid.is_empty() =>
            {
                self.count_entry()?;
                let caller = std::mem::take(&mut self.caller);
                if let Some(conference) = self.conferences.last_mut() {
                    conference.callers.push(caller);
                }
            }
            [Conferences, Conference, Members, Member, Flags, Flag(flag)] => {
                self.caller.flags.set(*flag, value == "true");
            }
            [Conferences, Conference, Members, Member, field] => match field {
                Id => self.caller.id = value.parse().unwrap_or_default(),
                Uuid => self.caller.uuid = decode(value),
                CallerIdNumber => self.caller.number = decode(value),
                JoinTime => self.caller.joined_ago = value.parse().unwrap_or_default(),
                LastTalking => self.caller.talked_ago = value.parse().ok(),
                VolumeIn => self.caller.volume_in = value.parse().unwrap_or_default(),
                VolumeOut => self.caller.volume_out = value.parse().unwrap_or_default(),
                Energy => self.caller.energy = value.parse().unwrap_or_default(),
                _ => {}
            },
            [Conferences, Conference, Members, RecordingNode, RecordPath] => {
                if let Some(conference) = self.conferences.last_mut() {
                    conference.add_recording(value);
                }
            }
            _ => {}
        }
        self.path.pop();
        self.value.clear();
        self.complete = self.path.is_empty();
        Ok(())
    }

    /// Adds to the innermost element's text, up to the bound.
    fn append(&mut self, text: &str) {
        let limit = if self.path.last() == Some(&Element::RecordPath) {
            MAX_RECORDING_BYTES
        } else {
            MAX_VALUE_BYTES
        };
        self.value.push_str(bounded(text, limit - self.value.len()));
    }

    fn append_reference(&mut self, reference: &BytesRef<'_>) -> Result<(), ListError> {
        if let Some(character) = reference.resolve_char_ref().map_err(ListError::malformed)? {
            self.append(character.encode_utf8(&mut [0; 4]));
        } else if let Some(text) = resolve_predefined_entity(reference) {
            self.append(text);
        } else {
            return Err(ListError::malformed(format!("unknown entity '{}'", excerpt(reference))));
        }
        Ok(())
    }

    fn count_entry(&mut self) -> Result<(), ListError> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(ListError::malformed(format!("more than {MAX_ENTRIES} conferences and callers")));
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<Conference>, ListError> {
        if self.complete { Ok(self.conferences) } else { Err(too_early()) }
    }
}

fn too_early() -> ListError {
    ListError::malformed("it ends too early")
}

/// The value of an attribute, which FreeSWITCH writes with entities and character references.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, ListError> {
    let attribute = tag.try_get_attribute(name).map_err(ListError::malformed)?;
    let value = attribute.map(|attribute| attribute.normalized_value(XmlVersion::Implicit1_0)).transpose();
    Ok(value.map_err(ListError::malformed)?.map(|value| value.into_owned()))
}

/// The beginning of a text, of at most so many bytes.
fn bounded(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Undoes the percent-encoding of a value. Bytes that are no UTF-8 become the replacement character.
fn decode(value: &str) -> CompactString {
    CompactString::from(percent_decode_str(value).decode_utf8_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let list = read_recorded(include_str!("../../tests/fixtures/freeswitch/three-members.raw")).await;
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
        assert_eq!(
            read_recorded(include_str!("../../tests/fixtures/freeswitch/no-conference.raw")).await,
            []
        );
        assert_eq!(read("+OK No active conferences.\n".as_bytes()).await.unwrap(), []);
    }

    #[tokio::test]
    async fn reads_several_conferences() {
        let list = read_recorded(include_str!("../../tests/fixtures/freeswitch/several.raw")).await;
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
            read_recorded(include_str!("../../tests/fixtures/freeswitch/flags-and-recording.raw")).await;
        let ids: Vec<_> = list[0].callers.iter().map(|caller| caller.id).collect();
        assert_eq!(ids, [16, 15, 14, 13, 12, 11, 10]);
        let expected = Conference {
            name: "15*101-FSdefaultDomain".to_owned(),
            uuid: "805a1930-e207-4e5e-8533-70d8125bf2b1".into(),
            run_time: Some(2),
            locked: true,
            max_members: 0,
            recording: "/nonexistent/dir/x.wav\n/var/fs/recordings/a&b.wav\n/var/fs/recordings/15_101.wav"
                .into(),
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
        let list = read_recorded(include_str!("../../tests/fixtures/freeswitch/odd-characters.raw")).await;
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
        let [Caller { id: 9, uuid, joined_ago: 0, talked_ago: None, .. }] = &list[..] else {
            panic!("{list:?}")
        };
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
        let recording = include_str!("../../tests/fixtures/freeswitch/odd-characters.raw");
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
        let recording = include_str!("../../tests/fixtures/freeswitch/three-members.raw");
        let (_, body) = recording.split_once("\n\n").unwrap();
        for end in 1..body.trim_end().len() {
            read(&body.as_bytes()[..end]).await.expect_err(&body[..end]);
        }
    }
}
