//! What browsers say: a word and its arguments, a line each (notes 02).

/// A command; its arguments are not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// The pipes to be in from now on.
    Subscription { pipes: &'a str },
    /// When was a user last seen?
    UserStatus { user_id: &'a str },
    /// How many are in a pipe?
    PipeCount { pipe: &'a str, marker: &'a str },
    /// What the page counts; of no interest.
    Statistics,
    /// Says something in a pipe.
    Say { pipe: &'a str, event: &'a str, kind: &'a str, payload: &'a str },
    /// What was said in a pipe?
    PipeLog { pipe: &'a str },
    /// Who is in a pipe?
    TrackPipeUsers { pipe: &'a str, marker: &'a str },
    /// What is kept about a user?
    UserData { marker: &'a str, user_id: &'a str },
    /// Commands that never did anything.
    Nothing,
}

impl<'a> Command<'a> {
    /// Reads a message; None if there is no such command.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (word, arguments) = text.split_once('\n').unwrap_or((text, ""));
        let mut lines = arguments.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        Some(match word.trim_end_matches('\r') {
            "subscription" => Command::Subscription { pipes: arguments },
            "user_status" => Command::UserStatus { user_id: line() },
            "pipe_count" => Command::PipeCount { pipe: line(), marker: line() },
            "statistics" => Command::Statistics,
            "web_pipe2" => {
                let mut parts = arguments.splitn(4, '\n');
                let mut part = || parts.next().unwrap_or_default();
                Command::Say { pipe: part(), event: part(), kind: part(), payload: part() }
            }
            "pipe_log" => Command::PipeLog { pipe: line() },
            "track_pipe_users" => {
                let mut words = arguments.split_ascii_whitespace();
                let mut word = || words.next().unwrap_or_default();
                Command::TrackPipeUsers { pipe: word(), marker: word() }
            }
            "user_data" => Command::UserData { marker: line(), user_id: line() },
            "cgi_call" | "CometQL_call" => Command::Nothing,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_lines() {
        for (text, command) in [
            ("subscription\nweb_a\nb", Some(Command::Subscription { pipes: "web_a\nb" })),
            ("subscription", Some(Command::Subscription { pipes: "" })),
            ("user_status\n12", Some(Command::UserStatus { user_id: "12" })),
            ("pipe_count\nweb_a\n71\n", Some(Command::PipeCount { pipe: "web_a", marker: "71" })),
            ("statistics\n{\"url\":1}", Some(Command::Statistics)),
            (
                "web_pipe2\nweb_a\nev\n*\n{\"a\":\n1}",
                Some(Command::Say { pipe: "web_a", event: "ev", kind: "*", payload: "{\"a\":\n1}" }),
            ),
            ("web_pipe2\nweb_a", Some(Command::Say { pipe: "web_a", event: "", kind: "", payload: "" })),
            ("pipe_log\nweb_a\n71\n", Some(Command::PipeLog { pipe: "web_a" })),
            (
                "track_pipe_users\ntrack_a\n71",
                Some(Command::TrackPipeUsers { pipe: "track_a", marker: "71" }),
            ),
            ("user_data\n71\n12", Some(Command::UserData { marker: "71", user_id: "12" })),
            ("cgi_call", Some(Command::Nothing)),
            ("subscriptions\nx", None),
            ("", None),
        ] {
            assert_eq!(Command::parse(text), command, "{text}");
        }
    }
}
