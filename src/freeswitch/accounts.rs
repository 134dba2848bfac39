//! What callers logged in with, as their node vouches.
//!
//! A caller chooses his name and number, and FreeSWITCH puts them into its list as they come: who logged in as
//! `000015000002` may call himself `000015000003`. What he logged in as is in his channel's variable `accountcode`, which our
//! directory sets for each of its users. `uuid_getvar` tells it, in one short answer for each channel that is new; `show
//! channels` has it as well, but says 1 000 bytes of every channel there is.
//!
//! Each channel is asked about once, at most [`MAX_QUESTIONS`] after a list: few newcomers are known before they are written,
//! and thousands at once do not hold up anybody.

use std::collections::{HashMap, HashSet};

use compact_str::CompactString;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    conference_list::Conference,
    event_socket::{EventSocket, SocketError},
    identity,
    roster::Roster,
};

/// Most channels that are asked about after one list, which took about as long for so many members.
const MAX_QUESTIONS: usize = 2_000;
/// Most questions on their way at once: both they and their answers fit into the buffers between us and FreeSWITCH.
const PIPELINED: usize = 50;
/// Most bytes of an account.
const MAX_ACCOUNT_BYTES: usize = 255;

/// The accounts of channels; empty for one that nobody logged in on.
#[derive(Debug, Default)]
pub struct Accounts(HashMap<CompactString, CompactString>);

impl Accounts {
    /// Those that the store remembers.
    pub fn of(roster: &Roster) -> Self {
        let known = roster
            .members
            .iter()
            .filter_map(|(key, member)| Some((key.uuid.clone(), member.account.clone()?)));
        Accounts(known.collect())
    }

    /// The account of a channel; None if it was not asked about.
    pub fn get(&self, uuid: &str) -> Option<&CompactString> {
        self.0.get(uuid)
    }

    /// Asks about channels in our conferences that are not known yet. Whether there are more of them, so that it is worth
    /// asking again.
    pub async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        socket: &mut EventSocket<S>,
        list: &[Conference],
    ) -> Result<bool, SocketError> {
        let ours = list.iter().filter(|conference| identity::conference(&conference.name).is_some());
        let channels = || ours.clone().flat_map(|conference| &conference.callers).map(|caller| &caller.uuid);
        // Those of callers who have left are forgotten now and then.
        if self.0.len() > 2 * channels().count() + MAX_QUESTIONS {
            let here: HashSet<_> = channels().collect();
            self.0.retain(|uuid, _| here.contains(uuid));
        }
        // A uuid that a dial plan made up must not become another command.
        let is_one_word = |uuid: &str| uuid.bytes().all(|byte| byte.is_ascii_graphic());
        let mut unknown = channels().filter(|uuid| is_one_word(uuid) && !self.0.contains_key(*uuid));
        let asked: Vec<_> = unknown.by_ref().take(MAX_QUESTIONS).cloned().collect();
        let (has_more, known_before) = (unknown.next().is_some(), self.0.len());
        for uuids in asked.chunks(PIPELINED) {
            let questions: Vec<_> =
                uuids.iter().map(|uuid| format!("uuid_getvar {uuid} accountcode")).collect();
            let mut answers = Vec::with_capacity(questions.len());
            let each = |answer: &str| answers.push(answer.to_owned());
            socket.api_all(&questions, MAX_ACCOUNT_BYTES + 1, each).await?;
            let known = uuids
                .iter()
                .zip(answers)
                .filter_map(|(uuid, answer)| Some((uuid.clone(), account(&answer)?)));
            self.0.extend(known);
        }
        // A node that tells of none is not asked all the time.
        Ok(has_more && self.0.len() > known_before)
    }
}

/// The account that FreeSWITCH names; None if it names none, such as for a channel that it does not know any more.
fn account(answer: &str) -> Option<CompactString> {
    match answer.trim() {
        // Not set, or set to nothing.
        "_undef_" | "-ERR no reply" => Some(CompactString::default()),
        refusal if refusal.starts_with("-ERR") || refusal.starts_with("-USAGE") => None,
        account if account.len() <= MAX_ACCOUNT_BYTES => Some(account.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::freeswitch::conference_list::Caller;

    #[test]
    fn answers_name_accounts() {
        assert_eq!(account("000015000002"), Some("000015000002".into()));
        assert_eq!(account("_undef_"), Some("".into()));
        assert_eq!(account("-ERR no reply\n"), Some("".into()));
        assert_eq!(account("-ERR No such channel!\n"), None);
        assert_eq!(account("-ERR uuid_getvar Command not found!\n"), None);
        assert_eq!(account(&"x".repeat(MAX_ACCOUNT_BYTES + 1)), None);
    }

    fn conference(name: &str, uuids: impl IntoIterator<Item = String>) -> Conference {
        let callers = uuids.into_iter().map(|uuid| Caller { uuid: uuid.into(), ..Caller::default() });
        Conference { name: name.to_owned(), callers: callers.collect(), ..Conference::default() }
    }

    /// Asks about these channels with each of these answers said in turn; what was asked, and whether there is more.
    async fn ask(accounts: &mut Accounts, list: &[Conference], answers: &[&str]) -> (String, bool) {
        let accepted = include_str!("../../tests/fixtures/freeswitch/auth-ok.raw").to_owned();
        let answer =
            |body: &&str| format!("Content-Type: api/response\nContent-Length: {}\n\n{body}", body.len());
        let said = accepted + &answers.iter().map(answer).collect::<String>();
        let mut asked = Vec::new();
        let stream = tokio::io::join(said.as_bytes(), &mut asked);
        let mut socket = EventSocket::log_in(stream, "ClueCon", Duration::from_secs(1)).await.unwrap();
        let has_more = accounts.ask(&mut socket, list).await.unwrap();
        drop(socket);
        (String::from_utf8(asked).unwrap().replace("auth ClueCon\n\n", ""), has_more)
    }

    #[tokio::test]
    async fn each_channel_of_ours_is_asked_about_once() {
        let uuids = |uuids: &[&str]| uuids.iter().map(ToString::to_string).collect::<Vec<_>>();
        let list = [
            conference("3000", uuids(&["other"])),
            conference("15*101-FSdefaultDomain", uuids(&["a", "b", "c\n\napi fsctl shutdown", "gone"])),
        ];
        let mut accounts = Accounts::default();
        let answers = ["000015000002", "_undef_", "-ERR No such channel!\n"];
        let question = |uuid: &str| format!("api uuid_getvar {uuid} accountcode\n\n");
        let (asked, has_more) = ask(&mut accounts, &list, &answers).await;
        assert_eq!(asked, ["a", "b", "gone"].map(question).concat());
        assert!(!has_more);
        let known = ["a", "b", "gone"].map(|uuid| accounts.get(uuid).map(CompactString::as_str));
        assert_eq!(known, [Some("000015000002"), Some(""), None]);
        assert_eq!(ask(&mut accounts, &list, &answers[2..]).await.0, question("gone"));
    }

    #[tokio::test]
    async fn many_are_asked_about_in_parts_and_forgotten_when_they_left() {
        let many = || (0..2 * MAX_QUESTIONS + 1).map(|number| number.to_string());
        let list = [conference("15*101-FSdefaultDomain", many())];
        let mut accounts = Accounts::default();
        let refusals = vec!["-ERR uuid_getvar Command not found!\n"; MAX_QUESTIONS];
        assert!(!ask(&mut accounts, &list, &refusals).await.1);
        for (count, more) in [(MAX_QUESTIONS, true), (MAX_QUESTIONS, true), (1, false)] {
            let (asked, has_more) = ask(&mut accounts, &list, &vec!["x"; count]).await;
            assert_eq!((asked.matches("api ").count(), has_more), (count, more));
        }
        assert!(many().all(|uuid| accounts.get(&uuid).is_some()));
        ask(&mut accounts, &[], &[]).await;
        assert_eq!(accounts.0.len(), 0);
    }
}
