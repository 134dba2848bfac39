//! What browsers are sent: one JSON object a message (notes 03).
//!
//! `CometServerApi.js` replaces a backslash and an apostrophe by the apostrophe before it parses a message, and takes text
//! apart that looks like JSON. So apostrophes go out as `\u0027`, in JSON inside of text twice so.

use std::sync::OnceLock;

use serde::{Serialize, de::IgnoredAny};
use serde_json::{json, value::RawValue};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// What clients are told that the server is.
const SERVER: &str = concat!("CometQL ", env!("CARGO_PKG_VERSION"));
/// The pipe of private messages.
pub(super) const PRIVATE: &str = "msg";
/// The pipe of what the server itself has to say.
const SYSTEM: &str = "sys";
/// Clients of earlier versions expect other messages.
const FIRST_MODERN_VERSION: u32 = 4;

/// One message.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Envelope<'a> {
    #[serde(rename = "_info", skip_serializing_if = "Option::is_none")]
    pub info: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) api_data: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorized: Option<bool>,
    pub data: Data<'a>,
    pub event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_name: Option<&'a str>,
    #[serde(rename = "fromQueue", skip_serializing_if = "std::ops::Not::not")]
    pub from_queue: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<&'a str>,
    /// Unix time in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_send_time: Option<i64>,
    pub pipe: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<u32>,
}

/// The body of a message.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Data<'a> {
    /// Text as it is.
    Text(&'a str),
    /// Text made for this message.
    Made(String),
    /// JSON that somebody else has made.
    Json(&'a RawValue),
    /// JSON made for this message.
    Value(serde_json::Value),
}

impl Default for Data<'_> {
    fn default() -> Self {
        Data::Text("")
    }
}

impl<'a> Data<'a> {
    /// What a user or a backend sent, so that browsers get back exactly what it means.
    pub fn payload(text: &'a str) -> Self {
        let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
        if is_json && text.contains('\'') { Data::Made(escape(text)) } else { Data::Text(text) }
    }

    /// A call as it is told live: an object, which from the queue is text.
    pub fn object(text: &'a str) -> Self {
        serde_json::from_str(text).map_or_else(|_| Data::payload(text), Data::Json)
    }
}

/// Which client a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientVersion {
    /// The number before the dot; 0 when it is not known.
    pub major: u32,
}

impl ClientVersion {
    fn is_modern(self) -> bool {
        self.major >= FIRST_MODERN_VERSION
    }
}

impl Envelope<'_> {
    /// An error: what is wrong, beside what its kind of message says with it.
    pub fn error(mut details: serde_json::Value, text: &str, now: i64) -> Self {
        details["error"] = text.into();
        Envelope {
            data: Data::Value(details),
            event: "error",
            message_send_time: Some(now),
            pipe: SYSTEM,
            ..Envelope::default()
        }
    }

    /// Who the server takes the browser for: `hash` is the user's SIP password, None that of nobody.
    pub fn server_info(hash: Option<&str>, now: i64) -> Envelope<'_> {
        Envelope {
            authorized: Some(hash.is_some()),
            data: Data::Text(hash.unwrap_or_default()),
            event: "serverInfo",
            message_send_time: Some(now),
            pipe: SYSTEM,
            server: Some(SERVER),
            ..Envelope::default()
        }
    }

    /// The text that this client gets.
    pub fn text(&self, version: ClientVersion) -> Utf8Bytes {
        if version.is_modern() { serialized(self) } else { self.legacy() }
    }

    /// Clients before version 4 have the event's name in another place, too, and read nothing but text from pipes.
    fn legacy(&self) -> Utf8Bytes {
        let data = match &self.data {
            Data::Value(value) if self.pipe != PRIVATE => Data::Made(value.to_string()),
            Data::Json(json) if self.pipe != PRIVATE => Data::Text(json.get()),
            other => other.clone(),
        };
        serialized(&Envelope {
            api_data: Some("for major_version < 4"),
            event_name: Some(self.event),
            data,
            ..self.clone()
        })
    }
}

/// What a browser is told that is not let in, at this unix time.
pub fn refusal(version: ClientVersion, code: u16, text: &str, now: i64) -> Utf8Bytes {
    let details = json!({ "error_code": code, "info": "Closed due to error. See last message." });
    Envelope::error(details, text, now).text(version)
}

/// A message for many, which is put into text once.
pub(super) struct Broadcast<'a> {
    envelope: Envelope<'a>,
    modern: OnceLock<Utf8Bytes>,
    legacy: OnceLock<Utf8Bytes>,
}

impl<'a> Broadcast<'a> {
    pub fn new(envelope: Envelope<'a>) -> Self {
        Broadcast { envelope, modern: OnceLock::new(), legacy: OnceLock::new() }
    }

    /// The text that this client gets.
    pub fn text(&self, version: ClientVersion) -> Utf8Bytes {
        let kept = if version.is_modern() { &self.modern } else { &self.legacy };
        kept.get_or_init(|| self.envelope.text(version)).clone()
    }
}

fn serialized(envelope: &Envelope) -> Utf8Bytes {
    // A tree of values and text cannot fail to be JSON.
    escape(&serde_json::to_string(envelope).unwrap_or_default()).into()
}

/// JSON without apostrophes, which are nowhere but in its strings.
fn escape(json: &str) -> String {
    json.replace('\'', "\\u0027")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEW: ClientVersion = ClientVersion { major: 4 };
    const OLD: ClientVersion = ClientVersion { major: 3 };

    fn message(data: Data<'_>) -> Envelope<'_> {
        Envelope { data, event: "e", message_send_time: Some(7), pipe: "web_x", ..Envelope::default() }
    }

    /// What `CometServerApi.js` makes of a message's data before it tries to read it as JSON.
    fn decoded(text: &str) -> serde_json::Value {
        let message: serde_json::Value = serde_json::from_str(&text.replace("\\'", "'")).unwrap();
        let data = &message["data"];
        let inner = data.as_str().and_then(|text| serde_json::from_str(text).ok());
        inner.unwrap_or_else(|| data.clone())
    }

    #[test]
    fn messages_look_as_they_always_did() {
        assert_eq!(
            message(Data::Text("to pipe")).text(NEW).as_str(),
            r#"{"data":"to pipe","event":"e","message_send_time":7,"pipe":"web_x"}"#
        );
        assert_eq!(
            Envelope::server_info(None, 7).text(OLD).as_str(),
            format!(
                r#"{{"api_data":"for major_version < 4","authorized":false,"data":"","event":"serverInfo","event_name":"serverInfo","message_send_time":7,"pipe":"sys","server":"{SERVER}"}}"#
            )
        );
        let error = Envelope::error(serde_json::json!({"number_messages": -1}), "no", 7);
        assert_eq!(
            error.text(NEW).as_str(),
            r#"{"data":{"error":"no","number_messages":-1},"event":"error","message_send_time":7,"pipe":"sys"}"#
        );
    }

    #[test]
    fn old_clients_get_text_from_pipes_and_objects_in_private() {
        let call = Envelope { pipe: PRIVATE, ..message(Data::object(r#"{"sys":1}"#)) };
        assert!(call.text(OLD).contains(r#""data":{"sys":1}"#));
        assert!(message(Data::Value(serde_json::json!([1]))).text(OLD).contains(r#""data":"[1]""#));
    }

    proptest! {
        #[test]
        fn json_comes_through_the_client_s_decoding(text in r#"[a-z'"\\ \n]{0,12}"#, number in any::<i64>()) {
            for value in [serde_json::json!({"a": text, "n": number}), serde_json::json!([text])] {
                let sent = value.to_string();
                prop_assert_eq!(&decoded(&message(Data::payload(&sent)).text(NEW)), &value);
                prop_assert_eq!(&decoded(&message(Data::object(&sent)).text(NEW)), &value);
            }
        }

        #[test]
        fn no_message_has_an_apostrophe(text in any::<String>()) {
            prop_assert!(!message(Data::payload(&text)).text(NEW).contains('\''));
        }
    }
}
