//! Rows as bytes.
pub mod keycode;
