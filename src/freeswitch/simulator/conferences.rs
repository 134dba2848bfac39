//! The conferences of one run of a simulated FreeSWITCH. It has no clock and no socket: whoever changes it says when.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use uuid::{Builder, Uuid};

use super::{
    command::NO_REPLY,
    event::{self, Action, Event, Subject},
};

/// A moment.
pub type Moment = DateTime<Utc>;

/// What a conference is like, by the name of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Samples per second.
    pub rate: u32,
    /// Whether members see each other.
    pub video: bool,
    /// The energy that counts as talking.
    pub energy: u32,
}

impl Profile {
    /// The profile of this name, as CppComet's manual sets `audio` and `video` up. An unknown one has FreeSWITCH's own
    /// defaults.
    pub fn named(name: &str) -> Self {
        let known = matches!(name, "audio" | "video" | "default");
        Profile {
            name: name.to_owned(),
            rate: if name == "video" { 48_000 } else { 8_000 },
            video: name == "video",
            energy: if known { 100 } else { 0 },
        }
    }
}

/// Someone who calls a conference.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The conference, for instance `15*101-FSdefaultDomain`.
    pub conference: String,
    /// The profile that a new conference gets.
    pub profile: Profile,
    /// What the caller calls himself: any bytes.
    pub name: Vec<u8>,
    /// The number he calls from.
    pub number: String,
    /// What he logged in with; None for a phone that just called.
    pub account: Option<String>,
    /// Whether he is a moderator.
    pub moderator: bool,
    /// Whether he is a ghost: he neither counts nor hears nor speaks.
    pub ghost: bool,
    /// Whether the conference ends when he leaves.
    pub end_conference: bool,
}

impl Call {
    /// A call of this user of a tenant to a conference of it, with the profile `video`.
    pub fn of_user(tenant: u32, user: u32, conference: &str) -> Self {
        let number = format!("{tenant:06}{user:06}");
        Call {
            conference: format!("{tenant}*{conference}-{DOMAIN}"),
            profile: Profile::named("video"),
            name: number.clone().into_bytes(),
            account: Some(number.clone()),
            number,
            moderator: false,
            ghost: false,
            end_conference: false,
        }
    }
}

/// The domain of every conference.
pub(super) const DOMAIN: &str = "FSdefaultDomain";

/// Someone in a conference.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// FreeSWITCH's number of him, unique within a run.
    pub id: u32,
    /// His channel.
    pub uuid: Uuid,
    /// What he calls himself.
    pub name: Vec<u8>,
    /// The number he calls from.
    pub number: String,
    /// What he logged in with; None for a phone that just called.
    pub account: Option<String>,
    /// What he dialled.
    pub dialled: String,
    /// When he called.
    pub called: Moment,
    /// When he joined this conference.
    pub joined: Moment,
    /// When he last talked.
    pub talked: Option<Moment>,
    /// Whether he is talking.
    pub talking: bool,
    /// Whether he hears; a member on hold does not, whatever this says.
    pub can_hear: bool,
    /// Whether he sees; a member on hold does not, whatever this says.
    pub can_see: bool,
    /// Whether the others see him; no list tells it.
    pub can_be_seen: bool,
    /// Whether he speaks; a member on hold does not, whatever this says.
    pub can_speak: bool,
    /// Whether he is on hold.
    pub hold: bool,
    /// Whether he is a moderator.
    pub moderator: bool,
    /// Whether he is a ghost.
    pub ghost: bool,
    /// Whether the conference ends when he leaves.
    pub end_conference: bool,
    /// The energy that counts as talking.
    pub energy: u32,
    /// His volume in, -4 to 4.
    pub volume_in: i32,
    /// His volume out, -4 to 4.
    pub volume_out: i32,
}

/// A file that a conference is recorded to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recording {
    pub path: String,
    pub started: Moment,
    pub paused: bool,
}

/// A conference. It is there for as long as somebody is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Conference {
    /// Its name.
    pub name: String,
    /// Its identity: another conference of the same name has another.
    pub uuid: Uuid,
    /// What it is like.
    pub profile: Profile,
    /// When it began.
    pub started: Moment,
    /// Whether nobody else may come in.
    pub locked: bool,
    /// Who is in it, newest first.
    pub members: Vec<Member>,
    /// Who the others see, by number.
    pub floor: Option<u32>,
    /// Where it is recorded to, newest first.
    pub(super) recordings: Vec<Recording>,
    /// Its variables.
    pub(super) variables: Vec<(String, String)>,
}

impl Conference {
    /// How many members count.
    pub(super) fn size(&self) -> usize {
        self.members.len() - self.ghosts()
    }

    /// Whether it is recorded.
    pub fn is_recorded(&self) -> bool {
        !self.recordings.is_empty()
    }

    /// Where it is recorded to, newest first.
    pub fn recordings(&self) -> Vec<&str> {
        self.recordings.iter().map(|recording| recording.path.as_str()).collect()
    }

    pub(super) fn ghosts(&self) -> usize {
        self.members.iter().filter(|member| member.ghost).count()
    }

    pub(super) fn member_mut(&mut self, id: u32) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }
}

/// The conferences since a start of FreeSWITCH, and the events that told of them.
pub struct Conferences {
    /// The identity of this run.
    pub core_uuid: Uuid,
    /// When it began.
    pub started: Moment,
    pub(super) list: Vec<Conference>,
    random: StdRng,
    pub(super) members_so_far: u32,
    events_so_far: u64,
    events: Vec<Event>,
}

impl Conferences {
    /// FreeSWITCH starts, without conferences. The same seed gives the same uuids.
    pub fn new(seed: u64, now: Moment) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        Conferences {
            core_uuid: random_uuid(&mut random),
            started: now,
            list: Vec::new(),
            random,
            members_so_far: 0,
            events_so_far: 0,
            events: Vec::new(),
        }
    }

    /// The conferences.
    pub fn list(&self) -> &[Conference] {
        &self.list
    }

    /// The member of this channel.
    pub fn member(&self, uuid: Uuid) -> Option<&Member> {
        self.list.iter().flat_map(|conference| &conference.members).find(|member| member.uuid == uuid)
    }

    /// The channels of all members.
    pub fn channels(&self) -> HashSet<Uuid> {
        self.list.iter().flat_map(|conference| &conference.members).map(|member| member.uuid).collect()
    }

    /// Takes the events since the last time.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Somebody calls. Gives back his channel, or None if the conference is locked, of which no event tells.
    pub fn join(&mut self, call: Call, now: Moment) -> Option<Uuid> {
        let uuid = random_uuid(&mut self.random);
        let room = call.conference.strip_suffix(DOMAIN).and_then(|name| name.strip_suffix('-'));
        let dialled = format!("{}*{}", room.unwrap_or(&call.conference), call.profile.name);
        self.members_so_far += 1;
        let member = Member {
            id: self.members_so_far,
            uuid,
            name: call.name,
            number: call.number,
            account: call.account,
            dialled,
            called: now,
            joined: now,
            talked: None,
            talking: false,
            can_hear: !call.ghost,
            can_see: true,
            can_be_seen: true,
            can_speak: !call.ghost,
            hold: false,
            moderator: call.moderator,
            ghost: call.ghost,
            end_conference: call.end_conference,
            energy: call.profile.energy,
            volume_in: 0,
            volume_out: 0,
        };
        self.enter(&call.conference, &call.profile, member, now).then_some(uuid)
    }

    /// A member comes into a conference, which begins if it is not there.
    fn enter(&mut self, name: &str, profile: &Profile, member: Member, now: Moment) -> bool {
        let index = self.list.iter().position(|conference| conference.name == name).unwrap_or_else(|| {
            self.list.push(Conference {
                name: name.to_owned(),
                uuid: random_uuid(&mut self.random),
                profile: profile.clone(),
                started: now,
                locked: false,
                members: Vec::new(),
                floor: None,
                recordings: Vec::new(),
                variables: Vec::new(),
            });
            self.tell(self.list.len() - 1, &Action::ConferenceCreate, None, now);
            self.list.len() - 1
        });
        let conference = &mut self.list[index];
        if conference.locked {
            return false;
        }
        let id = member.id;
        let takes_floor = conference.floor.is_none() && !member.ghost;
        conference.members.insert(0, member);
        self.tell(index, &Action::AddMember, Some(id), now);
        if takes_floor {
            self.give_floor(index, Some(id), now);
        }
        true
    }

    /// Where a channel is: the conference's index and the member's number.
    fn find(&self, uuid: Uuid) -> Option<(usize, u32)> {
        self.list.iter().enumerate().find_map(|(index, conference)| {
            let member = conference.members.iter().find(|member| member.uuid == uuid)?;
            Some((index, member.id))
        })
    }

    /// A caller hangs up. False if he is in no conference.
    pub fn leave(&mut self, uuid: Uuid, now: Moment) -> bool {
        let Some((index, id)) = self.find(uuid) else { return false };
        self.remove(index, id, now);
        true
    }

    /// A member starts or stops to talk.
    pub fn talk(&mut self, uuid: Uuid, talking: bool, now: Moment) {
        let Some((index, id)) = self.find(uuid) else { return };
        let Some(member) = self.list[index].member_mut(id) else { return };
        if member.talking == talking || !member.can_speak || member.hold {
            return;
        }
        member.talking = talking;
        member.talked = Some(now);
        let action = if talking { Action::StartTalking } else { Action::StopTalking };
        self.tell(index, &action, Some(id), now);
        if talking && self.list[index].floor.is_none() {
            self.give_floor(index, Some(id), now);
        }
    }

    /// A member goes on in another conference, with his channel and his number.
    pub fn move_to(&mut self, uuid: Uuid, conference: &str, now: Moment) {
        let Some((index, id)) = self.find(uuid) else { return };
        self.tell(index, &Action::Transfer, Some(id), now);
        let profile = Profile::named("default");
        if let Some(member) = self.remove(index, id, now) {
            self.enter(conference, &profile, Member { joined: now, talking: false, ..member }, now);
        }
    }

    /// The floor goes to a member, or to nobody.
    pub(super) fn give_floor(&mut self, index: usize, to: Option<u32>, now: Moment) {
        let from = std::mem::replace(&mut self.list[index].floor, to);
        self.tell(index, &Action::FloorChange { from, to }, to, now);
    }

    /// Takes a member out, and ends the conference after the last one.
    pub(super) fn remove(&mut self, index: usize, id: u32, now: Moment) -> Option<Member> {
        if self.list[index].floor == Some(id) {
            self.give_floor(index, None, now);
        }
        let position = self.list[index].members.iter().position(|member| member.id == id)?;
        let member = self.list[index].members.remove(position);
        self.events_so_far += 1;
        let conference = &self.list[index];
        let subject = Subject { conference, member: Some(&member) };
        let (core, sequence) = (self.core_uuid, self.events_so_far);
        self.events.push(event::maintenance(core, sequence, &Action::DelMember, subject, now));
        if conference.members.is_empty() {
            self.tell(index, &Action::ConferenceDestroy, None, now);
            self.list.remove(index);
        } else if conference.floor.is_none() {
            let next = conference.members.iter().rev().find(|member| member.talking).map(|member| member.id);
            if next.is_some() {
                self.give_floor(index, next, now);
            }
        }
        Some(member)
    }

    /// Makes an event about a conference or one of its members.
    pub(super) fn tell(&mut self, index: usize, action: &Action, member: Option<u32>, now: Moment) {
        self.events_so_far += 1;
        let conference = &self.list[index];
        let member = member.and_then(|id| conference.members.iter().find(|member| member.id == id));
        let subject = Subject { conference, member };
        self.events.push(event::maintenance(self.core_uuid, self.events_so_far, action, subject, now));
    }

    /// Runs a command for this job, and tells everyone what it said.
    pub(super) fn run_in_background(&mut self, job: &str, command: &str, now: Moment) {
        let answer = self.api(command, now);
        // Here a command that has nothing to say says nothing.
        let answer = if answer == NO_REPLY.as_bytes() { &[] } else { answer.as_slice() };
        self.events_so_far += 1;
        let event = event::background_job(self.core_uuid, self.events_so_far, job, command, answer, now);
        self.events.push(event);
    }

    /// A new uuid.
    pub(super) fn create_uuid(&mut self) -> Uuid {
        random_uuid(&mut self.random)
    }

    /// FreeSWITCH tells that it is there.
    pub fn beat(&mut self, now: Moment) {
        self.events_so_far += 1;
        let sessions = self.list.iter().map(|conference| conference.members.len()).sum();
        let uptime = now - self.started;
        self.events.push(event::heartbeat(self.core_uuid, self.events_so_far, uptime, sessions, now));
    }
}

fn random_uuid(random: &mut StdRng) -> Uuid {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    Builder::from_random_bytes(bytes).into_uuid()
}
