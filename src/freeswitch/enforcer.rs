//! What holds for conferences is brought about: who may not be in one any more is thrown out, and what is to be streamed is.
//!
//! One task looks at the store every second: at who is in which conference, and at the invitations to it. What it does follows
//! from these alone, so that it matters to nobody who restarts meanwhile: a member who is in for longer than his invitation's
//! `max_seconds`, or without an invitation where `eject_uninvited` says so, is kicked; so is one whose user has had no browser
//! here for as long as `drop_vanished` says, counted from the first look that missed it; a conference to which somebody was invited with
//! `stream` is recorded to its node's stream server, and no longer when no such invitation is left, unless FreeSWITCH's list
//! says that it is so. The list tells a moment later what came of it; so nothing is tried again before a while has passed. Nor is it
//! tried for ever: some members cannot be removed until FreeSWITCH is restarted.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};
use tracing::{error, info, warn};

use super::{cluster::Cluster, identity, recording};
use crate::{
    config::Rules,
    error::{Error, Result},
    sql::{Catalog, KeyRange, PRIMARY_KEY, Tenant, types::Value},
    tables::{
        Action, Audience, Command, ConferenceAction, Invitation, InvitationsTable, MediaNodes, MemberAction,
        conference_members::{Member, MemberKey, MembersTable},
        conferences::ConferencesTable,
    },
};

/// The time between two looks; longer if a look takes long.
const PERIOD: Duration = Duration::from_secs(1);
/// After a look it rests for this many times as long: a twentieth of the time is spent looking at most.
const REST: u32 = 19;
/// How long what was done may take to be seen before it is tried again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often something is tried.
const MAX_TRIES: u32 = 5;

/// The task.
pub struct Enforcer {
    cluster: Cluster,
    catalog: Arc<dyn Catalog>,
    audience: Option<Arc<dyn Audience>>,
    vanished: Vanished,
    tries: BTreeMap<Target, Tries>,
    /// Conferences that invitations have asked to be streamed since they began.
    streamed: BTreeSet<Target>,
}

/// Users in conferences who have no browser here, and since when.
type Vanished = BTreeMap<(Tenant, u32), Instant>;

/// A channel or conference of a node.
type Target = (CompactString, CompactString);

/// What was tried already.
struct Tries {
    count: u32,
    last: Instant,
}

/// Something that is to be done.
#[derive(Debug, PartialEq)]
struct Due {
    target: Target,
    command: Command,
    why: &'static str,
}

impl Enforcer {
    /// Looks after the conferences of these nodes. The audience knows whose browser is here; without one nobody's has vanished.
    pub fn new(cluster: &Cluster, catalog: &Arc<dyn Catalog>, audience: Option<Arc<dyn Audience>>) -> Self {
        Enforcer {
            cluster: cluster.clone(),
            catalog: Arc::clone(catalog),
            audience,
            vanished: Vanished::new(),
            tries: BTreeMap::new(),
            streamed: BTreeSet::new(),
        }
    }

    /// Does so for as long as it is polled.
    pub async fn run(mut self) {
        loop {
            let begun = Instant::now();
            if let Err(error) = self.enforce().await {
                error!(%error, "cannot see whether the rules of conferences hold");
            }
            sleep(PERIOD.max(begun.elapsed() * REST)).await;
        }
    }

    async fn enforce(&mut self) -> Result<()> {
        let mut look = Look {
            catalog: Arc::clone(&self.catalog),
            cluster: self.cluster.clone(),
            rules: self.cluster.rules(),
            now: self.cluster.clock().now(),
            audience: self.audience.clone(),
            begun: Instant::now(),
            vanished_before: mem::take(&mut self.vanished),
            vanished: Vanished::new(),
            streamed_before: self.streamed.clone(),
            streamed: BTreeSet::new(),
        };
        let looked = spawn_blocking(move || look.due().map(|due| (due, look))).await;
        let (due, look) = looked.map_err(|panic| Error::Internal(panic.to_string()))??;
        self.vanished = look.vanished;
        self.streamed = look.streamed;
        let targets: BTreeSet<_> = due.iter().map(|due| &due.target).collect();
        self.tries.retain(|target, _| targets.contains(target));
        let mut commands: BTreeMap<CompactString, Vec<Due>> = BTreeMap::new();
        for due in due {
            // A node that cannot be told is no try.
            let can_be_told = self.cluster.node(&due.target.0).is_some_and(|node| node.state().can_be_told());
            if can_be_told && self.is_time(&due) {
                commands.entry(due.target.0.clone()).or_default().push(due);
            }
        }
        for (node, due) in commands {
            let told = self.cluster.command(&node, due.iter().map(|due| due.command.clone()).collect());
            // Nobody waits: what came of it is seen in the store.
            tokio::spawn(async move {
                for (due, answer) in due.iter().zip(told.await) {
                    report(due, answer);
                }
            });
        }
        Ok(())
    }

    /// Whether something can be tried, which it is then.
    fn is_time(&mut self, due: &Due) -> bool {
        let now = Instant::now();
        let tries = self.tries.entry(due.target.clone()).or_insert(Tries { count: 0, last: now });
        if tries.count > 0 && now < tries.last + PATIENCE || tries.count > MAX_TRIES {
            return false;
        }
        tries.count += 1;
        tries.last = now;
        if tries.count > MAX_TRIES {
            let (node, uuid) = (due.target.0.as_str(), due.target.1.as_str());
            error!(node, uuid, why = due.why, "given up: FreeSWITCH does not do it; it may need a restart");
            return false;
        }
        true
    }
}

/// Tells what came of something that was due.
fn report(due: &Due, answer: Result<bool>) {
    let Command { tenant, conference, .. } = &due.command;
    let (node, conference, why) = (due.target.0.as_str(), conference.as_str(), due.why);
    match answer {
        Ok(true) => info!(node, tenant, conference, uuid = due.target.1.as_str(), "{why}"),
        Ok(false) => {}
        Err(error) => warn!(node, tenant, conference, %error, "failed: {why}"),
    }
}

/// One look at the store.
struct Look {
    catalog: Arc<dyn Catalog>,
    cluster: Cluster,
    rules: Arc<Rules>,
    now: DateTime<Utc>,
    audience: Option<Arc<dyn Audience>>,
    begun: Instant,
    /// As the last look found them.
    vanished_before: Vanished,
    /// As this one does.
    vanished: Vanished,
    /// As the last look found them.
    streamed_before: BTreeSet<Target>,
    /// As this one does.
    streamed: BTreeSet<Target>,
}

/// The invitations to a conference.
type Invited = BTreeMap<u32, Invitation>;

impl Look {
    /// Everything that is to be done.
    fn due(&mut self) -> Result<Vec<Due>> {
        let members = MembersTable::of(self.catalog.as_ref())?;
        let mut due = Vec::new();
        for tenant in self.catalog.tenants(members.schema())? {
            self.due_of(tenant, &members, &mut due)?;
        }
        Ok(due)
    }

    fn due_of(&mut self, tenant: Tenant, members: &MembersTable, due: &mut Vec<Due>) -> Result<()> {
        let invitations = InvitationsTable::of(self.catalog.as_ref())?;
        let conferences = ConferencesTable::of(self.catalog.as_ref())?;
        let transaction = self.catalog.begin(tenant, self.now)?;
        let mut invited: Option<(CompactString, Invited)> = None;
        let invited_to = |name: &str| -> Result<Invited> {
            let range = KeyRange::prefix(vec![Value::text(name)]);
            let rows = transaction.scan(invitations.schema(), PRIMARY_KEY, &range, false)?;
            rows.map(|row| invitations.invitation(&row?)).collect()
        };
        let mut asked_for: BTreeMap<CompactString, bool> = BTreeMap::new();
        // In the order of their conferences' names, so that each one's invitations are read once.
        for row in transaction.scan(members.schema(), PRIMARY_KEY, &KeyRange::all(), false)? {
            let (node, key, member) = members.member(tenant, &row?, self.now)?;
            if invited.as_ref().is_none_or(|(name, _)| *name != key.conference) {
                let found = invited_to(&key.conference)?;
                asked_for.insert(key.conference.clone(), asks_for_stream(&found));
                invited = Some((key.conference.clone(), found));
            }
            let invitation = invited.as_ref().and_then(|(_, invited)| invited.get(&member.user_id));
            let absence = self.absence(tenant, member.user_id);
            if let Some(why) = overstay(&member, invitation, absence, &self.rules, self.now) {
                due.push(kick(node, key, &member, why));
            }
        }
        for row in transaction.scan(conferences.schema(), PRIMARY_KEY, &KeyRange::all(), false)? {
            let (node, key, conference) = conferences.conference(tenant, &row?)?;
            let Some(server) =
                self.cluster.node(&node).and_then(|node| node.settings().stream_server.clone())
            else {
                continue;
            };
            let url = recording::stream_url(&server, &identity::conference_name(tenant, &key.name));
            let is_streamed = conference.recording.lines().any(|path| path == url);
            let is_asked_for = match asked_for.get(&key.name) {
                Some(is_asked_for) => *is_asked_for,
                None => asks_for_stream(&invited_to(&key.name)?),
            };
            let target = (node, conference.uuid.clone());
            let was_asked_for = self.streamed_before.contains(&target);
            if is_asked_for || was_asked_for {
                self.streamed.insert(target.clone());
            }
            let (action, why) = match (is_streamed, is_asked_for) {
                (false, true) => {
                    (ConferenceAction::Record(url.into()), "streamed, as an invitation asks for")
                }
                // What FreeSWITCH streams by itself goes on.
                (true, false) if was_asked_for => (
                    ConferenceAction::StopRecording(url.into()),
                    "streamed no more: no invitation asks for it",
                ),
                _ => continue,
            };
            let action = Action::Conference { uuid: conference.uuid, action };
            due.push(Due { target, command: Command { tenant, conference: key.name, action }, why });
        }
        Ok(())
    }

    /// How long the user of a member has had no browser here.
    fn absence(&mut self, tenant: Tenant, user_id: u32) -> Duration {
        let is_missed = |audience: &Arc<dyn Audience>| user_id != 0 && !audience.is_online(tenant, user_id);
        if !self.audience.as_ref().is_some_and(is_missed) {
            return Duration::ZERO;
        }
        let user = (tenant, user_id);
        let since = self.vanished_before.get(&user).copied().unwrap_or(self.begun);
        self.vanished.insert(user, since);
        self.begun - since
    }
}

/// Whether somebody is invited to a conference that is to be streamed.
fn asks_for_stream(invited: &Invited) -> bool {
    invited.values().any(|invitation| invitation.stream)
}

/// Why a member must not stay whose user has had no browser for so long; None if he may.
fn overstay(
    member: &Member,
    invitation: Option<&Invitation>,
    absence: Duration,
    rules: &Rules,
    now: DateTime<Utc>,
) -> Option<&'static str> {
    if rules.drop_vanished.is_some_and(|longest| absence >= longest) {
        return Some("thrown out because his browser has vanished");
    }
    let is_phone = member.user_id == 0;
    match invitation {
        Some(Invitation { max_seconds: Some(seconds), .. }) => {
            let is_over = now.timestamp() - member.joined >= i64::from(*seconds);
            is_over.then_some("thrown out after the max_seconds of his invitation")
        }
        Some(_) => None,
        None => {
            let is_ejected = rules.eject_uninvited && (!is_phone || rules.eject_phones);
            is_ejected.then_some("thrown out because nobody invited him")
        }
    }
}

fn kick(node: CompactString, key: MemberKey, member: &Member, why: &'static str) -> Due {
    let MemberKey { tenant, conference, uuid } = key;
    let target = (node, uuid.clone());
    let action = Action::Member { uuid, member_id: member.member_id, action: MemberAction::Kick };
    Due { target, command: Command { tenant, conference, action }, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Settings,
        sql::{
            Clock,
            testing::{MemoryCatalog, StandingClock},
        },
        tables::conference_members::Flags,
    };

    fn member(user_id: u32, joined: i64) -> Member {
        Member {
            user_id,
            joined,
            last_talked: None,
            flags: Flags::default(),
            member_id: 1,
            caller_number: "".into(),
            volume_in: 0,
            volume_out: 0,
            energy: 0,
            account: None,
        }
    }

    #[test]
    fn who_may_stay_and_who_not() {
        let may_stay = |member: Member, invitation: Option<Option<u32>>, rules: &Rules| {
            let now = DateTime::from_timestamp(1_000, 0).unwrap();
            let invitation = invitation.map(|max_seconds| Invitation { max_seconds, stream: false });
            overstay(&member, invitation.as_ref(), Duration::ZERO, rules, now).is_none()
        };
        let [lax, strict, strictest] =
            [(false, false), (true, false), (true, true)].map(|(eject_uninvited, eject_phones)| Rules {
                eject_uninvited,
                eject_phones,
                ..Rules::default()
            });
        assert!(may_stay(member(1, 0), None, &lax));
        assert!(!may_stay(member(1, 1_000), None, &strict));
        assert!(may_stay(member(0, 0), None, &strict) && !may_stay(member(0, 0), None, &strictest));
        assert!(may_stay(member(1, 0), Some(None), &strictest));
        assert!(may_stay(member(1, 941), Some(Some(60)), &lax));
        assert!(!may_stay(member(1, 940), Some(Some(60)), &lax));
    }

    #[test]
    fn whose_browser_has_vanished_may_stay_for_a_while() {
        let rules = |drop_vanished| Rules { drop_vanished, ..Rules::default() };
        let [second, two] = [1, 2].map(Duration::from_secs);
        let invitation = Invitation { max_seconds: None, stream: false };
        for (absence, rules, may_stay) in [
            (two, rules(None), true),
            (Duration::ZERO, rules(Some(second)), true),
            (second, rules(Some(two)), true),
            (two, rules(Some(two)), false),
        ] {
            let why = overstay(&member(1, 0), Some(&invitation), absence, &rules, DateTime::default());
            assert_eq!(why.is_none(), may_stay, "{absence:?} {rules:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_cannot_be_removed_is_not_kicked_for_ever() {
        let clock: Arc<dyn Clock> = Arc::new(StandingClock);
        let cluster = Cluster::new(&Settings::default().sip, &clock);
        let catalog: Arc<dyn Catalog> = Arc::new(MemoryCatalog::new(Vec::new()));
        let mut enforcer = Enforcer::new(&cluster, &catalog, None);
        let key = MemberKey { tenant: 15, conference: "101".into(), uuid: "u".into() };
        let due = kick("fs1:7443".into(), key, &member(1, 0), "he must not stay");
        let mut kicks = Vec::new();
        for second in 0..200 {
            if enforcer.is_time(&due) {
                kicks.push(second);
            }
            sleep(PERIOD).await;
        }
        assert_eq!(kicks, [0, 10, 20, 30, 40]);
    }
}
