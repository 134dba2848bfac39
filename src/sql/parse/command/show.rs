//! SHOW.

use sqlparser::tokenizer::Token;

use super::Command;
use crate::{
    error::Result,
    sql::parse::{
        ast::{Expr, Limit, Literal, MachineStatus, Scope, Show, ShowKind, TableName},
        lower::unsupported,
    },
};

impl Command<'_, '_, '_> {
    pub(super) fn show(&mut self) -> Result<Show> {
        let what = self.show_kind()?;
        let (mut like, mut filter) = (None, None);
        if self.word("LIKE") {
            like = Some(self.text()?);
        } else if self.word("WHERE") {
            filter = Some(self.expr()?);
        }
        Ok(Show { what, like, filter })
    }

    fn show_kind(&mut self) -> Result<ShowKind> {
        let start = self.parser.index();
        let Some(word) = self.any_word() else { return self.fail() };
        let kind = match word.to_ascii_uppercase().as_str() {
            "DATABASES" | "SCHEMAS" => ShowKind::Databases,
            "FULL" => return self.show_full(),
            "EXTENDED" => return self.show_kind(),
            "TABLES" => ShowKind::Tables { database: self.database()?, full: false },
            "COLUMNS" | "FIELDS" => self.columns(false)?,
            "PROCESSLIST" => ShowKind::ProcessList { full: false },
            "TABLE" => {
                self.expect("STATUS")?;
                ShowKind::TableStatus { database: self.database()? }
            }
            "INDEX" | "INDEXES" | "KEYS" => ShowKind::Index { table: self.table_of_database()? },
            "CREATE" => self.show_create()?,
            "GLOBAL" => return self.scoped(Scope::Global),
            "SESSION" | "LOCAL" => return self.scoped(Scope::Session),
            "VARIABLES" => ShowKind::Variables { scope: Scope::Session },
            "STATUS" => ShowKind::Status { scope: Scope::Session },
            "RAM" => self.machine(MachineStatus::Ram)?,
            "AVG" => self.machine(MachineStatus::Average)?,
            "UPTIME" => self.machine(MachineStatus::Uptime)?,
            "FILESYSTEM" => self.machine(MachineStatus::Filesystem)?,
            "WARNINGS" => ShowKind::Warnings { count: false, limit: self.show_limit()? },
            "ERRORS" => ShowKind::Errors { count: false, limit: self.show_limit()? },
            "COUNT" => self.show_count()?,
            "ENGINES" => ShowKind::Engines,
            "STORAGE" if self.word("ENGINES") => ShowKind::Engines,
            "CHARACTER" => {
                self.expect("SET")?;
                ShowKind::CharacterSet
            }
            "CHARSET" => ShowKind::CharacterSet,
            "COLLATION" => ShowKind::Collation,
            "GRANTS" => {
                // FOR whom: one sees one's own only.
                if self.word("FOR") {
                    self.skip();
                }
                ShowKind::Grants
            }
            "PLUGINS" => ShowKind::Plugins,
            "PRIVILEGES" => ShowKind::Privileges,
            "TRIGGERS" => {
                self.database()?;
                ShowKind::Triggers
            }
            "EVENTS" => {
                self.database()?;
                ShowKind::Events
            }
            "PROCEDURE" | "FUNCTION" | "PACKAGE" => {
                self.word("BODY");
                self.expect("STATUS")?;
                ShowKind::Routines
            }
            "OPEN" => {
                self.expect("TABLES")?;
                self.database()?;
                ShowKind::OpenTables
            }
            "EXPORT" => ShowKind::Export,
            "MASTER" | "SLAVE" | "BINARY" | "BINLOG" | "REPLICA" | "ALL" | "PROFILE" | "PROFILES"
            | "ENGINE" | "CONTRIBUTORS" | "AUTHORS" | "RELAYLOG" => {
                return unsupported(&format!("SHOW {}", word.to_ascii_uppercase()));
            }
            _ => {
                while self.parser.index() > start {
                    self.parser.prev_token();
                }
                return self.fail();
            }
        };
        Ok(kind)
    }

    fn show_full(&mut self) -> Result<ShowKind> {
        if self.word("TABLES") {
            return Ok(ShowKind::Tables { database: self.database()?, full: true });
        }
        if self.word("COLUMNS") || self.word("FIELDS") {
            return self.columns(true);
        }
        self.expect("PROCESSLIST")?;
        Ok(ShowKind::ProcessList { full: true })
    }

    fn scoped(&mut self, scope: Scope) -> Result<ShowKind> {
        if self.word("VARIABLES") {
            return Ok(ShowKind::Variables { scope });
        }
        self.expect("STATUS")?;
        Ok(ShowKind::Status { scope })
    }

    fn machine(&mut self, what: MachineStatus) -> Result<ShowKind> {
        self.expect("STATUS")?;
        Ok(ShowKind::Machine(what))
    }

    fn show_create(&mut self) -> Result<ShowKind> {
        if self.word("TABLE") {
            return Ok(ShowKind::CreateTable { table: self.table()? });
        }
        if self.word("DATABASE") || self.word("SCHEMA") {
            if self.word("IF") {
                self.expect("NOT")?;
                self.expect("EXISTS")?;
            }
            return Ok(ShowKind::CreateDatabase { database: self.name()? });
        }
        unsupported("SHOW CREATE of this")
    }

    /// `SHOW COUNT(*) WARNINGS`
    fn show_count(&mut self) -> Result<ShowKind> {
        for token in [Token::LParen, Token::Mul, Token::RParen] {
            if !self.parser.consume_token(&token) {
                return self.fail();
            }
        }
        if self.word("ERRORS") {
            return Ok(ShowKind::Errors { count: true, limit: Limit::default() });
        }
        self.expect("WARNINGS")?;
        Ok(ShowKind::Warnings { count: true, limit: Limit::default() })
    }

    /// `[FROM | IN database]`
    fn database(&mut self) -> Result<Option<String>> {
        if self.word("FROM") || self.word("IN") { self.name().map(Some) } else { Ok(None) }
    }

    /// `FROM table [FROM database]`
    fn table_of_database(&mut self) -> Result<TableName> {
        if !(self.word("FROM") || self.word("IN")) {
            return self.fail();
        }
        let mut table = self.table()?;
        if let Some(database) = self.database()? {
            table.database = Some(database);
        }
        Ok(table)
    }

    fn columns(&mut self, full: bool) -> Result<ShowKind> {
        Ok(ShowKind::Columns { table: self.table_of_database()?, full })
    }

    fn show_limit(&mut self) -> Result<Limit> {
        if !self.word("LIMIT") {
            return Ok(Limit::default());
        }
        let first = self.number()?;
        if self.parser.consume_token(&Token::Comma) {
            return Ok(Limit { count: Some(self.number()?), offset: Some(first) });
        }
        Ok(Limit { count: Some(first), offset: None })
    }

    fn number(&mut self) -> Result<Expr> {
        match self.expr()? {
            number @ Expr::Literal(Literal::Number(_)) => Ok(number),
            _ => self.fail(),
        }
    }
}
