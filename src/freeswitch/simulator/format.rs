//! The formats in which FreeSWITCH writes events.

use std::fmt::Write;

use super::encoding::percent_encode;

/// Names and values of an event, in order; a name may come twice.
pub(super) type Headers = Vec<(String, Vec<u8>)>;

/// How the events of a connection are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Format {
    /// Lines of names and values.
    Plain,
    /// One object of texts.
    Json,
    /// One element of elements. What an event carries beside its headers was never recorded so, and is left out.
    Xml,
}

impl Format {
    /// The format of this name; whatever else is asked for is plain.
    pub fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "json" => Format::Json,
            "xml" => Format::Xml,
            _ => Format::Plain,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Format::Plain => "plain",
            Format::Json => "json",
            Format::Xml => "xml",
        }
    }

    /// The message that carries an event with these headers and this body.
    pub fn message(self, headers: &Headers, body: Option<&[u8]>) -> Vec<u8> {
        let text = match self {
            Format::Plain => plain(headers, body.unwrap_or_default()),
            Format::Json => json(headers, body),
            Format::Xml => xml(headers),
        };
        let head = format!("Content-Length: {}\nContent-Type: text/event-{}\n\n", text.len(), self.name());
        [head.as_bytes(), &text].concat()
    }
}

/// Values are percent-encoded; an empty body is none.
fn plain(headers: &Headers, body: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    // Writing to a String cannot fail, here and below.
    for (name, value) in headers {
        let _ = writeln!(text, "{name}: {}", percent_encode(value));
    }
    if !body.is_empty() {
        let _ = writeln!(text, "Content-Length: {}", body.len());
    }
    text.push('\n');
    [text.as_bytes(), body].concat()
}

/// Values are as they are, whatever bytes they have.
fn json(headers: &Headers, body: Option<&[u8]>) -> Vec<u8> {
    let mut text = vec![b'{'];
    let mut put = |name: &str, value: &[u8]| {
        if text.len() > 1 {
            text.push(b',');
        }
        write_json_string(name.as_bytes(), &mut text);
        text.push(b':');
        write_json_string(value, &mut text);
    };
    headers.iter().for_each(|(name, value)| put(name, value));
    if let Some(body) = body {
        put("Content-Length", body.len().to_string().as_bytes());
        put("_body", body);
    }
    text.push(b'}');
    text
}

fn write_json_string(value: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    for chunk in value.utf8_chunks() {
        let quoted = serde_json::Value::from(chunk.valid()).to_string();
        text.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
        text.extend_from_slice(chunk.invalid());
    }
    text.push(b'"');
}

/// Values are percent-encoded.
fn xml(headers: &Headers) -> Vec<u8> {
    let mut text = "<event>\n  <headers>\n".to_owned();
    for (name, value) in headers {
        let _ = writeln!(text, "    <{name}>{}</{name}>", percent_encode(value));
    }
    text.push_str("  </headers>\n</event>\n");
    text.into_bytes()
}
