//! Cuts a text into its statements, and finds their parameters.

use super::scan::{Kind, Piece, Scanner};

/// The statements of a text, without the semicolons between them, trimmed; those of only spaces and comments are left
/// out. Quotes and comments are respected; an unfinished one extends to the end.
pub fn split_statements(text: &str) -> impl Iterator<Item = &str> {
    let mut scanner = Scanner::new(text);
    let mut start = 0;
    std::iter::from_fn(move || {
        loop {
            let mut content = false;
            let mut finished = true;
            let mut end = text.len();
            for piece in scanner.by_ref() {
                if piece.kind == Kind::Other && &text[piece.start..piece.end] == ";" {
                    end = piece.start;
                    finished = false;
                    break;
                }
                content |= !matches!(piece.kind, Kind::Space | Kind::Comment);
            }
            let statement = text[start..end].trim();
            start = (end + 1).min(text.len());
            if content {
                return Some(statement);
            }
            if finished {
                return None;
            }
        }
    })
}

/// How many `?` a statement has outside of quotes and comments.
pub fn count_params(statement: &str) -> usize {
    let is_param = |piece: &Piece| piece.kind == Kind::Other && &statement[piece.start..piece.end] == "?";
    Scanner::new(statement).filter(is_param).count()
}

#[cfg(test)]
mod tests {
    use super::{count_params, split_statements};

    fn split(text: &str) -> Vec<&str> {
        split_statements(text).collect()
    }

    #[test]
    fn cuts_at_semicolons_outside_of_quotes_and_comments() {
        assert_eq!(split("select 1; select 2 ;"), ["select 1", "select 2"]);
        assert_eq!(
            split("select ';' , \";\\\";\" , `;`;select 2"),
            ["select ';' , \";\\\";\" , `;`", "select 2"]
        );
        assert_eq!(
            split("select 1 -- a;b\n; # c;d\nselect 2 /* ; */"),
            ["select 1 -- a;b", "# c;d\nselect 2 /* ; */"]
        );
        assert_eq!(
            split("select 'it''s;'; select 'a\\\\'; select 3"),
            ["select 'it''s;'", "select 'a\\\\'", "select 3"]
        );
    }

    #[test]
    fn leaves_out_what_holds_no_statement() {
        assert!(split("").is_empty());
        assert!(split(" ;; -- nothing\n; /* nothing */ ;").is_empty());
        assert_eq!(split(";;select 1;;"), ["select 1"]);
        assert_eq!(split("/*!40100 SET NAMES utf8 */;"), ["/*!40100 SET NAMES utf8 */"]);
    }

    #[test]
    fn parameters_stand_outside_of_quotes_and_comments() {
        assert_eq!(count_params("select '?', `?`, \"?\" /* ? */ -- ?\n # ?"), 0);
        assert_eq!(count_params("select ?,?+1, 'it''s ?', a from b where c=? limit ?"), 4);
    }

    #[test]
    fn an_unfinished_quote_extends_to_the_end() {
        assert_eq!(split("select 'a; b"), ["select 'a; b"]);
        assert_eq!(split("select 1; /* ; "), ["select 1"]);
        assert_eq!(split("select 'a\\"), ["select 'a\\"]);
    }
}
