//! Commands in FreeSWITCH's words, and what its answers mean. Pure.
//!
//! A command is an API line: `conference 15*101-FSdefaultDomain mute 10`. FreeSWITCH cuts it at spaces, so nothing gets into it
//! that is not made of harmless characters: see [`argument`].
//!
//! `+OK` at the beginning of an answer proves nothing, and neither does a missing `-ERR`: a command has succeeded if the answer is
//! the text of its own success. FreeSWITCH 1.6 says the same without `+` and `-ERR`.
//!
//! **Whom a command meets.** FreeSWITCH numbers members within one run of it and begins again at 1 after a restart, so that a
//! number may have become another's. A kick names the channel instead. All other commands know numbers only; so FreeSWITCH is
//! asked for the channel of the number before. Question and command go over one connection, which is always to one run, and
//! within a run no number is given twice: who had it at the question has it at the command. A member who moved to
//! another conference meanwhile is not found in this one. Conferences are named, so there is a question, too, whether the one of
//! this name is still the same; one that ends and begins anew between question and command, within milliseconds, is taken for it.

use super::{excerpt, identity};
use crate::{
    error::{Error, Result},
    tables::{Action, Command, ConferenceAction, MemberAction},
};

/// Most characters of a word of a command.
const MAX_ARGUMENT_CHARS: usize = 512;

/// A command in FreeSWITCH's words.
#[derive(Debug, PartialEq)]
pub(super) struct Wording {
    /// What is asked before.
    pub questions: Vec<Question>,
    /// The API line.
    pub line: String,
    success: Success,
}

/// Something to be asked before a command is given.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    /// The API line.
    pub line: String,
    expected: Expected,
}

/// What the answer to a question has to be.
#[derive(Debug, PartialEq)]
enum Expected {
    /// This; else whom the command is for is gone.
    Text(String),
    /// Anything without this line; with it there is nothing to do any more.
    Without(String),
}

/// How an answer tells that a command was carried out.
#[derive(Debug, PartialEq)]
enum Success {
    /// It is this.
    Text(String),
    /// It is this and a number, in each of its lines.
    Numbers(&'static str),
    /// It has this line.
    Line(String),
    /// It is this; `floor none` instead if he had the floor and FreeSWITCH took it from him.
    Floor(String),
}

/// What the answer to a command means.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// It was carried out.
    Confirmed,
    /// Whom it is for is not there any more.
    Gone,
    /// It has done the opposite, and does what it should if it is given again.
    Again,
    /// It was refused in these words.
    Refused(String),
}

/// Puts a command into words; refuses names and arguments that could become something else.
pub(super) fn word(command: &Command) -> Result<Wording> {
    let full_name = identity::conference_name(command.tenant, &command.conference);
    let conference = argument("conference name", &full_name)?;
    let line = |rest: &str| format!("conference {conference} {rest}");
    let (questions, rest, success) = match &command.action {
        Action::Weigh(_) => return Err(Error::Internal("a weight is nothing to tell a node".to_owned())),
        Action::Member { uuid, member_id, action } => {
            let uuid = argument("channel", uuid)?;
            let is_same = || Question {
                line: line(&format!("get-uuid {member_id}")),
                expected: Expected::Text(uuid.to_owned()),
            };
            match action {
                MemberAction::Kick => (vec![], format!("kick uuid={uuid}"), Success::Numbers("OK kicked ")),
                action => {
                    let (rest, success) = to_number(*action, *member_id);
                    (vec![is_same()], rest, success)
                }
            }
        }
        Action::Conference { uuid, action } => {
            let mut questions = vec![Question {
                line: line("get uuid"),
                expected: Expected::Text(argument("conference", uuid)?.to_owned()),
            }];
            let (rest, success) = match action {
                ConferenceAction::End => ("kick all".to_owned(), Success::Numbers("OK kicked ")),
                ConferenceAction::Lock(lock) => {
                    let verb = if *lock { "lock" } else { "unlock" };
                    (verb.to_owned(), Success::Text(format!("OK {conference} {verb}ed")))
                }
                ConferenceAction::Record(path) => {
                    let path = argument("path", path)?;
                    let recorded = format!("OK Record file {path}");
                    questions.push(Question {
                        line: line("chkrecord"),
                        expected: Expected::Without(recorded.clone()),
                    });
                    (format!("record {path}"), Success::Text(recorded))
                }
                ConferenceAction::StopRecording(path) => {
                    let path = argument("path", path)?;
                    // What follows says how many were stopped, wrongly.
                    let stopped = Success::Line(format!("Stopped recording file {path}"));
                    (format!("norecord {path}"), stopped)
                }
            };
            (questions, rest, success)
        }
    };
    Ok(Wording { questions, line: line(&rest), success })
}

/// A command to a member by his number: the words after the conference's name, and the text of its success.
fn to_number(action: MemberAction, id: u32) -> (String, Success) {
    let verb = match action {
        MemberAction::Kick => "kick",
        MemberAction::Speak(speak) => {
            if speak {
                "unmute"
            } else {
                "mute"
            }
        }
        MemberAction::Hear(hear) => {
            if hear {
                "undeaf"
            } else {
                "deaf"
            }
        }
        MemberAction::See(see) => {
            if see {
                "unvblind"
            } else {
                "vblind"
            }
        }
        MemberAction::Show(show) => {
            if show {
                "unvmute"
            } else {
                "vmute"
            }
        }
        MemberAction::Hold(hold) => {
            if hold {
                "hold"
            } else {
                "unhold"
            }
        }
        MemberAction::TakeFloor => return (format!("floor {id}"), Success::Floor(format!("OK floor {id}"))),
        MemberAction::VolumeIn(level) => {
            return (
                format!("volume_in {id} {level}"),
                Success::Text(format!("OK Volume IN {id} = {level}")),
            );
        }
        MemberAction::VolumeOut(level) => {
            return (
                format!("volume_out {id} {level}"),
                Success::Text(format!("OK Volume OUT {id} = {level}")),
            );
        }
    };
    (format!("{verb} {id}"), Success::Text(format!("OK {verb} {id}")))
}

/// A text that is one word of a command and means nothing but itself: it is made of letters and digits of any script and of
/// `*-_.~+@=:/^[]%`, is not too long, and is none of the words that FreeSWITCH takes for several members.
fn argument<'t>(kind: &'static str, text: &'t str) -> Result<&'t str> {
    let is_harmless = |character: char| character.is_alphanumeric() || "*-_.~+@=:/^[]%".contains(character);
    let is_reserved = ["all", "last", "non_moderator", ""].contains(&text.to_ascii_lowercase().as_str());
    if is_reserved || text.chars().count() > MAX_ARGUMENT_CHARS || !text.chars().all(is_harmless) {
        return Err(Error::WrongArgument { kind, text: excerpt(text) });
    }
    Ok(text)
}

impl Question {
    /// None if the command can be given; else what is known of it without giving it.
    pub(super) fn answered(&self, answer: &str) -> Option<Verdict> {
        let text = plain(answer);
        match &self.expected {
            Expected::Text(expected) if text == expected => None,
            // Somebody else's, or nobody's.
            Expected::Text(_) if !text.contains(' ') || text == "no reply" || is_nobody(text) => {
                Some(Verdict::Gone)
            }
            Expected::Text(_) => Some(Verdict::Refused(excerpt(text))),
            Expected::Without(line) => {
                answer.lines().any(|found| plain(found) == line).then_some(Verdict::Confirmed)
            }
        }
    }
}

impl Wording {
    /// Whether the command does the opposite if what it is to bring about is so already. No other may be given between two tries.
    pub(super) fn is_toggle(&self) -> bool {
        matches!(self.success, Success::Floor(_))
    }

    /// What an answer to the command means.
    pub(super) fn judge(&self, answer: &str) -> Verdict {
        let text = plain(answer);
        let is_numbered = |line: &str, prefix| {
            let number = plain(line).strip_prefix(prefix).unwrap_or_default();
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        };
        let is_confirmed = match &self.success {
            Success::Text(success) => text == success,
            Success::Numbers(prefix) => {
                !answer.is_empty() && answer.lines().all(|line| is_numbered(line, prefix))
            }
            Success::Line(line) => answer.lines().any(|found| found == line),
            Success::Floor(_) if text == "OK floor none" => return Verdict::Again,
            Success::Floor(success) => text == success,
        };
        if is_confirmed {
            return Verdict::Confirmed;
        }
        let is_gone = is_nobody(text)
            || (matches!(self.success, Success::Line(_)) && text.starts_with("OK Stopped recording"));
        if is_gone { Verdict::Gone } else { Verdict::Refused(excerpt(text)) }
    }
}

/// Whether an answer says that the member or the conference is not there.
fn is_nobody(text: &str) -> bool {
    text.starts_with("Non-Existant ") || (text.starts_with("Conference ") && text.ends_with(" not found"))
}

/// An answer without what does not mean anything at its ends.
fn plain(answer: &str) -> &str {
    let answer = answer.trim_end();
    answer.strip_prefix('+').or_else(|| answer.strip_prefix("-ERR ")).unwrap_or(answer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(action: MemberAction) -> Command {
        let action =
            Action::Member { uuid: "50392bf4-a035-47aa-b985-32e869408456".into(), member_id: 10, action };
        Command { tenant: 15, conference: "101".into(), action }
    }

    fn conference(action: ConferenceAction) -> Command {
        let action = Action::Conference { uuid: "805a1930-e207-4e5e-8533-70d8125bf2b1".into(), action };
        Command { tenant: 15, conference: "101".into(), action }
    }

    /// What an answer means, and the command that was given.
    fn judged(command: &Command, answer: &str) -> (String, Verdict) {
        let wording = word(command).unwrap();
        (
            wording.line.strip_prefix("conference 15*101-FSdefaultDomain ").unwrap().to_owned(),
            wording.judge(answer),
        )
    }

    fn refused(text: &str) -> Verdict {
        Verdict::Refused(text.to_owned())
    }

    #[test]
    fn recorded_answers_are_understood() {
        use ConferenceAction as C;
        use MemberAction as M;
        let path = "/var/fs/recordings/15_101.wav";
        let recorded = [
            (
                member(M::Kick),
                "kick uuid=50392bf4-a035-47aa-b985-32e869408456",
                "+OK kicked 12\n",
                Verdict::Confirmed,
            ),
            (member(M::Speak(false)), "mute 10", "+OK mute 10\n", Verdict::Confirmed),
            (member(M::Speak(true)), "unmute 10", "+OK unmute 10\n", Verdict::Confirmed),
            (member(M::Hear(false)), "deaf 10", "+OK deaf 10\n", Verdict::Confirmed),
            (member(M::Hear(true)), "undeaf 10", "+OK undeaf 10\n", Verdict::Confirmed),
            (member(M::Hold(true)), "hold 10", "+OK hold 10\n", Verdict::Confirmed),
            (member(M::Hold(false)), "unhold 10", "+OK unhold 10\n", Verdict::Confirmed),
            (member(M::See(false)), "vblind 10", "+OK vblind 10\n", Verdict::Confirmed),
            (member(M::See(true)), "unvblind 10", "+OK unvblind 10\n", Verdict::Confirmed),
            (member(M::Show(false)), "vmute 10", "+OK vmute 10\n", Verdict::Confirmed),
            (member(M::Show(true)), "unvmute 10", "+OK unvmute 10\n", Verdict::Confirmed),
            (member(M::VolumeIn(2)), "volume_in 10 2", "+OK Volume IN 10 = 2\n", Verdict::Confirmed),
            (member(M::TakeFloor), "floor 10", "-ERR floor is held by 12\n", refused("floor is held by 12")),
            (
                member(M::Kick),
                "kick uuid=50392bf4-a035-47aa-b985-32e869408456",
                "-ERR Non-Existant member\n",
                Verdict::Gone,
            ),
            (member(M::Speak(false)), "mute 10", "-ERR Non-Existant ID 999999\n", Verdict::Gone),
            (
                member(M::Speak(false)),
                "mute 10",
                "-ERR Conference 15*101-FSdefaultDomain not found\n",
                Verdict::Gone,
            ),
            (member(M::Show(false)), "vmute 10", "-ERR no reply\n", refused("no reply")),
            (conference(C::Lock(true)), "lock", "+OK 15*101-FSdefaultDomain locked\n", Verdict::Confirmed),
            (
                conference(C::Lock(false)),
                "unlock",
                "+OK 15*101-FSdefaultDomain unlocked\n",
                Verdict::Confirmed,
            ),
            (
                conference(C::End),
                "kick all",
                "+OK kicked 16\n+OK kicked 15\n+OK kicked 14\n",
                Verdict::Confirmed,
            ),
            (
                conference(C::Record(path.into())),
                "record /var/fs/recordings/15_101.wav",
                "+OK Record file /var/fs/recordings/15_101.wav\n",
                Verdict::Confirmed,
            ),
            (
                conference(C::StopRecording(path.into())),
                "norecord /var/fs/recordings/15_101.wav",
                "Stopped recording file /var/fs/recordings/15_101.wav\n+OK Stopped recording 0 files\n",
                Verdict::Confirmed,
            ),
        ];
        for (command, line, answer, verdict) in recorded {
            assert_eq!(judged(&command, answer), (line.to_owned(), verdict), "{answer}");
        }
    }

    #[test]
    fn ok_proves_nothing() {
        let usage = "mute <[member_id|all]|last|non_moderator> [<quiet>]";
        let mute = member(MemberAction::Speak(false));
        for answer in [usage, "+OK mute 11\n", "+OK mute 10 \n+OK mute 11", "+OK\n", "", "+OK unmute 10\n"] {
            assert!(matches!(judged(&mute, answer).1, Verdict::Refused(_)), "{answer}");
        }
        let end = conference(ConferenceAction::End);
        for answer in ["", "+OK kicked \n", "+OK kicked 1\n-ERR no\n", "+OK kicked all\n"] {
            assert!(matches!(judged(&end, answer).1, Verdict::Refused(_)), "{answer}");
        }
        assert_eq!(judged(&mute, "\x1b[2J;\n more").1, refused("?[2J;"));
    }

    #[test]
    fn freeswitch_1_6_says_it_without_signs() {
        let mute = member(MemberAction::Speak(false));
        assert_eq!(judged(&mute, "OK mute 10\n").1, Verdict::Confirmed);
        assert_eq!(judged(&mute, "Non-Existant ID 10\n").1, Verdict::Gone);
        assert_eq!(judged(&mute, "Conference 15*101-FSdefaultDomain not found\n").1, Verdict::Gone);
    }

    #[test]
    fn the_floor_taken_from_its_holder_is_given_back() {
        let floor = member(MemberAction::TakeFloor);
        assert_eq!(judged(&floor, "+OK floor none\n").1, Verdict::Again);
        assert_eq!(judged(&floor, "+OK floor 10\n").1, Verdict::Confirmed);
    }

    #[test]
    fn members_and_conferences_are_asked_for_first() {
        let mute = word(&member(MemberAction::Speak(false))).unwrap();
        assert_eq!(mute.questions[0].line, "conference 15*101-FSdefaultDomain get-uuid 10");
        let unknown = "-ERR Conference command 'get-uuid' not found.\n";
        for (answer, expected) in [
            ("50392bf4-a035-47aa-b985-32e869408456", None),
            ("-ERR no reply\n", Some(Verdict::Gone)),
            ("-ERR Non-Existant ID 10\n", Some(Verdict::Gone)),
            ("-ERR Conference 15*101-FSdefaultDomain not found\n", Some(Verdict::Gone)),
            ("442ff4ae-15f9-4931-aa08-a0d3ac44d31e", Some(Verdict::Gone)),
            (unknown, Some(refused("Conference command 'get-uuid' not found."))),
        ] {
            assert_eq!(mute.questions[0].answered(answer), expected, "{answer}");
        }
        assert!(word(&member(MemberAction::Kick)).unwrap().questions.is_empty());
        let record = word(&conference(ConferenceAction::Record("rtmp://s/cam1/x".into()))).unwrap();
        assert_eq!(record.questions[0].line, "conference 15*101-FSdefaultDomain get uuid");
        assert_eq!(
            record.questions[1].answered("+OK Record file /x.wav\n+OK Record file rtmp://s/cam1/x\n"),
            Some(Verdict::Confirmed)
        );
        assert_eq!(record.questions[1].answered("+OK Record file /x.wav\n"), None);
    }

    #[test]
    fn what_could_become_another_command_is_refused() {
        let hostile = [
            "101 kick all",
            "101\nexit",
            "101\r\n\r\nexit",
            "101;kick",
            "'101",
            "\"101",
            "101\\s",
            "${x}",
            "{a=b}x",
            "101\t",
            "101\u{a0}",
            "101\0",
            "`id`",
            "$(id)",
            "a|b",
            "a&b",
            "",
            "<x>",
            "a,b",
            "\u{202e}101",
            "all",
            "last",
            "non_moderator",
        ];
        for text in hostile {
            let mut command = member(MemberAction::Kick);
            command.conference = text.into();
            // Within a conference's name the reserved words are none.
            if !["all", "last", "non_moderator", ""].contains(&text) {
                assert!(word(&command).is_err(), "{text:?}");
            }
            let mut command = member(MemberAction::Kick);
            if let Action::Member { uuid, .. } = &mut command.action {
                *uuid = text.into();
            }
            assert!(word(&command).is_err(), "{text:?}");
            assert!(word(&conference(ConferenceAction::Record(text.into()))).is_err(), "{text:?}");
            assert!(word(&conference(ConferenceAction::StopRecording(text.into()))).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_command_has_as_many_words_as_it_should(name in ".{0,40}", uuid in ".{0,40}", path in ".{0,40}", id: u32) {
            let member = Action::Member { uuid: uuid.as_str().into(), member_id: id, action: MemberAction::Kick };
            let record = ConferenceAction::Record(path.as_str().into());
            let record = Action::Conference { uuid: uuid.as_str().into(), action: record };
            for (action, words) in [(member, 4), (record, 4)] {
                let Ok(wording) = word(&Command { tenant: 15, conference: name.as_str().into(), action }) else { continue };
                for line in wording.questions.iter().map(|question| &question.line).chain([&wording.line]) {
                    prop_assert!(line.split(|c: char| c.is_whitespace() || c.is_control()).count() <= words, "{}", line);
                    prop_assert!(!line.contains(['\'', '"', '\\', ';', '$', '{', '}', '`']), "{}", line);
                }
                prop_assert_eq!(wording.line.split(' ').count(), words);
            }
        }

        #[test]
        fn any_answer_has_a_meaning(answer in any::<String>()) {
            for command in [member(MemberAction::Kick), member(MemberAction::TakeFloor), conference(ConferenceAction::End)] {
                let wording = word(&command).unwrap();
                if let Verdict::Refused(text) = wording.judge(&answer) {
                    prop_assert!(!text.chars().any(char::is_control));
                }
                for question in &wording.questions {
                    question.answered(&answer);
                }
            }
        }
    }
}
