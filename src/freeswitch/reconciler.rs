//! What must be written so that the store says of a node what the node says of itself.
//!
//! Pure: [`observe`] turns a conference list into a roster, [`reconcile`] compares it with that of the store. Neither
//! sees a socket, a table or a clock.
//!
//! FreeSWITCH gives ages in whole seconds, the store holds moments. The same moment computed from two lists may differ by
//! a second or two, and by the time the answer took; so a moment that is close to the one in the store is the one in
//! the store. That keeps two lists with nothing new between them from causing a write, whatever the clock did.

use std::collections::BTreeMap;

use compact_str::CompactString;

use super::{
    accounts::Accounts,
    conference_list::{Caller, Conference},
    identity,
    roster::{Change, Difference, Roster},
};
use crate::{
    sql::Tenant,
    tables::{
        conference_members::{Flag, Member, MemberKey},
        conferences::{ConferenceKey, LiveConference},
    },
};

/// How far moments from two lists may be apart, in seconds, and still be the same.
const JITTER_SECONDS: u64 = 2;

/// What else than its list counts for who is in a node's conferences.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// When the list was made, a unix time.
    pub at: i64,
    /// What callers logged in with, as far as it is known.
    pub accounts: &'a Accounts,
    /// Whether a caller whom nobody vouches for is no user.
    pub only_verified: bool,
}

/// The conferences and members in a node's list. Conferences that are not ours are left out.
pub fn observe(list: &[Conference], circumstances: &Circumstances) -> Roster {
    let mut roster = Roster::default();
    for conference in list {
        let Some((tenant, name)) = identity::conference(&conference.name) else { continue };
        roster
            .conferences
            .insert(ConferenceKey { tenant, name: name.into() }, live(conference, circumstances.at));
        for caller in &conference.callers {
            let key = MemberKey { tenant, conference: name.into(), uuid: caller.uuid.clone() };
            roster.members.insert(key, member(tenant, conference, caller, circumstances));
        }
    }
    roster
}

fn live(conference: &Conference, at: i64) -> LiveConference {
    let count = |ghosts: bool| {
        let callers = conference.callers.iter().filter(|caller| caller.flags.has(Flag::IsGhost) == ghosts);
        u32::try_from(callers.count()).unwrap_or(u32::MAX)
    };
    // One that does not say how old it is, is as old as its oldest caller.
    let oldest = || conference.callers.iter().map(|caller| caller.joined_ago).max().unwrap_or_default();
    LiveConference {
        uuid: conference.uuid.clone(),
        started: at - i64::from(conference.run_time.unwrap_or_else(oldest)),
        members: count(false),
        ghosts: count(true),
        locked: conference.locked,
        recording: conference.recording.clone(),
        max_members: conference.max_members,
    }
}

fn member(tenant: Tenant, conference: &Conference, caller: &Caller, circumstances: &Circumstances) -> Member {
    let Circumstances { at, accounts, only_verified } = *circumstances;
    let account = accounts.get(&caller.uuid);
    let (user_id, is_verified) =
        identity::caller(tenant, &caller.number, account.map(CompactString::as_str), only_verified);
    let mut flags = caller.flags;
    flags.set(Flag::Verified, is_verified);
    flags.set(Flag::Recording, !conference.recording.is_empty());
    Member {
        user_id,
        joined: at - i64::from(caller.joined_ago),
        last_talked: caller.talked_ago.map(|ago| at - i64::from(ago)),
        flags,
        member_id: caller.id,
        caller_number: caller.number.clone(),
        volume_in: caller.volume_in,
        volume_out: caller.volume_out,
        energy: caller.energy,
        account: account.cloned(),
    }
}

/// What to write so that `stored` becomes `observed`: conference by conference, each before its members. `latency` is how
/// many seconds the list may be older than the time it was observed with.
pub fn reconcile(observed: &Roster, stored: &Roster, latency: u64) -> Vec<Change> {
    let slack = JITTER_SECONDS + latency;
    let conferences = differences(&observed.conferences, &stored.conferences, |seen, old| {
        settle_conference(seen, old, slack)
    });
    let members =
        differences(&observed.members, &stored.members, |seen, old| settle_member(seen, old, slack));
    let mut changes: Vec<_> =
        conferences.map(Change::Conference).chain(members.map(Change::Member)).collect();
    changes.sort_by(|a, b| a.conference().cmp(&b.conference()));
    changes
}

/// What is new, another, or gone. `settle` makes of what is seen what it is, knowing how it was.
fn differences<K: Ord + Clone, V: Clone + PartialEq>(
    observed: &BTreeMap<K, V>,
    stored: &BTreeMap<K, V>,
    settle: impl Fn(&V, &V) -> V,
) -> impl Iterator<Item = Difference<K, V>> {
    let gone = stored.iter().filter(|(key, _)| !observed.contains_key(key)).map(|(key, old)| Difference {
        key: key.clone(),
        old: Some(old.clone()),
        new: None,
    });
    let here = observed.iter().filter_map(move |(key, seen)| {
        let old = stored.get(key);
        let new = old.map_or_else(|| seen.clone(), |old| settle(seen, old));
        (old != Some(&new)).then(|| Difference { key: key.clone(), old: old.cloned(), new: Some(new) })
    });
    gone.chain(here)
}

/// Whether two moments are the same but for jitter.
fn close(a: i64, b: i64, slack: u64) -> bool {
    a.abs_diff(b) <= slack
}

/// The conference as seen; if it is still the same one, with the moment of its beginning as it was.
fn settle_conference(seen: &LiveConference, old: &LiveConference, slack: u64) -> LiveConference {
    let is_same = seen.uuid == old.uuid && close(seen.started, old.started, slack);
    LiveConference { started: if is_same { old.started } else { seen.started }, ..seen.clone() }
}

/// The member as seen, with the moments that did not really change as they were.
fn settle_member(seen: &Member, old: &Member, slack: u64) -> Member {
    let talking = |member: &Member| member.flags.has(Flag::Talking);
    let joined = if close(seen.joined, old.joined, slack) { old.joined } else { seen.joined };
    let last_talked = match (seen.last_talked, old.last_talked) {
        // While he talks the moment is always now.
        (Some(_), Some(before)) if talking(seen) && talking(old) => Some(before),
        (Some(now), Some(before)) if close(now, before, slack) => Some(before),
        (now, _) => now,
    };
    Member { joined, last_talked, ..seen.clone() }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

    use super::*;
    use crate::tables::conference_members::{Flags, Members};

    /// What is observed without knowing accounts.
    fn observe(list: &[Conference], at: i64) -> Roster {
        super::observe(list, &Circumstances { at, accounts: &Accounts::default(), only_verified: false })
    }

    fn conference(name: &str, callers: Vec<Caller>) -> Conference {
        Conference { name: name.to_owned(), uuid: "c".into(), callers, ..Conference::default() }
    }

    fn flags(talking: bool) -> Flags {
        talking.then_some(Flag::Talking).into_iter().collect()
    }

    /// A conference list with one caller.
    fn list(caller: Caller) -> Vec<Conference> {
        vec![conference("15*101-FSdefaultDomain", vec![caller])]
    }

    fn caller(joined_ago: u32, talked_ago: Option<u32>, talking: bool) -> Caller {
        Caller {
            id: 4,
            uuid: "u".into(),
            number: "000015000002".into(),
            joined_ago,
            talked_ago,
            flags: flags(talking),
            ..Caller::default()
        }
    }

    /// Writes the changes.
    fn apply(stored: &mut Roster, changes: Vec<Change>) {
        for change in changes {
            match &change {
                Change::Conference(it) => assert_eq!(stored.conferences.get(&it.key), it.old.as_ref()),
                Change::Member(it) => assert_eq!(stored.members.get(&it.key), it.old.as_ref()),
            }
            stored.apply(change);
        }
    }

    /// What changes when a list is followed by another, made later.
    fn changes_of(first: &[Conference], seconds_later: i64, second: &[Conference]) -> Vec<Change> {
        let stored = observe(first, 1_000);
        reconcile(&observe(second, 1_000 + seconds_later), &stored, 0)
    }

    /// What changes about one caller.
    fn changes(first: Caller, seconds_later: i64, second: Caller) -> Vec<Change> {
        let mut changes = changes_of(&list(first), seconds_later, &list(second));
        changes.retain(|change| matches!(change, Change::Member(_)));
        changes
    }

    #[test]
    fn a_caller_becomes_a_member() {
        let roster = observe(&list(caller(10, Some(3), false)), 1_000);
        let key = MemberKey { tenant: 15, conference: "101".into(), uuid: "u".into() };
        let member = Member {
            user_id: 2,
            joined: 990,
            last_talked: Some(997),
            flags: Flags::default(),
            member_id: 4,
            caller_number: "000015000002".into(),
            volume_in: 0,
            volume_out: 0,
            energy: 0,
            account: None,
        };
        assert_eq!(roster.members, Members::from([(key.clone(), member.clone())]));
        let nobody = Roster { conferences: roster.conferences.clone(), ..Roster::default() };
        let join = Difference { key: key.clone(), old: None, new: Some(member.clone()) };
        assert_eq!(reconcile(&roster, &nobody, 0), [Change::Member(join)]);
        let leave = Difference { key, old: Some(member), new: None };
        assert_eq!(reconcile(&nobody, &roster, 0), [Change::Member(leave)]);
    }

    #[test]
    fn becoming_known_is_a_change() {
        let list = list(caller(10, None, false));
        let unknown = observe(&list, 1_000);
        let mut known = unknown.clone();
        for member in known.members.values_mut() {
            member.account = Some("000015000003".into());
        }
        let circumstances =
            Circumstances { at: 1_000, accounts: &Accounts::of(&known), only_verified: false };
        let [Change::Member(Difference { new: Some(member), .. })] =
            &reconcile(&super::observe(&list, &circumstances), &unknown, 0)[..]
        else {
            panic!()
        };
        assert_eq!((member.user_id, member.flags.has(Flag::Verified)), (3, true));
        assert_eq!(member.account.as_deref(), Some("000015000003"));
    }

    /// A conference of so many seconds with a ghost, who called before anybody else.
    fn haunted(run_time: Option<u32>) -> Conference {
        let ghost = Caller { flags: [Flag::IsGhost].into_iter().collect(), ..caller(10, None, false) };
        let living = Caller { uuid: "v".into(), ..caller(8, None, false) };
        let name = "15*101-FSdefaultDomain".to_owned();
        Conference { name, run_time, uuid: "c".into(), callers: vec![living, ghost], ..Conference::default() }
    }

    /// The same with nobody in it.
    fn empty(run_time: u32) -> Conference {
        Conference { callers: Vec::new(), ..haunted(Some(run_time)) }
    }

    #[test]
    fn ghosts_do_not_count() {
        for (run_time, started) in [(Some(12), 988), (None, 990)] {
            let roster = observe(&[haunted(run_time)], 1_000);
            let conference = LiveConference {
                uuid: "c".into(),
                started,
                members: 1,
                ghosts: 1,
                locked: false,
                recording: "".into(),
                max_members: 0,
            };
            let key = ConferenceKey { tenant: 15, name: "101".into() };
            assert_eq!(roster.conferences, [(key, conference)].into());
            assert_eq!(roster.members.len(), 2);
        }
    }

    #[test]
    fn a_conference_growing_older_is_no_change() {
        for run_time in [16, 17, 18, 19] {
            assert_eq!(changes_of(&[empty(12)], 5, &[empty(run_time)]), []);
        }
    }

    #[test]
    fn a_conference_of_another_uuid_began_when_it_says() {
        let other = |run_time| Conference { uuid: "d".into(), ..empty(run_time) };
        let started = |changes: &[Change]| match changes {
            [Change::Conference(Difference { new: Some(new), .. })] => new.started,
            other => panic!("{other:?}"),
        };
        assert_eq!(started(&changes_of(&[empty(12)], 5, &[other(18)])), 987);
        assert_eq!(started(&changes_of(&[empty(12)], 5, &[empty(20)])), 985);
    }

    #[test]
    fn what_is_new_about_a_conference_is_a_change() {
        let before = || empty(0);
        for after in [
            Conference { locked: true, ..before() },
            Conference { recording: "/a".into(), ..before() },
            Conference { max_members: 7, ..before() },
        ] {
            let changes = changes_of(&[before()], 0, &[after]);
            assert!(
                matches!(&changes[..], [Change::Conference(Difference { old: Some(_), new: Some(_), .. })]),
                "{changes:?}"
            );
        }
        let ends = changes_of(&[before()], 0, &[]);
        assert!(matches!(&ends[..], [Change::Conference(Difference { new: None, .. })]), "{ends:?}");
    }

    #[test]
    fn a_conference_comes_before_its_members() {
        let second = Conference { name: "15*102-FSdefaultDomain".to_owned(), ..haunted(None) };
        let changes = changes_of(&[], 0, &[second, haunted(None)]);
        let order: Vec<_> = changes
            .iter()
            .map(|change| (change.conference().1, matches!(change, Change::Conference(_))))
            .collect();
        let expected = ["101", "102"].map(|name| [(name, true), (name, false), (name, false)]);
        assert_eq!(order, expected.concat());
    }

    #[test]
    fn conferences_of_others_are_left_out() {
        let list = [conference("3000", vec![caller(1, None, false)])];
        assert_eq!(observe(&list, 1_000), Roster::default());
    }

    #[test]
    fn the_clock_moving_on_is_no_change() {
        assert_eq!(changes(caller(10, Some(3), false), 5, caller(15, Some(8), false)), []);
        assert_eq!(changes(caller(10, None, false), 3600, caller(3610, None, false)), []);
    }

    #[test]
    fn jitter_is_no_change() {
        for (joined, talked) in [(13, 6), (14, 10), (17, 8)] {
            assert_eq!(changes(caller(10, Some(3), false), 5, caller(joined, Some(talked), false)), []);
        }
    }

    #[test]
    fn talking_on_is_no_change() {
        assert_eq!(changes(caller(10, Some(0), true), 60, caller(70, Some(0), true)), []);
    }

    #[test]
    fn what_really_changed_is_a_change() {
        let before = || caller(10, Some(3), false);
        for after in [
            caller(1, Some(8), false),
            caller(15, Some(1), false),
            caller(15, None, false),
            caller(15, Some(8), true),
            Caller { flags: [Flag::Hold].into_iter().collect(), ..caller(15, Some(8), false) },
            Caller { volume_in: -1, ..caller(15, Some(8), false) },
            Caller { id: 5, ..caller(15, Some(8), false) },
            Caller { number: "000015000003".into(), ..caller(15, Some(8), false) },
        ] {
            let changes = changes(before(), 5, after.clone());
            assert!(
                matches!(&changes[..], [Change::Member(Difference { old: Some(_), new: Some(_), .. })]),
                "{after:?}: {changes:?}"
            );
        }
    }

    #[test]
    fn the_end_of_talking_is_a_moment() {
        let [Change::Member(Difference { new: Some(member), .. })] =
            &changes(caller(10, Some(0), true), 60, caller(70, Some(20), false))[..]
        else {
            panic!()
        };
        assert_eq!(member.last_talked, Some(1_040));
    }

    #[test]
    fn a_late_answer_is_no_change() {
        let stored = observe(&list(caller(10, Some(3), false)), 1_000);
        // Made at 1 005, heard at 1 010.
        let late = observe(&list(caller(15, Some(8), false)), 1_010);
        assert_eq!(reconcile(&late, &stored, 5), []);
        // The caller and his conference.
        assert_eq!(reconcile(&late, &stored, 0).len(), 2);
    }

    /// A member as he really is; times in milliseconds.
    #[derive(Clone)]
    struct Truth {
        room: u32,
        uuid: u32,
        number: String,
        joined: i64,
        last_talked: Option<i64>,
        talking: bool,
    }

    /// What FreeSWITCH would say at this time: whole seconds, cut off.
    fn list_of(truths: &[Truth], now: i64) -> Vec<Conference> {
        let ago = |moment: i64| u32::try_from((now - moment) / 1000).unwrap();
        let callers = |room: u32| {
            let members = truths.iter().filter(|truth| truth.room == room);
            let callers = members.map(|truth| Caller {
                id: truth.uuid,
                uuid: truth.uuid.to_string().into(),
                number: truth.number.clone().into(),
                joined_ago: ago(truth.joined),
                talked_ago: if truth.talking { Some(0) } else { truth.last_talked.map(ago) },
                flags: flags(truth.talking),
                ..Caller::default()
            });
            conference(&format!("{}*{room}-FSdefaultDomain", 15 + room % 3), callers.collect())
        };
        (0..6).map(callers).filter(|conference| !conference.callers.is_empty()).collect()
    }

    /// Callers join, talk, fall silent, change rooms and leave; FreeSWITCH restarts; lists come late. After each list
    /// the store says what is true, and more lists of the same have nothing to add but a correction of late ones.
    #[test]
    fn the_store_follows_the_node() {
        for seed in 0..500 {
            let mut random = StdRng::seed_from_u64(seed);
            let (mut truths, mut stored, mut uuids) = (Vec::<Truth>::new(), Roster::default(), 1..);
            let mut now: i64 = 1_700_000_000_000;
            for _ in 0..40 {
                now += random.random_range(1..20_000);
                for _ in 0..random.random_range(0..4) {
                    let index = random.random_range(0..=truths.len());
                    match (random.random_range(0..100), truths.get_mut(index)) {
                        (..40, Some(truth)) => {
                            truth.talking = !truth.talking;
                            truth.last_talked = Some(now);
                        }
                        (40..45, Some(truth)) => {
                            (truth.room, truth.joined) = (random.random_range(0..6), now)
                        }
                        (45..60, Some(_)) => drop(truths.remove(index)),
                        (60, _) => truths.clear(),
                        _ => truths.push(Truth {
                            room: random.random_range(0..6),
                            uuid: uuids.next().unwrap(),
                            number: ["0000152", "000016000003", "phone", ""]
                                .choose(&mut random)
                                .unwrap()
                                .to_string(),
                            joined: now,
                            last_talked: None,
                            talking: false,
                        }),
                    }
                }
                let made = now;
                now += random.random_range(0..4_000);
                let latency = u64::try_from((now - made) / 1000 + 1).unwrap();
                let observed = observe(&list_of(&truths, made), now / 1000);
                let changes = reconcile(&observed, &stored, latency);
                assert!(changes.is_sorted_by_key(|change| change.conference().0), "seed {seed}");
                apply(&mut stored, changes);

                let counted: usize = stored.conferences.values().map(|it| it.members as usize).sum();
                assert_eq!((stored.members.len(), counted), (truths.len(), truths.len()), "seed {seed}");
                for truth in &truths {
                    let key = MemberKey {
                        tenant: 15 + truth.room % 3,
                        conference: truth.room.to_string().into(),
                        uuid: truth.uuid.to_string().into(),
                    };
                    let member =
                        stored.members.get(&key).unwrap_or_else(|| panic!("seed {seed}: no {key:?}"));
                    let close = |moment: i64, truth: i64| (moment - truth.div_euclid(1000)).abs() <= 8;
                    assert!(close(member.joined, truth.joined), "seed {seed}: {member:?}");
                    assert_eq!(member.flags, flags(truth.talking), "seed {seed}");
                    assert_eq!(member.last_talked.is_some(), truth.last_talked.is_some(), "seed {seed}");
                    if let (Some(moment), Some(truth), false) =
                        (member.last_talked, truth.last_talked, truth.talking)
                    {
                        assert!(close(moment, truth), "seed {seed}: {moment} {truth}");
                    }
                }
                // Lists in time may put right what a late one said: each of the two moments once.
                let mut corrected = BTreeMap::new();
                for _ in 0..4 {
                    let later = observe(&list_of(&truths, now), now / 1000);
                    let corrections = reconcile(&later, &stored, 0);
                    for correction in &corrections {
                        let what = match correction {
                            Change::Conference(it) => format!("{:?}", it.key),
                            Change::Member(it) => format!("{:?}", it.key),
                        };
                        let times = corrected.entry(what).or_insert(0);
                        *times += 1;
                        assert!(*times <= 2, "seed {seed}: {correction:?}");
                    }
                    apply(&mut stored, corrections);
                    now += random.random_range(0..30_000);
                }
            }
        }
    }
}
