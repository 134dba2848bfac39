//! What must be written so that the store says of a node what the node says of itself.
//!
//! Pure: [`observe`] turns a conference list into members, [`reconcile`] compares them with those in the store. Neither
//! sees a socket, a table or a clock.
//!
//! FreeSWITCH gives ages in whole seconds, the store holds moments. The same moment computed from two lists may differ by
//! a second or two, and by the time the answer took; so a moment that is close to the one in the store is the one in
//! the store. That keeps two lists with nothing new between them from causing a write, whatever the clock did.

use super::{conference_list::Conference, identity};
use crate::tables::conference_members::{Flag, Member, MemberKey, Members};

/// How far moments from two lists may be apart, in seconds, and still be the same.
const JITTER_SECONDS: u64 = 2;

/// One difference between node and store. No `old`: he joined; no `new`: he left.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Who.
    pub key: MemberKey,
    /// What the store has.
    pub old: Option<Member>,
    /// What it should have.
    pub new: Option<Member>,
}

/// The members in a node's list, which was made at this unix time. Conferences that are not ours are left out.
pub fn observe(list: &[Conference], at: i64) -> Members {
    let mut members = Members::new();
    for conference in list {
        let Some((tenant, name)) = identity::conference(&conference.name) else { continue };
        for caller in &conference.callers {
            let mut flags = caller.flags;
            flags.set(Flag::Recording, conference.recording);
            let key = MemberKey { tenant, conference: name.into(), uuid: caller.uuid.clone() };
            let member = Member {
                user_id: identity::user_id(tenant, &caller.number),
                joined: at - i64::from(caller.joined_ago),
                last_talked: caller.talked_ago.map(|ago| at - i64::from(ago)),
                flags,
                member_id: caller.id,
                caller_number: caller.number.clone(),
            };
            members.insert(key, member);
        }
    }
    members
}

/// What to write, in the order of the keys, so that `stored` becomes `observed`. `latency` is how many seconds the list
/// may be older than the time it was observed with.
pub fn reconcile(observed: &Members, stored: &Members, latency: u64) -> Vec<Change> {
    let slack = JITTER_SECONDS + latency;
    let left = stored.iter().filter(|(key, _)| !observed.contains_key(key)).map(|(key, old)| Change {
        key: key.clone(),
        old: Some(old.clone()),
        new: None,
    });
    let here = observed.iter().filter_map(|(key, seen)| {
        let old = stored.get(key);
        let new = old.map_or_else(|| seen.clone(), |old| settle(seen, old, slack));
        (old != Some(&new)).then(|| Change { key: key.clone(), old: old.cloned(), new: Some(new) })
    });
    let mut changes: Vec<_> = left.chain(here).collect();
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

/// The member as seen, with the moments that did not really change as they were.
fn settle(seen: &Member, old: &Member, slack: u64) -> Member {
    let close = |a: i64, b: i64| a.abs_diff(b) <= slack;
    let talking = |member: &Member| member.flags.has(Flag::Talking);
    let joined = if close(seen.joined, old.joined) { old.joined } else { seen.joined };
    let last_talked = match (seen.last_talked, old.last_talked) {
        // While he talks the moment is always now.
        (Some(_), Some(before)) if talking(seen) && talking(old) => Some(before),
        (Some(now), Some(before)) if close(now, before) => Some(before),
        (now, _) => now,
    };
    Member { joined, last_talked, ..seen.clone() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

    use super::*;
    use crate::{freeswitch::conference_list::Caller, tables::conference_members::Flags};

    fn conference(name: &str, callers: Vec<Caller>) -> Conference {
        Conference { name: name.to_owned(), recording: false, callers }
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
        }
    }

    /// Writes the changes.
    fn apply(stored: &mut Members, changes: Vec<Change>) {
        for Change { key, old, new } in changes {
            assert_eq!(stored.get(&key), old.as_ref(), "{key:?}");
            match new {
                Some(new) => stored.insert(key, new),
                None => stored.remove(&key),
            };
        }
    }

    /// What changes when a list is followed by another, made later.
    fn changes(first: Caller, seconds_later: i64, second: Caller) -> Vec<Change> {
        let stored = observe(&list(first), 1_000);
        reconcile(&observe(&list(second), 1_000 + seconds_later), &stored, 0)
    }

    #[test]
    fn a_caller_becomes_a_member() {
        let members = observe(&list(caller(10, Some(3), false)), 1_000);
        let key = MemberKey { tenant: 15, conference: "101".into(), uuid: "u".into() };
        let member = Member {
            user_id: 2,
            joined: 990,
            last_talked: Some(997),
            flags: Flags::default(),
            member_id: 4,
            caller_number: "000015000002".into(),
        };
        assert_eq!(members, Members::from([(key.clone(), member.clone())]));
        let join = Change { key: key.clone(), old: None, new: Some(member.clone()) };
        assert_eq!(reconcile(&members, &Members::new(), 0), [join]);
        let leave = Change { key, old: Some(member), new: None };
        assert_eq!(reconcile(&Members::new(), &members, 0), [leave]);
    }

    #[test]
    fn conferences_of_others_are_left_out() {
        let list = [conference("3000", vec![caller(1, None, false)])];
        assert_eq!(observe(&list, 1_000), Members::new());
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
            Caller { id: 5, ..caller(15, Some(8), false) },
            Caller { number: "000015000003".into(), ..caller(15, Some(8), false) },
        ] {
            let changes = changes(before(), 5, after.clone());
            assert!(
                matches!(&changes[..], [Change { old: Some(_), new: Some(_), .. }]),
                "{after:?}: {changes:?}"
            );
        }
    }

    #[test]
    fn the_end_of_talking_is_a_moment() {
        let [Change { new: Some(member), .. }] =
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
        assert_eq!(reconcile(&late, &stored, 0).len(), 1);
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
            });
            conference(&format!("{}*{room}-FSdefaultDomain", 15 + room % 3), callers.collect())
        };
        (0..6).map(callers).collect()
    }

    /// Callers join, talk, fall silent, change rooms and leave; FreeSWITCH restarts; lists come late. After each list
    /// the store says what is true, and more lists of the same have nothing to add but a correction of late ones.
    #[test]
    fn the_store_follows_the_node() {
        for seed in 0..500 {
            let mut random = StdRng::seed_from_u64(seed);
            let (mut truths, mut stored, mut uuids) = (Vec::<Truth>::new(), Members::new(), 1..);
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
                assert!(changes.is_sorted_by(|a, b| a.key < b.key), "seed {seed}");
                apply(&mut stored, changes);

                assert_eq!(stored.len(), truths.len(), "seed {seed}");
                for truth in &truths {
                    let key = MemberKey {
                        tenant: 15 + truth.room % 3,
                        conference: truth.room.to_string().into(),
                        uuid: truth.uuid.to_string().into(),
                    };
                    let member = stored.get(&key).unwrap_or_else(|| panic!("seed {seed}: no {key:?}"));
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
                        let times = corrected.entry(correction.key.clone()).or_insert(0);
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
