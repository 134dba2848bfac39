//! The media nodes: what FreeSWITCH says about who is in a conference, brought into the store.

pub mod conference_list;
mod deadline;
pub mod event_socket;
pub mod identity;
pub mod reconciler;

/// The beginning of a text from outside, for an error message.
fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}
