//! Table `conference_members`: who is in a conference now, as the media nodes say.
//!
//! A client sees ages, `join_time` and `last_talking` in seconds, and `last_talking` is 0 while the member talks. The store
//! holds the moments, so that no row needs to be written for the clock moving on.

mod commands;
mod events;

pub(crate) use events::{MEMBER_EVENT, MEMBERS_EVENT};

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use compact_str::CompactString;

use super::{
    Behaviour, DatabaseTransaction, MediaNodes,
    behaviour::{Reading, Written, position, text, user_id},
    cell,
    command::NodeCommand,
};
use crate::{
    error::{Error, Result},
    sql::{
        Catalog, RowChange, Tenant,
        types::{Row, TableSchema, Value},
    },
};

/// The table's name.
pub const NAME: &str = "conference_members";

/// Which member of a node: one user may be in a conference from several devices, each with a channel of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberKey {
    /// Whose conference it is.
    pub tenant: Tenant,
    /// The conference's name.
    pub conference: CompactString,
    /// The channel's uuid.
    pub uuid: CompactString,
}

/// One member of a conference. Moments are unix times in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The user, or 0 for a caller who is none of the tenant's users.
    pub user_id: u32,
    /// When he joined.
    pub joined: i64,
    /// When he last talked; None if never. Out of date while he talks.
    pub last_talked: Option<i64>,
    /// What else is true of him.
    pub flags: Flags,
    /// FreeSWITCH's number of the member.
    pub member_id: u32,
    /// The number he calls from.
    pub caller_number: CompactString,
    /// How loud the others hear him, -4 to 4.
    pub volume_in: i32,
    /// How loud he hears the others, -4 to 4.
    pub volume_out: i32,
    /// The energy from which on he counts as talking.
    pub energy: u32,
    /// What he logged in with, as his node says; empty if he did not, None if that is not known yet.
    pub account: Option<CompactString>,
}

/// What can be true of a member. Each is a column, and its name the one that FreeSWITCH's list has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// He is talking.
    Talking,
    /// He is not muted.
    CanSpeak,
    /// He is not deaf.
    CanHear,
    /// He gets the conference's video, if he has video.
    CanSee,
    /// He sends or gets video.
    HasVideo,
    /// He has the floor: the others see him.
    HasFloor,
    /// He is a moderator.
    IsModerator,
    /// He is on hold.
    Hold,
    /// He is a ghost: he is in unseen, and does not count.
    IsGhost,
    /// His conference is being recorded.
    Recording,
    /// His node vouches for who he is.
    Verified,
}

impl Flag {
    /// All of them.
    pub const ALL: [Flag; 11] = [
        Flag::Talking,
        Flag::CanSpeak,
        Flag::CanHear,
        Flag::CanSee,
        Flag::HasVideo,
        Flag::HasFloor,
        Flag::IsModerator,
        Flag::Hold,
        Flag::IsGhost,
        Flag::Recording,
        Flag::Verified,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Flag::Talking => "talking",
            Flag::CanSpeak => "can_speak",
            Flag::CanHear => "can_hear",
            Flag::CanSee => "can_see",
            Flag::HasVideo => "has_video",
            Flag::HasFloor => "has_floor",
            Flag::IsModerator => "is_moderator",
            Flag::Hold => "hold",
            Flag::IsGhost => "is_ghost",
            Flag::Recording => "recording",
            Flag::Verified => "verified",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Flag> {
        Flag::ALL.into_iter().find(|flag| flag.name() == name)
    }
}

/// Some flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// Whether the flag is among them.
    pub fn has(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u8) != 0
    }

    /// Adds the flag, or takes it away.
    pub fn set(&mut self, flag: Flag, on: bool) {
        let bit = 1 << flag as u8;
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        let mut set = Flags::default();
        flags.into_iter().for_each(|flag| set.set(flag, true));
        set
    }
}

/// Members of one node.
pub type Members = BTreeMap<MemberKey, Member>;

/// The table with the positions of its columns.
#[derive(Clone, Debug)]
pub struct MembersTable {
    schema: Arc<TableSchema>,
    name: usize,
    user_id: usize,
    join_time: usize,
    last_talking: usize,
    node: usize,
    uuid: usize,
    member_id: usize,
    caller_number: usize,
    volume_in: usize,
    volume_out: usize,
    energy: usize,
    account: usize,
    /// In the order of [`Flag::ALL`].
    flags: [usize; Flag::ALL.len()],
}

impl MembersTable {
    /// Finds the table's columns.
    pub fn new(schema: &Arc<TableSchema>) -> Result<Self> {
        let position = |column| position(schema, column);
        let mut flags = [0; Flag::ALL.len()];
        for (flag, column) in Flag::ALL.into_iter().zip(&mut flags) {
            *column = position(flag.name())?;
        }
        Ok(MembersTable {
            schema: Arc::clone(schema),
            name: position("name")?,
            user_id: position("user_id")?,
            join_time: position("join_time")?,
            last_talking: position("last_talking")?,
            node: position("node")?,
            uuid: position("uuid")?,
            member_id: position("member_id")?,
            caller_number: position("caller_number")?,
            volume_in: position("volume_in")?,
            volume_out: position("volume_out")?,
            energy: position("energy")?,
            account: position("account")?,
            flags,
        })
    }

    /// The table of this catalog.
    pub fn of(catalog: &dyn Catalog) -> Result<Self> {
        let schema =
            catalog.table(NAME).ok_or_else(|| Error::Internal(format!("there is no table {NAME}")))?;
        MembersTable::new(&schema)
    }

    /// What the table looks like.
    pub fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    /// The row of a node's member, as a transaction at this moment takes it: with ages.
    pub fn row(&self, node: &str, key: &MemberKey, member: &Member, now: DateTime<Utc>) -> Row {
        let mut row = self.schema.default_row();
        row[self.name] = Value::text(&key.conference);
        row[self.user_id] = Value::UInt(member.user_id.into());
        row[self.join_time] = cell::age(member.joined, now);
        row[self.last_talking] = member.last_talked.map_or(Value::Null, |moment| cell::age(moment, now));
        row[self.node] = Value::text(node);
        row[self.uuid] = Value::text(&key.uuid);
        row[self.member_id] = Value::UInt(member.member_id.into());
        row[self.caller_number] = Value::text(&member.caller_number);
        row[self.volume_in] = Value::Int(member.volume_in.into());
        row[self.volume_out] = Value::Int(member.volume_out.into());
        row[self.energy] = Value::UInt(member.energy.into());
        row[self.account] = member.account.as_deref().map_or(Value::Null, Value::text);
        for (flag, column) in Flag::ALL.into_iter().zip(self.flags) {
            row[column] = Value::Int(member.flags.has(flag).into());
        }
        row
    }

    /// The node and the member of a row, as a transaction at this moment gives it: with ages.
    pub fn member(
        &self,
        tenant: Tenant,
        row: &Row,
        now: DateTime<Utc>,
    ) -> Result<(CompactString, MemberKey, Member)> {
        let text = |column| cell::text(&self.schema, row, column);
        let moment = |column| Ok(now.timestamp() - i64::from(self.number::<u32>(row, column)?));
        let key = MemberKey { tenant, conference: text(self.name)?, uuid: text(self.uuid)? };
        let member = Member {
            user_id: self.number(row, self.user_id)?,
            joined: moment(self.join_time)?,
            last_talked: match row.get(self.last_talking) {
                Some(Value::Null) => None,
                _ => Some(moment(self.last_talking)?),
            },
            flags: self.flags(row)?,
            member_id: self.number(row, self.member_id)?,
            caller_number: text(self.caller_number)?,
            volume_in: self.number(row, self.volume_in)?,
            volume_out: self.number(row, self.volume_out)?,
            energy: self.number(row, self.energy)?,
            account: match row.get(self.account) {
                Some(Value::Null) => None,
                _ => Some(text(self.account)?),
            },
        };
        Ok((text(self.node)?, key, member))
    }

    /// Makes a stored row's moments the ages that a client sees.
    pub fn present(&self, row: &mut Row, now: DateTime<Utc>) -> Result<()> {
        self.turn(row, now)?;
        if self.flags(row)?.has(Flag::Talking) && !row[self.last_talking].is_null() {
            row[self.last_talking] = Value::UInt(0);
        }
        Ok(())
    }

    /// Makes a written row's ages the moments that the store holds.
    pub fn absorb(&self, row: &mut Row, now: DateTime<Utc>) -> Result<()> {
        self.turn(row, now)
    }

    fn flags(&self, row: &Row) -> Result<Flags> {
        let mut flags = Flags::default();
        for (flag, column) in Flag::ALL.into_iter().zip(self.flags) {
            flags.set(flag, self.number::<u8>(row, column)? != 0);
        }
        Ok(flags)
    }

    fn number<T: TryFrom<u64> + TryFrom<i64>>(&self, row: &Row, column: usize) -> Result<T> {
        cell::number(&self.schema, row, column)
    }

    /// Age to moment is the same calculation as moment to age.
    fn turn(&self, row: &mut Row, now: DateTime<Utc>) -> Result<()> {
        for column in [self.join_time, self.last_talking] {
            if !row.get(column).is_none_or(Value::is_null) {
                row[column] = cell::age(self.number::<u32>(row, column)?.into(), now);
            }
        }
        Ok(())
    }
}

/// What clients see of the table: ages, how the member's node is, and whether his user has a browser here.
pub struct ConferenceMembers {
    table: MembersTable,
    nodes: Arc<dyn MediaNodes>,
    node_state: usize,
    online: usize,
}

impl ConferenceMembers {
    /// Finds the table's columns.
    pub fn new(schema: &Arc<TableSchema>, nodes: &Arc<dyn MediaNodes>) -> Result<Self> {
        Ok(ConferenceMembers {
            table: MembersTable::new(schema)?,
            nodes: Arc::clone(nodes),
            node_state: position(schema, "node_state")?,
            online: position(schema, "online")?,
        })
    }
}

impl Behaviour for ConferenceMembers {
    fn write(&self, transaction: &DatabaseTransaction, _old: Option<&Row>, new: &mut Row) -> Result<()> {
        new[self.node_state] = Value::text("");
        new[self.online] = Value::Null;
        self.table.absorb(new, transaction.now())
    }

    fn written(&self, transaction: &mut DatabaseTransaction, written: &Written) -> Result<()> {
        self.table.tell(transaction, written.old, Some(written.new))
    }

    fn deleted(&self, transaction: &mut DatabaseTransaction, row: &Row) -> Result<()> {
        self.table.tell(transaction, Some(row), None)
    }

    fn present(&self, row: &mut Row, reading: &Reading) -> Result<()> {
        self.table.present(row, reading.now)?;
        row[self.node_state] = Value::text(self.nodes.state(text(row, self.table.node)));
        let user_id = user_id(row, self.table.user_id);
        let online = reading.audience.as_ref().map(|audience| audience.is_online(reading.tenant, user_id));
        row[self.online] = online.map_or(Value::Null, |online| Value::Int(online.into()));
        Ok(())
    }

    fn commands(
        &self,
        tenant: Tenant,
        change: &RowChange,
        columns: &[usize],
        row: usize,
    ) -> Result<Vec<NodeCommand>> {
        self.table.commands_of(tenant, change, columns, row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::types::{ColumnDefault, ColumnSchema, DataType, InsertMode, IntWidth, Writes};

    fn table() -> MembersTable {
        let integer = DataType::Integer { width: IntWidth::Int, unsigned: true };
        let column = |(name, data_type): (&str, DataType)| ColumnSchema {
            name: name.to_owned(),
            data_type,
            nullable: name == "last_talking",
            default: ColumnDefault::None,
            invisible: false,
        };
        let columns = [
            ("name", DataType::VarChar(128)),
            ("user_id", integer),
            ("join_time", integer),
            ("last_talking", integer),
            ("node", DataType::VarChar(255)),
            ("uuid", DataType::VarChar(255)),
            ("member_id", integer),
            ("caller_number", DataType::VarChar(255)),
            ("account", DataType::VarChar(255)),
            ("volume_in", DataType::Integer { width: IntWidth::Int, unsigned: false }),
            ("volume_out", DataType::Integer { width: IntWidth::Int, unsigned: false }),
            ("energy", integer),
        ];
        let flags = Flag::ALL.map(|flag| (flag.name(), integer));
        let schema = TableSchema {
            id: 1,
            version: 0,
            name: NAME.to_owned(),
            columns: columns.into_iter().chain(flags).map(column).collect(),
            primary_key: vec![0, 1, 4, 5],
            indexes: Vec::new(),
            insert_mode: InsertMode::Refuse,
            insert_id: None,
            writes: Writes::Refused,
            admin_only: false,
        };
        MembersTable::new(&Arc::new(schema)).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 999_000_000).unwrap()
    }

    fn key() -> MemberKey {
        MemberKey { tenant: 15, conference: "101".into(), uuid: "u".into() }
    }

    fn member(last_talked: Option<i64>, flags: &[Flag]) -> Member {
        Member {
            user_id: 2,
            joined: 900,
            last_talked,
            flags: flags.iter().copied().collect(),
            member_id: 4,
            caller_number: "0000152".into(),
            volume_in: -4,
            volume_out: 4,
            energy: 100,
            account: Some("0000152".into()),
        }
    }

    /// What a client sees at second 1 060 of a member written at second 1 000.
    fn seen(member: &Member) -> Row {
        let table = table();
        let mut row = table.row("fs1:7443", &key(), member, at(1_000));
        table.absorb(&mut row, at(1_000)).unwrap();
        table.present(&mut row, at(1_060)).unwrap();
        row
    }

    #[test]
    fn moments_are_seen_as_ages() {
        let row = seen(&member(Some(990), &[]));
        assert_eq!(row[..4], [Value::text("101"), Value::UInt(2), Value::UInt(160), Value::UInt(70)]);
        assert_eq!(seen(&member(None, &[]))[3], Value::Null);
    }

    #[test]
    fn who_talks_last_talked_now() {
        assert_eq!(seen(&member(Some(990), &[Flag::Talking]))[3], Value::UInt(0));
        assert_eq!(seen(&member(None, &[Flag::Talking]))[3], Value::Null);
    }

    #[test]
    fn a_moment_to_come_has_no_age() {
        let table = table();
        let mut row = table.row("fs1:7443", &key(), &member(None, &[]), at(1_000));
        table.absorb(&mut row, at(1_000)).unwrap();
        table.present(&mut row, at(10)).unwrap();
        assert_eq!(row[2], Value::UInt(0));
    }

    #[test]
    fn rows_and_members_convert() {
        for member in [
            member(Some(990), &[Flag::Hold, Flag::HasFloor]),
            member(None, &Flag::ALL),
            Member { account: None, ..member(None, &[]) },
        ] {
            let (node, read_key, read) = table().member(15, &seen(&member), at(1_060)).unwrap();
            assert_eq!((node.as_str(), read_key, read), ("fs1:7443", key(), member));
        }
    }

    #[test]
    fn a_row_of_another_shape_is_an_error() {
        assert!(table().member(15, &vec![Value::Null; 30], at(0)).is_err());
        assert!(table().member(15, &Vec::new(), at(0)).is_err());
        assert!(table().present(&mut vec![Value::text("x"); 30], at(0)).is_err());
    }
}
