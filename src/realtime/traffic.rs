//! What browsers have done, in numbers: for `SHOW STATUS` (notes 07, section 4).

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use dashmap::DashMap;

use crate::sql::{Tenant, Traffic};

/// Most tenants that are counted by themselves: CppComet has as many. Whoever connects says whose page he has, so that there
/// could be more than there are.
const MAX_TENANTS: usize = 100_000;

/// The figures of all tenants.
#[derive(Default)]
pub(super) struct Counters {
    tenants: DashMap<Tenant, Arc<Counts>>,
    /// Those of tenants for whom there was no room.
    others: Arc<Counts>,
}

/// The figures of one tenant.
#[derive(Default)]
pub(super) struct Counts {
    connected: AtomicU64,
    disconnected: AtomicU64,
    messages: AtomicU64,
}

impl Counters {
    /// Those of a tenant, to be kept for as long as they are counted.
    pub fn of(&self, tenant: Tenant) -> Arc<Counts> {
        if let Some(counts) = self.tenants.get(&tenant) {
            return Arc::clone(&counts);
        }
        if self.tenants.len() >= MAX_TENANTS {
            return Arc::clone(&self.others);
        }
        Arc::clone(&self.tenants.entry(tenant).or_default())
    }

    /// What a tenant's browsers have done, or those of all tenants together.
    pub fn traffic(&self, tenant: Option<Tenant>) -> Traffic {
        match tenant {
            Some(tenant) => self.tenants.get(&tenant).map(|counts| counts.traffic()).unwrap_or_default(),
            None => self.tenants.iter().fold(self.others.traffic(), |sum, counts| {
                let Traffic { connected, disconnected, messages } = counts.traffic();
                Traffic {
                    connected: sum.connected + connected,
                    disconnected: sum.disconnected + disconnected,
                    messages: sum.messages + messages,
                }
            }),
        }
    }
}

impl Counts {
    /// A browser has connected.
    pub fn connected(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    /// It has gone.
    pub fn disconnected(&self) {
        self.disconnected.fetch_add(1, Ordering::Relaxed);
    }

    /// It has sent a message.
    pub fn message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    fn traffic(&self) -> Traffic {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // Not more can have gone than came: those who have gone are read first.
        let disconnected = read(&self.disconnected);
        Traffic { connected: read(&self.connected), disconnected, messages: read(&self.messages) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_counted_by_themselves_as_far_as_there_is_room() {
        let counters = Counters::default();
        let most = Tenant::try_from(MAX_TENANTS).unwrap();
        for tenant in 0..=most {
            counters.of(tenant).connected();
        }
        counters.of(15).message();
        counters.of(15).disconnected();
        assert_eq!(counters.traffic(Some(15)), Traffic { connected: 1, disconnected: 1, messages: 1 });
        assert_eq!(counters.traffic(Some(most)), Traffic::default());
        let all = Traffic { connected: u64::from(most) + 1, disconnected: 1, messages: 1 };
        assert_eq!(counters.traffic(None), all);
    }
}
