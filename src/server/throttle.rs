//! Failed logins: some are judged at once, the others at a pace.
//!
//! A login takes a place in the queue of its user and address together. Unless that user was let in from that address
//! before, it also takes one in the queue of the address, whoever logs in from it, and one in the queue of the user, from
//! wherever: these two go ten times as fast. So one who fails over and over slows himself down; who tries many users from
//! one address, or one user from many addresses, is slowed down as well; and who was let in before is held up by neither.
//!
//! Right and wrong passwords wait alike, before they are looked at: whoever hangs up when the answer is late learns
//! nothing. A right one gives its place back.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash},
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use lru::LruCache;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Queues that are remembered, and users let in at their addresses: those last used. At most some 2 MB each.
const REMEMBERED: usize = 16 * 1024;
/// How much faster the queues are that a whole address, or a user from all addresses, wait in.
const SHARED_SPEED: u32 = 10;
/// How often logins that were not looked at are reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// All queues of a port.
pub(super) struct Throttle {
    /// Logins that go through a queue of their own at once.
    burst: u32,
    /// How long each further one takes; zero: there are no queues.
    pace: Duration,
    /// Makes keys that nobody outside can make collide.
    hasher: RandomState,
    state: Mutex<State>,
}

struct State {
    /// When each queue will be empty.
    queues: LruCache<u64, Instant>,
    /// Users and addresses that were let in together.
    trusted: LruCache<u64, ()>,
    /// Logins that were refused unseen since the last report.
    unseen: u64,
    reported: Option<Instant>,
}

/// Who logs in, as the queues know him.
#[derive(Clone, Copy)]
pub(super) struct Applicant {
    pair: u64,
    address: u64,
    user: u64,
}

impl Throttle {
    /// Queues that let `burst` logins through at once, and then one for each `pace`.
    pub fn new(burst: u32, pace: Duration) -> Self {
        Throttle {
            burst,
            pace,
            hasher: RandomState::new(),
            state: Mutex::new(State {
                queues: LruCache::unbounded(),
                trusted: LruCache::unbounded(),
                unseen: 0,
                reported: None,
            }),
        }
    }

    /// A user, who exists or not, from an address.
    pub fn applicant(&self, peer: IpAddr, user: impl Hash) -> Applicant {
        let address = self.hasher.hash_one(network_of(peer));
        let user = self.hasher.hash_one(user);
        Applicant { pair: self.hasher.hash_one((address, user)), address, user }
    }

    /// Takes a place in each queue; gives back how long it takes until the password may be looked at. None if that is
    /// longer than `patience`: then no place is taken.
    pub fn queue(&self, applicant: Applicant, patience: Duration, now: Instant) -> Option<Duration> {
        let mut state = self.state.lock();
        let trusted = state.trusted.get(&applicant.pair).is_some();
        let after: Vec<(u64, Instant)> = self
            .queues_of(applicant, trusted)
            .map(|(queue, pace)| {
                (queue, state.queues.get(&queue).map_or(now, |&empty| empty.max(now)) + pace)
            })
            .collect();
        // All queues have the same length in time, and so the faster ones more places.
        let ready = after.iter().map(|(_, empty)| *empty).max().unwrap_or(now);
        let wait = ready.saturating_duration_since(now).saturating_sub(self.pace * self.burst);
        if wait > patience {
            state.unseen += 1;
            return None;
        }
        for (queue, empty) in after {
            state.queues.put(queue, empty);
            forget_oldest(&mut state.queues);
        }
        Some(wait)
    }

    /// The password was right: its place is given back, and the user trusted at this address.
    pub fn succeeded(&self, applicant: Applicant) {
        let mut state = self.state.lock();
        let trusted = state.trusted.put(applicant.pair, ()).is_some();
        forget_oldest(&mut state.trusted);
        for (queue, pace) in self.queues_of(applicant, trusted) {
            if let Some(empty) = state.queues.get_mut(&queue) {
                *empty = empty.checked_sub(pace).unwrap_or(*empty);
            }
        }
        state.queues.pop(&applicant.pair);
    }

    /// How many logins were refused unseen, if it is time to report them.
    pub fn report(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock();
        let due = state.reported.is_none_or(|reported| now - reported >= REPORT_INTERVAL);
        if !due || state.unseen == 0 {
            return None;
        }
        state.reported = Some(now);
        Some(std::mem::take(&mut state.unseen))
    }

    /// The queues that a login waits in, and the time that a place in each takes.
    fn queues_of(&self, applicant: Applicant, trusted: bool) -> impl Iterator<Item = (u64, Duration)> {
        let shared = self.pace / SHARED_SPEED;
        let all = [(applicant.pair, self.pace), (applicant.address, shared), (applicant.user, shared)];
        let count = match (self.pace.is_zero(), trusted) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => all.len(),
        };
        all.into_iter().take(count)
    }
}

fn forget_oldest<V>(entries: &mut LruCache<u64, V>) {
    if entries.len() > REMEMBERED {
        entries.pop_lru();
    }
}

/// The address, or the network of 2^64 addresses that one client has in IPv6.
fn network_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Duration = Duration::from_secs(5);

    /// Three at once, then one a second.
    fn throttle() -> Throttle {
        Throttle::new(3, SECOND)
    }

    fn at(throttle: &Throttle, address: &str, user: &str) -> Applicant {
        throttle.applicant(address.parse().unwrap(), user)
    }

    /// Waits in whole seconds of logins at the same moment.
    fn waits(throttle: &Throttle, applicant: Applicant, count: usize, now: Instant) -> Vec<Option<u64>> {
        (0..count).map(|_| throttle.queue(applicant, PATIENCE, now).map(|wait| wait.as_secs())).collect()
    }

    #[test]
    fn some_pass_at_once_and_the_others_one_by_one_or_not_at_all() {
        let (throttle, now) = (throttle(), Instant::now());
        let applicant = at(&throttle, "10.0.0.1", "15");
        let expected = [Some(0), Some(0), Some(0), Some(1), Some(2), Some(3), Some(4), Some(5), None, None];
        assert_eq!(waits(&throttle, applicant, 10, now), expected);
        // The queue empties by itself.
        assert_eq!(waits(&throttle, applicant, 2, now + SECOND), [Some(5), None]);
        assert_eq!(waits(&throttle, applicant, 4, now + 60 * SECOND), [Some(0), Some(0), Some(0), Some(1)]);
    }

    #[test]
    fn a_right_password_gives_its_place_back() {
        let (throttle, now) = (throttle(), Instant::now());
        let applicant = at(&throttle, "10.0.0.1", "15");
        for _ in 0..1_000 {
            assert_eq!(waits(&throttle, applicant, 1, now), [Some(0)]);
            throttle.succeeded(applicant);
        }
        // Nor was the address or the user charged.
        for other in [at(&throttle, "10.0.0.1", "16"), at(&throttle, "10.0.0.2", "15")] {
            assert_eq!(waits(&throttle, other, 1, now), [Some(0)]);
        }
    }

    #[test]
    fn others_at_the_same_address_are_not_held_up_by_one_who_fails() {
        let (throttle, now) = (throttle(), Instant::now());
        assert_eq!(waits(&throttle, at(&throttle, "10.0.0.1", "15"), 1_000, now).last(), Some(&None));
        assert_eq!(waits(&throttle, at(&throttle, "10.0.0.1", "16"), 1, now), [Some(0)]);
    }

    #[test]
    fn many_users_from_one_address_wait_and_who_was_let_in_before_does_not() {
        let (throttle, now) = (throttle(), Instant::now());
        let known = at(&throttle, "10.0.0.1", "7");
        throttle.queue(known, PATIENCE, now).unwrap();
        throttle.succeeded(known);
        let tried = |user: usize| waits(&throttle, at(&throttle, "10.0.0.1", &format!("{user}")), 1, now)[0];
        // 30 at once, 10 a second.
        let passed = (100..200).filter(|user| tried(*user) == Some(0)).count();
        assert_eq!(passed, 39, "those of the first second wait for less than one");
        assert_eq!(tried(300), None);
        assert_eq!(waits(&throttle, known, 1, now), [Some(0)]);
        assert_eq!(waits(&throttle, at(&throttle, "10.0.0.2", "100"), 1, now), [Some(0)]);
    }

    #[test]
    fn one_user_from_many_addresses_waits() {
        let (throttle, now) = (throttle(), Instant::now());
        let tried = |host: usize| waits(&throttle, at(&throttle, &format!("10.0.1.{host}"), "15"), 1, now)[0];
        assert_eq!((0..100).filter(|host| tried(*host) == Some(0)).count(), 39);
        assert_eq!(tried(200), None);
    }

    #[test]
    fn a_client_s_addresses_are_one() {
        let (throttle, now) = (throttle(), Instant::now());
        let addresses = ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:1::", "2001:db8::ffff:1"];
        let waits = addresses.map(|address| throttle.queue(at(&throttle, address, "15"), PATIENCE, now));
        assert_eq!(waits[3], Some(SECOND));
        assert_eq!(at(&throttle, "::ffff:10.0.0.1", "15").pair, at(&throttle, "10.0.0.1", "15").pair);
    }

    #[test]
    fn a_flood_is_forgotten_from_its_beginning() {
        let (throttle, now) = (throttle(), Instant::now());
        for host in 0..100_000_u32 {
            let applicant = throttle.applicant(Ipv6Addr::from_bits(u128::from(host) << 64).into(), b"x");
            throttle.queue(applicant, Duration::MAX, now);
            throttle.succeeded(applicant);
        }
        let state = throttle.state.lock();
        assert!(state.queues.len() <= REMEMBERED && state.trusted.len() <= REMEMBERED);
    }

    #[test]
    fn refusals_are_reported_now_and_then() {
        let (throttle, now) = (throttle(), Instant::now());
        assert_eq!(throttle.report(now), None);
        waits(&throttle, at(&throttle, "10.0.0.1", "15"), 18, now);
        assert_eq!(throttle.report(now), Some(10));
        waits(&throttle, at(&throttle, "10.0.0.1", "15"), 1, now);
        assert_eq!(throttle.report(now + SECOND), None);
        assert_eq!(throttle.report(now + REPORT_INTERVAL), Some(1));
    }
}
