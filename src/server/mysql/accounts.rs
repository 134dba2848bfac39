//! Who may log in.

use std::sync::Arc;

use crate::{
    config::Secret,
    error::{Error, Result},
    sql::{Catalog, Clock, Tenant, types::Value},
};

/// The table of the tenants' own passwords, which only tenant 0 sees.
const TABLE: &str = "dev_config";

/// Where passwords come from.
pub trait Accounts: Send + Sync + 'static {
    /// The tenant's password: its own, or the one that holds for every tenant without one.
    fn password(&self, tenant: Tenant) -> Result<Secret>;
}

/// One password for every tenant, as in CppComet.
impl Accounts for Secret {
    fn password(&self, _: Tenant) -> Result<Secret> {
        Ok(self.clone())
    }
}

/// The tenants' own passwords in table `dev_config`, and one for those without.
pub struct TenantPasswords {
    /// Has the table.
    pub catalog: Arc<dyn Catalog>,
    /// Dates the look-up.
    pub clock: Arc<dyn Clock>,
    /// For tenants without a row.
    pub general: Secret,
}

impl Accounts for TenantPasswords {
    fn password(&self, tenant: Tenant) -> Result<Secret> {
        let incomplete = || Error::Internal(format!("table {TABLE} has no column 'password'"));
        let table = self.catalog.table(TABLE).ok_or_else(incomplete)?;
        let column = table.column("password").ok_or_else(incomplete)?;
        let row = self.catalog.begin(0, self.clock.now())?.get(&table, &[Value::UInt(tenant.into())])?;
        match row.as_ref().map(|row| &row[column]) {
            Some(Value::Text(password)) => Ok(Secret::new(password.as_str())),
            Some(_) => Err(incomplete()),
            None => Ok(self.general.clone()),
        }
    }
}

/// The tenant that a user name stands for: its number, or 0 for `root` (notes 07, section 1).
pub(super) fn tenant_of(user: &[u8]) -> Option<Tenant> {
    if user == b"root" {
        return Some(0);
    }
    if !user.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(user).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_numbers_or_root() {
        for (user, tenant) in [
            (&b"root"[..], Some(0)),
            (b"0", Some(0)),
            (b"15", Some(15)),
            (b"999999", Some(999_999)),
            (b"bob", None),
            (b"", None),
            (b"-1", None),
            (b"+1", None),
            (b"15 ", None),
            (b"4294967296", None),
            (b"\xff", None),
        ] {
            assert_eq!(tenant_of(user), tenant, "{user:?}");
        }
    }
}
