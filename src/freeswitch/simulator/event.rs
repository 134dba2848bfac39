//! Events as FreeSWITCH 1.11 tells them.

use std::fmt::Display;

use chrono::TimeDelta;
use uuid::Uuid;

use super::{
    conferences::{Conference, DOMAIN, Member, Moment},
    format::{self, Format},
};

/// The release that it says it is.
pub(super) const VERSION: &str = "1.11.2-release+git~20260809T162310Z~3f13ad1b1d~64bit";
/// The host that it says it is on.
pub(super) const HOST: &str = "simulated";

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// `CUSTOM conference::maintenance`.
    Maintenance,
    /// `HEARTBEAT`.
    Heartbeat,
    /// `BACKGROUND_JOB`.
    BackgroundJob,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    pub kind: Kind,
    headers: format::Headers,
    /// What a command answered, if it is about one.
    body: Option<Vec<u8>>,
}

impl Event {
    /// The message that carries it.
    pub fn message(&self, format: Format) -> Vec<u8> {
        format.message(&self.headers, self.body.as_deref())
    }

    /// Whether it has a header of this name and value; case does not matter.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.headers.iter().any(|(own, content)| {
            own.eq_ignore_ascii_case(name) && content.eq_ignore_ascii_case(value.as_bytes())
        })
    }
}

/// What happened in a conference.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    ConferenceCreate,
    ConferenceDestroy,
    AddMember,
    DelMember,
    StartTalking,
    StopTalking,
    FloorChange {
        from: Option<u32>,
        to: Option<u32>,
    },
    Transfer,
    /// A command changed a member: the command's word, such as `mute`.
    Member(&'static str),
    Lock,
    Unlock,
    StartRecording {
        path: String,
    },
    StopRecording {
        path: String,
    },
}

impl Action {
    fn name(&self) -> String {
        match self {
            Action::ConferenceCreate => "conference-create".to_owned(),
            Action::ConferenceDestroy => "conference-destroy".to_owned(),
            Action::AddMember => "add-member".to_owned(),
            Action::DelMember => "del-member".to_owned(),
            Action::StartTalking => "start-talking".to_owned(),
            Action::StopTalking => "stop-talking".to_owned(),
            Action::FloorChange { .. } => "floor-change".to_owned(),
            Action::Transfer => "transfer".to_owned(),
            Action::Member(command) => format!("{command}-member"),
            Action::Lock => "lock".to_owned(),
            Action::Unlock => "unlock".to_owned(),
            Action::StartRecording { .. } => "start-recording".to_owned(),
            Action::StopRecording { .. } => "stop-recording".to_owned(),
        }
    }

    /// Where in FreeSWITCH's source it comes from: file, function, line.
    fn origin(&self) -> (&'static str, String, u32) {
        let (file, function, line) = match self {
            Action::ConferenceCreate => ("mod_conference.c", "conference_new", 3848),
            Action::ConferenceDestroy => ("mod_conference.c", "conference_thread_run", 863),
            Action::AddMember => ("conference_member.c", "conference_member_add", 962),
            Action::DelMember => ("conference_member.c", "conference_member_del", 1355),
            Action::StartTalking => ("conference_loop.c", "conference_loop_input", 1154),
            Action::StopTalking => ("conference_loop.c", "stop_talking_handler", 783),
            Action::FloorChange { .. } => ("conference_member.c", "conference_member_set_floor_holder", 1158),
            Action::Transfer => ("conference_api.c", "conference_api_sub_transfer", 3704),
            Action::Lock => ("conference_api.c", "conference_api_sub_lock", 3474),
            Action::Unlock => ("conference_api.c", "conference_api_sub_unlock", 3496),
            Action::StartRecording { .. } => ("conference_record.c", "conference_record_thread_run", 319),
            Action::StopRecording { .. } => ("conference_record.c", "conference_record_thread_run", 427),
            Action::Member(command) => {
                let line = match *command {
                    "mute" => 339,
                    "unhold" => 389,
                    "hold" => 440,
                    "unmute" => 492,
                    "vmute" => 617,
                    "deaf" => 797,
                    "undeaf" => 839,
                    "hup" => 871,
                    "kick" => 902,
                    _ => 0,
                };
                return ("conference_api.c", format!("conference_api_sub_{command}"), line);
            }
        };
        (file, function.to_owned(), line)
    }
}

/// Whom an event is about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub conference: &'a Conference,
    pub member: Option<&'a Member>,
}

/// The headers of an event.
#[derive(Default)]
struct Headers(format::Headers);

impl Headers {
    fn put(&mut self, name: &str, value: impl Display) {
        self.0.push((name.to_owned(), value.to_string().into_bytes()));
    }

    fn put_all<const N: usize>(&mut self, headers: [(&str, &dyn Display); N]) {
        for (name, value) in headers {
            self.put(name, value);
        }
    }

    /// What every event begins with.
    fn common(&mut self, core: Uuid, sequence: u64, (file, function, line): (&str, &str, u32), now: Moment) {
        self.put_all([
            ("Core-UUID", &core),
            ("FreeSWITCH-Hostname", &HOST),
            ("FreeSWITCH-Switchname", &HOST),
            ("FreeSWITCH-IPv4", &"127.0.0.1"),
            ("FreeSWITCH-IPv6", &"::1"),
            ("Event-Date-Local", &now.format("%Y-%m-%d %H:%M:%S")),
            ("Event-Date-GMT", &now.format("%a, %d %b %Y %H:%M:%S GMT")),
            ("Event-Date-Timestamp", &now.timestamp_micros()),
            ("Event-Calling-File", &file),
            ("Event-Calling-Function", &function),
            ("Event-Calling-Line-Number", &line),
            ("Event-Sequence", &sequence),
        ]);
    }

    fn conference(&mut self, conference: &Conference) {
        self.put_all([
            ("Conference-Name", &conference.name),
            ("Conference-Domain", &DOMAIN),
            ("Conference-Size", &conference.size()),
            ("Conference-Ghosts", &conference.ghosts()),
            ("Conference-Profile-Name", &conference.profile.name),
            ("Conference-Unique-ID", &conference.uuid),
        ]);
        for (name, value) in &conference.variables {
            self.put(name, value);
        }
    }

    fn member(&mut self, conference: &Conference, member: &Member) {
        let created = member.called.timestamp_micros();
        let channel = format!("loopback/{}-b", member.dialled);
        let kind = if member.moderator { "moderator" } else { "member" };
        self.put("Floor", conference.floor == Some(member.id));
        self.put_all([
            ("Channel-State", &"CS_EXECUTE"),
            ("Channel-Call-State", &"ACTIVE"),
            ("Channel-State-Number", &4),
            ("Channel-Name", &channel),
            ("Unique-ID", &member.uuid),
            ("Call-Direction", &"inbound"),
            ("Presence-Call-Direction", &"inbound"),
            ("Channel-HIT-Dialplan", &true),
            ("Channel-Call-UUID", &member.uuid),
            ("Answer-State", &"answered"),
            ("Channel-Read-Codec-Name", &"L16"),
            ("Channel-Read-Codec-Rate", &8000),
            ("Channel-Read-Codec-Bit-Rate", &128_000),
            ("Channel-Write-Codec-Name", &"L16"),
            ("Channel-Write-Codec-Rate", &8000),
            ("Channel-Write-Codec-Bit-Rate", &128_000),
            ("Caller-Direction", &"inbound"),
            ("Caller-Logical-Direction", &"inbound"),
            ("Caller-Dialplan", &"xml"),
        ]);
        for caller in ["Caller", "Orig-Caller"] {
            self.0.push((format!("Caller-{caller}-ID-Name"), member.name.clone()));
            self.put(&format!("Caller-{caller}-ID-Number"), &member.number);
        }
        self.put_all([
            ("Caller-Callee-ID-Name", &"Outbound Call"),
            ("Caller-Callee-ID-Number", &"default"),
            ("Caller-ANI", &member.number),
            ("Caller-Destination-Number", &member.dialled),
            ("Caller-Unique-ID", &member.uuid),
            ("Caller-Source", &"mod_loopback"),
            ("Caller-Context", &"default"),
            ("Caller-Channel-Name", &channel),
            ("Caller-Profile-Index", &1),
            ("Caller-Profile-Created-Time", &created),
            ("Caller-Channel-Created-Time", &created),
            ("Caller-Channel-Answered-Time", &created),
        ]);
        for time in ["Progress", "Progress-Media", "Hangup", "Transfer", "Resurrect", "Bridged"] {
            self.put(&format!("Caller-Channel-{time}-Time"), 0);
        }
        self.put_all([
            ("Caller-Channel-Last-Hold", &0),
            ("Caller-Channel-Hold-Accum", &0),
            ("Caller-Screen-Bit", &true),
            ("Caller-Privacy-Hide-Name", &false),
            ("Caller-Privacy-Hide-Number", &false),
            ("Video", &false),
            ("Hear", &member.can_hear),
            ("See", &member.can_be_seen),
            ("Speak", &member.can_speak),
            ("Talking", &member.talking),
            ("Mute-Detect", &false),
            ("Hold", &member.hold),
            ("Member-ID", &member.id),
            ("Member-Type", &kind),
            ("Member-Ghost", &member.ghost),
            ("Energy-Level", &member.energy),
            ("Current-Energy", &0),
        ]);
    }
}

/// An event of `conference::maintenance`.
pub(super) fn maintenance(
    core: Uuid,
    sequence: u64,
    action: &Action,
    Subject { conference, member }: Subject<'_>,
    now: Moment,
) -> Event {
    let mut headers = Headers::default();
    headers.put("Event-Subclass", "conference::maintenance");
    headers.put("Event-Name", "CUSTOM");
    let (file, function, line) = action.origin();
    headers.common(core, sequence, (file, &function, line), now);
    headers.conference(conference);
    if let Action::FloorChange { from, to } = *action {
        let id = |id: Option<u32>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
        headers.put("Action", action.name());
        // Who loses the floor is not named unless somebody gets it.
        headers.put("Old-ID", id(from.filter(|_| to.is_some())));
        if let Some(member) = member {
            headers.conference(conference);
            headers.member(conference, member);
        }
        headers.put("New-ID", id(to));
    } else {
        if let Some(member) = member {
            headers.member(conference, member);
        }
        headers.put("Action", action.name());
        if let Action::StartRecording { path } | Action::StopRecording { path } = action {
            headers.put("Path", path);
        }
    }
    Event { kind: Kind::Maintenance, headers: headers.0, body: None }
}

/// FreeSWITCH's sign of life, every 20 seconds.
pub(super) fn heartbeat(core: Uuid, sequence: u64, uptime: TimeDelta, sessions: usize, now: Moment) -> Event {
    let mut headers = Headers::default();
    headers.put("Event-Name", "HEARTBEAT");
    headers.common(core, sequence, ("switch_core.c", "send_heartbeat", 95), now);
    headers.put_all([
        ("Event-Info", &"System Ready"),
        ("Up-Time", &describe(uptime)),
        ("FreeSWITCH-Version", &VERSION),
        ("Uptime-msec", &uptime.num_milliseconds()),
        ("Session-Count", &sessions),
        ("Max-Sessions", &5000),
        ("Session-Per-Sec", &300),
        ("Session-Per-Sec-Last", &0),
        ("Session-Per-Sec-Max", &0),
        ("Session-Per-Sec-FiveMin", &0),
        ("Session-Since-Startup", &sessions),
        ("Session-Peak-Max", &sessions),
        ("Session-Peak-FiveMin", &sessions),
        ("Idle-CPU", &"100.000000"),
    ]);
    Event { kind: Kind::Heartbeat, headers: headers.0, body: None }
}

/// A command that was run in the background has ended, with this answer.
pub(super) fn background_job(
    core: Uuid,
    sequence: u64,
    job: &str,
    command: &str,
    answer: &[u8],
    now: Moment,
) -> Event {
    let mut headers = Headers::default();
    headers.put("Event-Name", "BACKGROUND_JOB");
    headers.common(core, sequence, ("mod_event_socket.c", "api_exec", 1580), now);
    headers.put("Job-UUID", job);
    let (word, arguments) = command.split_once(' ').unwrap_or((command, ""));
    headers.put("Job-Command", word);
    if !arguments.is_empty() {
        headers.put("Job-Command-Arg", arguments);
    }
    Event { kind: Kind::BackgroundJob, headers: headers.0, body: Some(answer.to_vec()) }
}

/// A time as FreeSWITCH tells it.
fn describe(time: TimeDelta) -> String {
    format!(
        "{} years, {} days, {} hours, {} minutes, {} seconds, {} milliseconds, {} microseconds",
        time.num_days() / 365,
        time.num_days() % 365,
        time.num_hours() % 24,
        time.num_minutes() % 60,
        time.num_seconds() % 60,
        time.subsec_millis(),
        time.subsec_micros() % 1_000,
    )
}
