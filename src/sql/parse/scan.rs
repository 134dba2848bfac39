//! The lexical skeleton of a text: where its quotes, comments, words and numbers begin and end. It decodes nothing and
//! allocates nothing; the real tokenizer is sqlparser's.

/// What a stretch of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) enum Kind {
    /// Spaces, tabs, line ends.
    Space,
    /// `-- ...`, `# ...` or `/* ... */`.
    Comment,
    /// `/*! ... */` or `/*M! ... */`, to be executed if the version in it is not above ours.
    Executable,
    /// `'...'` or `"..."`, quotes included.
    Quoted,
    /// `` `...` ``, quotes included.
    Backquoted,
    /// A name or keyword, or a number that goes on in letters; `@` and `$` count as letters.
    Word,
    /// `12`, `1.5`, `.5`, `1e-3`.
    Number,
    /// Anything else: one byte, or one character outside of ASCII.
    Other,
}

/// One stretch of text.
#[derive(Clone, Copy, Debug)]
pub(in crate::sql) struct Piece {
    pub(in crate::sql) kind: Kind,
    pub(in crate::sql) start: usize,
    pub(in crate::sql) end: usize,
}

/// Iterates over the pieces of a text; together they cover it.
pub(in crate::sql) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(in crate::sql) fn new(text: &'a str) -> Self {
        Scanner { text, at: 0 }
    }

    /// Length of the run of bytes from `from` that satisfy the test.
    fn run(&self, from: usize, test: impl Fn(u8) -> bool) -> usize {
        let bytes = self.text.as_bytes();
        bytes[from..].iter().position(|&byte| !test(byte)).unwrap_or(bytes.len() - from)
    }

    /// End of a quoted stretch that starts at `from`: a doubled quote stays in it, and so does an escaped one.
    fn quoted_end(&self, from: usize, escapes: bool) -> usize {
        let bytes = self.text.as_bytes();
        let quote = bytes[from];
        let mut at = from + 1;
        while let Some(&byte) = bytes.get(at) {
            if byte == b'\\' && escapes {
                at += 2;
            } else if byte != quote {
                at += 1;
            } else if bytes.get(at + 1) == Some(&quote) {
                at += 2;
            } else {
                return at + 1;
            }
        }
        bytes.len()
    }

    fn line_end(&self, from: usize) -> usize {
        from + self.run(from, |byte| byte != b'\n')
    }

    fn number_end(&self, from: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut end = from + self.run(from, |byte| byte.is_ascii_digit());
        if bytes.get(end) == Some(&b'.') {
            end += 1;
            end += self.run(end, |byte| byte.is_ascii_digit());
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let digits = self.run((end + 1 + sign).min(bytes.len()), |byte| byte.is_ascii_digit());
            if digits > 0 {
                end += 1 + sign + digits;
            }
        }
        end
    }
}

/// Whether a byte may stand in a name.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'@') || !byte.is_ascii()
}

impl Iterator for Scanner<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let first = *bytes.get(start)?;
        let second = bytes.get(start + 1).copied().unwrap_or(0);
        let (kind, end) = match first {
            b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => {
                (Kind::Space, start + self.run(start, |byte| byte.is_ascii_whitespace() || byte == 0x0b))
            }
            b'#' => (Kind::Comment, self.line_end(start)),
            b'-' if second == b'-' && bytes.get(start + 2).is_none_or(|byte| byte.is_ascii_whitespace()) => {
                (Kind::Comment, self.line_end(start))
            }
            b'/' if second == b'*' => {
                let body = &self.text[start + 2..];
                let end = body.find("*/").map_or(bytes.len(), |at| start + 2 + at + 2);
                let executable = body.starts_with('!') || body.starts_with("M!");
                (if executable { Kind::Executable } else { Kind::Comment }, end)
            }
            b'\'' | b'"' => (Kind::Quoted, self.quoted_end(start, true)),
            b'`' => (Kind::Backquoted, self.quoted_end(start, false)),
            b'0'..=b'9' => {
                let number = self.number_end(start);
                let word = start + self.run(start, is_word);
                if word > number { (Kind::Word, word) } else { (Kind::Number, number) }
            }
            b'.' if second.is_ascii_digit() => (Kind::Number, self.number_end(start)),
            byte if is_word(byte) => (Kind::Word, start + self.run(start, is_word)),
            _ => (Kind::Other, start + 1),
        };
        self.at = end.min(bytes.len());
        Some(Piece { kind, start, end: self.at })
    }
}
