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

mod parser;
#[cfg(test)]
mod tests;

use std::{fmt, io};

use compact_str::CompactString;
use thiserror::Error;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use self::parser::{Parser, too_early};
use super::excerpt;
use crate::tables::conference_members::Flags;

/// Most bytes of a list: some 15 000 callers.
pub const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;
/// Most bytes of one tag, or of one text between tags. A conference's variables may be long.
const MAX_TOKEN_BYTES: usize = 1024 * 1024;
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
