//! The tables that are more than rows.

pub mod conference_members;
