//! The tenants' passwords.

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
