//! The file format of comet.ini (notes 09, section 1), with line numbers.
//!
//! - `[section]` lines, then `key = value` lines; names are case sensitive.
//! - A line that starts with `;` or `#` is a comment; a value ends at the first `;` or `#`.
//! - Blanks around names and values do not count. Neither a name nor a value may be empty.
//! - A repeated key overwrites, unless its value starts with `[]`: such values form a list, without the `[]`.

use std::collections::BTreeMap;

use super::Problem;

/// The value of one key, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub text: String,
    /// Counted from 1.
    pub line: usize,
}

/// All values of one key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    /// The last plain value.
    pub value: Option<Item>,
    /// The values that were written with `[]`, in order.
    pub list: Vec<Item>,
}

impl Entry {
    /// Where the key was written last.
    pub fn line(&self) -> usize {
        self.value.iter().chain(&self.list).map(|item| item.line).max().unwrap_or_default()
    }
}

/// A file, by section and key.
pub(super) type Ini = BTreeMap<(String, String), Entry>;

/// Reads the text; lines that are neither a section, a key with a value, nor a comment are problems.
pub(super) fn parse(text: &str) -> Result<Ini, Vec<Problem>> {
    let mut ini = Ini::new();
    let mut problems = Vec::new();
    let mut section = String::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let number = number + 1;
        let content = line.split([';', '#']).next().unwrap_or_default().trim();
        if content.is_empty() {
            continue;
        }
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim().to_owned();
            continue;
        }
        match content.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                let entry = ini.entry((section.clone(), key.to_owned())).or_default();
                match value.strip_prefix("[]") {
                    Some(item) => entry.list.push(Item { text: item.trim().to_owned(), line: number }),
                    None => entry.value = Some(Item { text: value.to_owned(), line: number }),
                }
            }
            _ => problems.push(Problem {
                line: number,
                text: format!("must be '[section]', 'key = value' or a comment, found '{content}'"),
            }),
        }
    }
    if problems.is_empty() { Ok(ini) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(ini: &Ini, section: &str, key: &str) -> Option<(String, usize)> {
        let item = ini.get(&(section.into(), key.into()))?.value.clone()?;
        Some((item.text, item.line))
    }

    #[test]
    fn comments_blanks_and_lines() {
        let ini = parse(
            "; top\n# also\n[main]\n  password =  a b ; not this\n\nnode_name=n#c\n[ws]\nport=1\nport=2\n",
        )
        .unwrap();
        assert_eq!(value(&ini, "main", "password"), Some(("a b".into(), 4)));
        assert_eq!(value(&ini, "main", "node_name"), Some(("n".into(), 6)));
        assert_eq!(value(&ini, "ws", "port"), Some(("2".into(), 9)));
        assert_eq!(value(&ini, "main", "port"), None);
    }

    #[test]
    fn brackets_make_a_list() {
        let ini = parse("[sip]\nfreeswitch = []Server=a,Port=1\nfreeswitch = []Server=b\n").unwrap();
        let entry = &ini[&("sip".to_owned(), "freeswitch".to_owned())];
        assert_eq!(entry.value, None);
        let texts: Vec<_> = entry.list.iter().map(|item| item.text.as_str()).collect();
        assert_eq!(texts, ["Server=a,Port=1", "Server=b"]);
        assert_eq!(entry.line(), 3);
    }

    #[test]
    fn says_which_line_makes_no_sense() {
        let problems = parse("[main]\npassword\n\nport =\n= 7\n").unwrap_err();
        let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [2, 4, 5]);
        assert!(problems[0].text.contains("found 'password'"), "{}", problems[0].text);
    }
}
