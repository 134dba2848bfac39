//! The gate that tenants come through, whichever port they come to: by their passwords, and slowed down after wrong ones.

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use super::{
    throttle::Throttle,
    user::{shown_user, tenant_of},
};
use crate::{
    config::Secret,
    error::{Error, Result},
    sql::Tenant,
    tables::Accounts,
};

/// Knows the passwords, and who has failed with them.
pub(super) struct Gate {
    accounts: Arc<dyn Accounts>,
    throttle: Throttle,
    /// How long a refusal takes.
    delay: Duration,
}

/// Somebody who claims to be a tenant.
pub(super) struct Attempt<'a> {
    /// The name that he gives.
    pub user: &'a [u8],
    /// Where he is.
    pub peer: IpAddr,
    /// Until when he may be kept waiting.
    pub deadline: Instant,
    /// Whether he gives a password at all.
    pub with_password: bool,
}

impl Gate {
    /// A gate for those whom `accounts` knows; `burst` failed logins of one make the next one wait for `delay`.
    pub fn new(accounts: Arc<dyn Accounts>, burst: u32, delay: Duration) -> Self {
        Gate { accounts, throttle: Throttle::new(burst, delay), delay }
    }

    /// The tenant, if `proves` says that he knows its password, which it must find out in constant time. Whoever has failed often
    /// waits until it is looked at; the moment of a refusal does not depend on what was found. An empty password lets
    /// nobody in.
    pub async fn admit(&self, attempt: Attempt<'_>, proves: impl Fn(&Secret) -> bool) -> Result<Tenant> {
        let Attempt { user, peer, deadline, with_password } = attempt;
        let tenant = tenant_of(user);
        // A tenant has several names: 0 is root, and 15 is 015.
        let applicant = self.throttle.applicant(peer, tenant.ok_or(user));
        let now = Instant::now();
        let Some(wait) = self.throttle.queue(applicant, deadline.saturating_duration_since(now), now) else {
            if let Some(logins) = self.throttle.report(now) {
                warn!(logins, %peer, user = shown_user(user), "logins refused unseen after failed ones");
            }
            sleep(self.delay).await;
            return Err(Error::LoginBlocked);
        };
        if !wait.is_zero() {
            sleep(wait).await;
        }
        let refused_at = Instant::now() + self.delay;
        let password = self.accounts.password(tenant.unwrap_or_default())?;
        let matches = proves(&password) && !password.expose().is_empty();
        if let Some(tenant) = tenant.filter(|_| matches) {
            self.throttle.succeeded(applicant);
            return Ok(tenant);
        }
        sleep_until(refused_at).await;
        Err(Error::LoginRefused { user: shown_user(user), host: peer.to_string(), password: with_password })
    }
}
