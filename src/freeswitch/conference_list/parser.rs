//! The document, taken apart while it comes in.

use compact_str::CompactString;
use percent_encoding::percent_decode_str;
use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};

use super::{super::excerpt, Caller, Conference, ListError};
use crate::tables::conference_members::Flag;

/// Most conferences, and most callers in all, that one list may have.
pub(super) const MAX_ENTRIES: usize = 200_000;
/// Elements within elements; FreeSWITCH's go 6 deep.
pub(super) const MAX_DEPTH: usize = 32;
/// Most bytes kept of a value, before decoding; a longer one is cut. A channel's uuid has 36 unless a dial plan sets
/// another.
pub(super) const MAX_VALUE_BYTES: usize = 255;
/// Most bytes kept of where a conference is recorded to; further paths are left out.
const MAX_RECORDING_BYTES: usize = 1024;

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
pub(super) struct Parser {
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
    pub fn parse(&mut self, part: &[u8]) -> Result<usize, ListError> {
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

    pub fn finish(self) -> Result<Vec<Conference>, ListError> {
        if self.complete { Ok(self.conferences) } else { Err(too_early()) }
    }
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

pub(super) fn too_early() -> ListError {
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
