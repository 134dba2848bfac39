//! The `api` commands that it knows, answered as FreeSWITCH 1.11 answers them.

use super::{
    conferences::{Conference, Conferences, DOMAIN, Member, Moment, Recording},
    event::{Action, HOST, VERSION},
    listing,
};

/// What FreeSWITCH says where it has nothing to say.
pub(super) const NO_REPLY: &str = "-ERR no reply\n";
/// A conference without a subcommand.
const NOT_SPECIFIED: &str = "Conference command, not specified.\nTry 'help'\n";

/// Which members of a conference a command is for.
enum Target {
    All,
    NonModerators,
    Id(u32),
    /// The first one of whom this is true.
    Where(String, String),
    /// FreeSWITCH knows no last member, although it offers the word.
    Last,
}

impl Target {
    /// None: it is none, and the command's usage is the answer.
    fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Target::All),
            "last" => Some(Target::Last),
            "non_moderator" => Some(Target::NonModerators),
            _ => match text.split_once('=') {
                Some((variable, value)) => Some(Target::Where(variable.to_owned(), value.to_owned())),
                None => {
                    Some(Target::Id(leading_number(text))).filter(|target| !matches!(target, Target::Id(0)))
                }
            },
        }
    }
}

/// The number that a text begins with, in 32 bits as C's `atoi` gives it; 0 for none.
fn leading_number(text: &str) -> u32 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    let number: i32 = digits[..end].parse().unwrap_or_default();
    (sign * number).cast_unsigned()
}

impl Conferences {
    /// Runs a command and gives back the body of its answer.
    pub(super) fn api(&mut self, command: &str, now: Moment) -> Vec<u8> {
        let (word, arguments) = command.split_once(' ').unwrap_or((command, ""));
        let arguments = arguments.trim();
        let text = match word {
            "conference" => return self.conference(arguments, now),
            "hupall" => {
                self.hang_up_all(now);
                "+OK hangup all channels with cause MANAGER_REQUEST\n".to_owned()
            }
            "uuid_kill" => match arguments.parse() {
                Ok(uuid) if self.leave(uuid, now) => "+OK\n".to_owned(),
                _ => "-ERR No such channel!\n".to_owned(),
            },
            "uuid_exists" => arguments.parse().is_ok_and(|uuid| self.channels().contains(&uuid)).to_string(),
            "uuid_getvar" => self.channel_variable(arguments),
            "global_getvar" => match arguments {
                "core_uuid" => self.core_uuid.to_string(),
                "domain" | "domain_name" => DOMAIN.to_owned(),
                _ => NO_REPLY.to_owned(),
            },
            "hostname" | "switchname" => HOST.to_owned(),
            "version" => format!("FreeSWITCH Version {VERSION} (git 3f13ad1 2026-08-09 16:23:10Z 64bit)\n"),
            "uptime" => format!("{}\n", (now - self.started).num_seconds()),
            _ => format!("-ERR {word} Command not found!\n"),
        };
        text.into_bytes()
    }

    /// `uuid_getvar UUID NAME`, of which it knows what a login sets.
    fn channel_variable(&self, arguments: &str) -> String {
        let Some((uuid, name)) = arguments.split_once(' ') else {
            return "-USAGE: <uuid> <var>\n".to_owned();
        };
        let Some(member) = uuid.parse().ok().and_then(|uuid| self.member(uuid)) else {
            return "-ERR No such channel!\n".to_owned();
        };
        let value = match name {
            "accountcode" | "sip_auth_username" | "user_name" => member.account.clone(),
            _ => None,
        };
        value.unwrap_or_else(|| "_undef_".to_owned())
    }

    fn hang_up_all(&mut self, now: Moment) {
        while let Some(id) =
            self.list.first().and_then(|conference| conference.members.first()).map(|it| it.id)
        {
            self.remove(0, id, now);
        }
    }

    /// `conference ARGUMENTS`. A conference named like a list takes its word.
    fn conference(&mut self, arguments: &str, now: Moment) -> Vec<u8> {
        let (name, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
        if let Some(index) = self.list.iter().position(|conference| conference.name == name) {
            return self.subcommand(index, rest.trim(), now);
        }
        match name {
            "list" => listing::list(&self.list),
            "xml_list" => listing::xml_list(&self.list.iter().collect::<Vec<_>>(), now).into_bytes(),
            "count" => self.list.len().to_string().into_bytes(),
            "" => NOT_SPECIFIED.into(),
            _ => format!("-ERR Conference {name} not found\n").into_bytes(),
        }
    }

    /// `conference NAME COMMAND`.
    fn subcommand(&mut self, index: usize, command: &str, now: Moment) -> Vec<u8> {
        let mut words = command.splitn(3, ' ');
        let verb = words.next().unwrap_or_default();
        let argument = words.next();
        let more = words.next();
        let conference = &mut self.list[index];
        let text = match (verb, argument) {
            ("", _) => NOT_SPECIFIED.to_owned(),
            ("list", None) => return listing::list_members(conference),
            ("xml_list", _) => listing::xml_list(&[conference], now),
            ("count", _) | ("list" | "get", Some("count")) => conference.size().to_string(),
            ("get", Some("uuid")) => conference.uuid.to_string(),
            ("get", Some("run_time")) => (now - conference.started).num_seconds().to_string(),
            ("get", _) => "get <parameter-name>".to_owned(),
            ("get-uuid", Some(id)) => match conference.member_mut(leading_number(id)) {
                Some(member) => member.uuid.to_string(),
                None => NO_REPLY.to_owned(),
            },
            ("getvar", Some(name)) => match conference.variables.iter().find(|(known, _)| known == name) {
                Some((_, value)) => value.clone(),
                None => NO_REPLY.to_owned(),
            },
            ("setvar", Some(name)) => {
                conference.variables.push((name.to_owned(), more.unwrap_or_default().to_owned()));
                "+OK\n".to_owned()
            }
            ("lock" | "unlock", _) => {
                conference.locked = verb == "lock";
                let answer = format!("+OK {} {verb}ed\n", conference.name);
                let action = if verb == "lock" { Action::Lock } else { Action::Unlock };
                self.tell(index, &action, None, now);
                answer
            }
            ("record", Some(path)) => self.record(index, path, now),
            ("norecord", Some(path)) => self.stop_recording(index, path, now),
            ("pause", Some(path)) => {
                let recordings = conference.recordings.iter_mut();
                recordings.filter(|recording| recording.path == path).for_each(|it| it.paused = true);
                format!("+OK Pause recording file {path}\n")
            }
            ("chkrecord", _) | ("recording", Some("check")) => {
                let paths = conference.recordings.iter().map(|it| format!("+OK Record file {}\n", it.path));
                paths.collect()
            }
            ("record", None) => "record <filename>".to_owned(),
            ("transfer", Some(to)) => self.transfer(index, to, more.unwrap_or_default(), now),
            ("floor", Some(id)) => self.take_floor(index, id, now),
            ("energy" | "volume_in" | "volume_out", Some(id)) => {
                set_level(conference, verb, leading_number(id), more)
            }
            _ => return self.member_command(index, verb, argument.unwrap_or_default(), now).into_bytes(),
        };
        text.into_bytes()
    }

    fn record(&mut self, index: usize, path: &str, now: Moment) -> String {
        let recording = Recording { path: path.to_owned(), started: now, paused: false };
        self.list[index].recordings.insert(0, recording);
        self.tell(index, &Action::StartRecording { path: path.to_owned() }, None, now);
        format!("+OK Record file {path}\n")
    }

    /// FreeSWITCH counts the files before they are stopped: always 0.
    fn stop_recording(&mut self, index: usize, path: &str, now: Moment) -> String {
        let recordings = &mut self.list[index].recordings;
        let stopped: Vec<_> =
            recordings.extract_if(.., |recording| path == "all" || recording.path == path).collect();
        let mut answer = String::new();
        for Recording { path, .. } in stopped {
            answer += &format!("Stopped recording file {path}\n");
            self.tell(index, &Action::StopRecording { path }, None, now);
        }
        answer + "+OK Stopped recording 0 files\n"
    }

    fn transfer(&mut self, index: usize, to: &str, id: &str, now: Moment) -> String {
        let conference = &mut self.list[index];
        let Some(uuid) = conference.member_mut(leading_number(id)).map(|member| member.uuid) else {
            return format!("-ERR No Member {id} in conference {}.\n", conference.name);
        };
        self.move_to(uuid, to, now);
        format!("+OK Member '{id}' sent to conference {to}.\n")
    }

    fn take_floor(&mut self, index: usize, id: &str, now: Moment) -> String {
        let id = leading_number(id);
        let floor = self.list[index].floor;
        match floor {
            Some(holder) if holder != id => format!("-ERR floor is held by {holder}\n"),
            // FreeSWITCH's sources: for the holder the same word means the opposite.
            Some(_) => {
                self.give_floor(index, None, now);
                "+OK floor none\n".to_owned()
            }
            None if self.list[index].member_mut(id).is_none() => format!("-ERR Non-Existant ID {id}\n"),
            None => {
                self.give_floor(index, Some(id), now);
                format!("+OK floor {id}\n")
            }
        }
    }

    /// A command that changes members or throws them out.
    fn member_command(&mut self, index: usize, verb: &str, target: &str, now: Moment) -> String {
        let Some(command) = MemberCommand::named(verb) else {
            return format!("-ERR Conference command '{verb}' not found.\n");
        };
        let Some(target) = Target::parse(target) else { return command.usage() };
        let conference = &self.list[index];
        let ids = |wanted: &dyn Fn(&Member) -> bool| -> Vec<u32> {
            conference.members.iter().filter(|member| wanted(member)).map(|member| member.id).collect()
        };
        let mut answer = String::new();
        let ids = match target {
            Target::All => ids(&|_| true),
            Target::NonModerators => {
                for member in conference.members.iter().filter(|member| member.moderator) {
                    answer += &format!("Skipping moderator (member id {}).\n", member.id);
                }
                ids(&|member| !member.moderator)
            }
            Target::Last => return NO_REPLY.to_owned(),
            Target::Id(id) => match ids(&|member| member.id == id) {
                none if none.is_empty() => return format!("-ERR Non-Existant ID {id}\n"),
                one => one,
            },
            Target::Where(variable, value) => {
                let found = ids(&|member| match variable.as_str() {
                    "uuid" => member.uuid.to_string() == value,
                    "caller_id_number" => member.number == value,
                    _ => false,
                });
                match found.first() {
                    Some(first) => vec![*first],
                    None => return "-ERR Non-Existant member\n".to_owned(),
                }
            }
        };
        for id in ids {
            answer += &format!("+OK {} {id}\n", self.apply(index, command, id, now));
        }
        answer
    }

    /// Does it to one member; gives back what FreeSWITCH calls it then.
    fn apply(&mut self, index: usize, command: MemberCommand, id: u32, now: Moment) -> &'static str {
        let Some(member) = self.list[index].member_mut(id) else { return command.done };
        let mut done = command;
        match command.word {
            "mute" => member.can_speak = false,
            "unmute" => member.can_speak = true,
            "tmute" => {
                member.can_speak = !member.can_speak;
                done =
                    MemberCommand::named(if member.can_speak { "unmute" } else { "mute" }).unwrap_or(command);
            }
            "deaf" => member.can_hear = false,
            "undeaf" => member.can_hear = true,
            "hold" => member.hold = true,
            "unhold" => member.hold = false,
            "vmute" => member.can_be_seen = false,
            "unvmute" => member.can_be_seen = true,
            "vblind" => member.can_see = false,
            "unvblind" => member.can_see = true,
            _ => {}
        }
        if member.talking && (member.hold || !member.can_speak) {
            (member.talking, member.talked) = (false, Some(now));
        }
        self.tell(index, &Action::Member(done.word), Some(id), now);
        if matches!(command.word, "kick" | "hup") {
            self.remove(index, id, now);
        } else {
            self.pass_floor_on(index, now);
        }
        done.done
    }

    /// Who may not speak has no floor: it goes to the one who talks for longest.
    fn pass_floor_on(&mut self, index: usize, now: Moment) {
        let conference = &self.list[index];
        let speaks = |member: &Member| member.can_speak && !member.hold;
        let holder = conference.members.iter().find(|member| conference.floor == Some(member.id));
        if holder.is_some_and(|holder| !speaks(holder)) {
            let next = conference.members.iter().rev().find(|member| speaks(member) && member.talking);
            let next = next.map(|member| member.id);
            self.give_floor(index, next, now);
        }
    }
}

/// A command for members.
#[derive(Clone, Copy)]
struct MemberCommand {
    word: &'static str,
    /// What stands after `+OK`.
    done: &'static str,
    /// The arguments that it names when they are missing.
    arguments: &'static str,
}

impl MemberCommand {
    fn named(word: &str) -> Option<Self> {
        const MEMBERS: &str = "<[member_id|all]|last|non_moderator>";
        let command = |word, done, arguments| Some(MemberCommand { word, done, arguments });
        match word {
            "kick" => {
                command("kick", "kicked", "<[member_id|all|last|non_moderator]> [<optional sound file>]")
            }
            "hup" => command("hup", "hup", MEMBERS),
            "mute" => command("mute", "mute", "<[member_id|all]|last|non_moderator> [<quiet>]"),
            "unmute" => command("unmute", "unmute", "<[member_id|all]|last|non_moderator> [<quiet>]"),
            "tmute" => command("tmute", "tmute", "<[member_id|all]|last|non_moderator> [<quiet>]"),
            "deaf" => command("deaf", "deaf", MEMBERS),
            "undeaf" => command("undeaf", "undeaf", MEMBERS),
            "hold" => command("hold", "hold", MEMBERS),
            "unhold" => command("unhold", "unhold", MEMBERS),
            "vmute" => command("vmute", "vmute", MEMBERS),
            "unvmute" => command("unvmute", "unvmute", MEMBERS),
            "vblind" => command("vblind", "vblind", MEMBERS),
            "unvblind" => command("unvblind", "unvblind", MEMBERS),
            _ => None,
        }
    }

    fn usage(self) -> String {
        format!("{} {}", self.word, self.arguments)
    }
}

/// `energy`, `volume_in` and `volume_out`: sets a level, or tells it.
fn set_level(conference: &mut Conference, verb: &str, id: u32, level: Option<&str>) -> String {
    let Some(member) = conference.member_mut(id) else { return format!("-ERR Non-Existant ID {id}\n") };
    let volume = |level| leading_number(level).cast_signed().clamp(-4, 4);
    match (verb, level) {
        ("energy", Some(level)) => member.energy = leading_number(level),
        ("volume_in", Some(level)) => member.volume_in = volume(level),
        ("volume_out", Some(level)) => member.volume_out = volume(level),
        _ => {}
    }
    match verb {
        "volume_in" => format!("+OK Volume IN {id} = {}\n", member.volume_in),
        "volume_out" => format!("+OK Volume OUT {id} = {}\n", member.volume_out),
        _ => format!("Energy {id} = {}\n", member.energy),
    }
}
