//! The pipes that the browsers in a conference share: their names, and who is told there to be in.

use std::{num::NonZeroUsize, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use hmac::{Hmac, Mac};
use lru::LruCache;
use parking_lot::Mutex;
use serde_json::json;
use sha2::Sha256;

use super::{
    Realtime,
    message::{Data, Envelope},
    peer::Peer,
};
use crate::{
    config::Secret,
    error::Result,
    sql::{Catalog, KeyRange, PRIMARY_KEY, Tenant, Transaction},
    tables::{
        Database,
        conference_members::{MEMBERS_EVENT, MembersTable},
    },
};

type HmacSha256 = Hmac<Sha256>;

/// What their names begin with.
const PREFIX: &str = "web_syscall_vA_";
/// Characters of a name that cannot be guessed.
const CHARACTERS: usize = 28;
/// Pipes whose conferences are remembered: those that something was said in last.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();
/// How often a list of members is told again when it changes while it is told.
const MAX_TRIES: usize = 10;

/// Knows the names, and what was named.
pub(super) struct CallPipes {
    salt: Secret,
    conferences: Mutex<LruCache<String, (Tenant, CompactString)>>,
}

impl CallPipes {
    /// Names made with this salt; conferences with members are known already.
    pub fn new(salt: Secret, database: &Database, now: DateTime<Utc>) -> Result<Arc<Self>> {
        let pipes = CallPipes { salt, conferences: Mutex::new(LruCache::new(REMEMBERED)) };
        let table = MembersTable::of(database)?;
        for tenant in database.tenants(table.schema())? {
            let transaction = database.transaction(tenant, now);
            for row in transaction.scan(table.schema(), PRIMARY_KEY, &KeyRange::all(), false)? {
                let (_, key, _) = table.member(tenant, &row?, now)?;
                pipes.name(tenant, &key.conference);
            }
        }
        Ok(Arc::new(pipes))
    }

    /// Name of the pipe of a conference (notes 04, section 5).
    pub fn name(&self, tenant: Tenant, conference: &str) -> String {
        let digest = HmacSha256::new_from_slice(self.salt.expose().as_bytes()).map(|mut hmac| {
            hmac.update(&tenant.to_be_bytes());
            hmac.update(conference.as_bytes());
            URL_SAFE_NO_PAD.encode(hmac.finalize().into_bytes())
        });
        // A key of any length will do.
        let mut name = digest.unwrap_or_default();
        name.truncate(CHARACTERS);
        name.insert_str(0, PREFIX);
        self.conferences.lock().put(name.clone(), (tenant, conference.into()));
        name
    }

    /// The conference whose pipe this is.
    fn conference(&self, tenant: Tenant, pipe: &str) -> Option<CompactString> {
        let mut conferences = self.conferences.lock();
        conferences.get(pipe).filter(|(owner, _)| *owner == tenant).map(|(_, conference)| conference.clone())
    }
}

impl Realtime {
    /// Tells a browser that has come into the pipe of a conference who is in that: changes are told from now on.
    pub(super) fn tell_members(&self, peer: &Peer, pipe: &str) -> Result<()> {
        if !pipe.starts_with(PREFIX) {
            return Ok(());
        }
        let Some(conference) = self.call_pipes.conference(peer.tenant, pipe) else { return Ok(()) };
        let mut told = Vec::new();
        // A change that is told in between may be older than the list or newer: the list must be the last word.
        for _ in 0..MAX_TRIES {
            let members = self.transaction(peer.tenant).members_of(&conference)?;
            if members == told {
                break;
            }
            let list = json!({ "conference_name": conference.as_str(), "members": members });
            peer.send(&Envelope {
                data: Data::payload(&list.to_string()),
                event: MEMBERS_EVENT,
                message_send_time: Some(self.now()),
                pipe,
                ..Envelope::default()
            });
            told = members;
        }
        Ok(())
    }
}
