//! Tables for tests of the directory.

use std::sync::Arc;

use tempfile::TempDir;

use super::Directory;
use crate::{
    config::DirectorySettings,
    sql::{Catalog, Clock, Engine, Limits, Login, Session, SystemClock, Tenant},
    store::Options,
    tables::{Database, NoNodes},
};

/// A database in a temporary folder.
pub(crate) struct Tables {
    _folder: TempDir,
    engine: Arc<Engine>,
    pub catalog: Arc<dyn Catalog>,
    pub clock: Arc<dyn Clock>,
}

impl Tables {
    /// User 2 has the password `hash1` at tenant 15, who invited him into 101, and `hash2` at tenant 16, who invited him
    /// into 102.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { disk_reserve: 0, disk_warning: 0, ..Options::default() };
        let database = Database::open(folder.path(), options, Arc::new(NoNodes)).unwrap();
        let catalog: Arc<dyn Catalog> = Arc::new(database);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let engine = Engine::new(Arc::clone(&catalog), Arc::clone(&clock), Limits::default());
        let tables = Tables { _folder: folder, engine, catalog, clock };
        for (tenant, hash, conference) in [(15, "hash1", "101"), (16, "hash2", "102")] {
            tables.execute(tenant, &format!("INSERT INTO users_auth (id, hash) VALUES (2, '{hash}')"));
            let invite = "INSERT INTO conference (name, user_id, message) VALUES";
            tables.execute(tenant, &format!("{invite} ('{conference}', 2, '')"));
        }
        tables
    }

    /// Runs a statement of a tenant.
    pub fn execute(&self, tenant: Tenant, statement: &str) {
        let login = Login { tenant, user: tenant.to_string(), host: "localhost".into(), connection_id: 1 };
        let mut session = Session::new(&self.engine, login);
        pollster::block_on(session.execute(statement)).unwrap();
    }

    /// A directory on the tables.
    pub fn directory(&self, settings: &DirectorySettings) -> Directory {
        Directory::new(&self.catalog, &self.clock, settings).unwrap()
    }
}
