//! Who is no longer invited is thrown out, if the settings say so (`[sip] kick_on_delete`).
//!
//! Nothing is done before the commit that takes the invitations back is on disk; it holds whatever comes of this.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use tracing::warn;

use super::{
    Database,
    command::{self, Action, Command, MemberAction, NodeCommand},
    conference_members::MembersTable,
    keys::PRIMARY,
};
use crate::{
    error::{Error, Result},
    sql::{KeyRange, Tenant, Transaction, catalog::Aftermath, types::Value},
};

/// Users whose invitations to conferences were taken back.
pub type Uninvited = BTreeSet<(CompactString, u32)>;

/// Throws them out of those conferences. It goes on by itself, whether or not somebody waits for it.
pub fn throw_out(
    database: &Database,
    tenant: Tenant,
    uninvited: &Uninvited,
    now: DateTime<Utc>,
) -> Option<Aftermath> {
    let commands = match kicks(database, tenant, uninvited, now) {
        Ok(commands) if commands.is_empty() => return None,
        Ok(commands) => commands,
        Err(error) => return Some(Box::pin(std::future::ready(vec![failed(tenant, error)]))),
    };
    let kicking = tokio::spawn(command::carry_out(database.nodes(), commands));
    Some(Box::pin(async move {
        let kicked = kicking.await.unwrap_or_else(|panic| Err(Error::Internal(panic.to_string())));
        kicked.err().map(|error| failed(tenant, error)).into_iter().collect()
    }))
}

fn failed(tenant: Tenant, error: Error) -> Error {
    warn!(tenant, %error, "users whose invitations were taken back could not be thrown out");
    error
}

/// The commands that throw those of them out who are in.
fn kicks(
    database: &Database,
    tenant: Tenant,
    uninvited: &Uninvited,
    now: DateTime<Utc>,
) -> Result<Vec<Vec<NodeCommand>>> {
    let table = MembersTable::of(database)?;
    let transaction = database.transaction(tenant, now);
    let mut kicks = Vec::new();
    for (conference, user_id) in uninvited {
        let range = KeyRange::prefix(vec![Value::text(conference), Value::UInt((*user_id).into())]);
        for row in transaction.scan(table.schema(), PRIMARY, &range, false)? {
            let (node, key, member) = table.member(tenant, &row?, now)?;
            let action =
                Action::Member { uuid: key.uuid, member_id: member.member_id, action: MemberAction::Kick };
            kicks.push(vec![(node, Command { tenant, conference: key.conference, action })]);
        }
    }
    Ok(kicks)
}
