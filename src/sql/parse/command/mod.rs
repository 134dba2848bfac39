//! Statements that are read here, word by word: sqlparser does not know them, or knows too little of them.

mod set;
mod show;

use sqlparser::{
    parser::Parser,
    tokenizer::{Token, Word},
};

use super::{
    Lower,
    ast::{Expr, Literal, ShowKind, Statement, TableName, TransactionControl},
    lower::{table_name, unsupported},
    syntax, syntax_at,
};
use crate::error::{Error, Result};

/// Reads one statement.
pub(super) fn parse(parser: &mut Parser, lower: &Lower) -> Result<Statement> {
    Command { parser, lower }.statement()
}

struct Command<'c, 'p, 'l> {
    parser: &'c mut Parser<'p>,
    lower: &'c Lower<'l>,
}

impl Command<'_, '_, '_> {
    fn statement(&mut self) -> Result<Statement> {
        let start = self.parser.peek_token_ref().span.start;
        let Some(word) = self.any_word() else { return Err(syntax_at(self.lower.source, start)) };
        match word.to_ascii_uppercase().as_str() {
            "SET" => Ok(Statement::Set(self.set()?)),
            "SHOW" => Ok(Statement::Show(self.show()?)),
            "DESCRIBE" | "DESC" | "EXPLAIN" => self.explain(),
            "USE" => Ok(Statement::Use(self.name()?)),
            "DO" => self.do_exprs(),
            "KILL" => self.kill(),
            "PREPARE" => self.prepare(),
            "EXECUTE" => self.execute(),
            "DEALLOCATE" => self.deallocate(),
            "DROP" if self.word("PREPARE") => Ok(Statement::Deallocate(self.name()?)),
            "ANALYZE" => self.maintain("analyze"),
            "CHECK" => self.maintain("check"),
            "OPTIMIZE" => self.maintain("optimize"),
            "REPAIR" => self.maintain("repair"),
            "FLUSH" => {
                self.skip();
                Ok(Statement::Ignored("FLUSH"))
            }
            "LOCK" if self.word("TABLES") || self.word("TABLE") => self.lock_tables(),
            "UNLOCK" if self.word("TABLES") || self.word("TABLE") => Ok(Statement::Ignored("UNLOCK TABLES")),
            "BEGIN" => {
                self.word("WORK");
                Ok(Statement::Transaction(TransactionControl::Begin { read_only: false }))
            }
            "START" => {
                self.expect("TRANSACTION")?;
                self.start_transaction()
            }
            "COMMIT" => {
                self.word("WORK");
                let chain = self.chain()?;
                Ok(Statement::Transaction(TransactionControl::Commit { chain }))
            }
            "ROLLBACK" => self.rollback(),
            "SAVEPOINT" => Ok(Statement::Transaction(TransactionControl::Savepoint(self.name()?))),
            "RELEASE" => {
                self.expect("SAVEPOINT")?;
                Ok(Statement::Transaction(TransactionControl::Release(self.name()?)))
            }
            "ALTER" if self.word("TABLE") => self.alter_keys(),
            "CREATE" | "ALTER" | "DROP" | "GRANT" | "REVOKE" | "RENAME" | "CALL" | "LOAD" | "HANDLER"
            | "HELP" | "INSTALL" | "UNINSTALL" | "XA" | "CHANGE" | "RESET" | "PURGE" | "BACKUP"
            | "VALUES" | "TABLE" | "MERGE" => unsupported(&word.to_ascii_uppercase()),
            _ => Err(syntax_at(self.lower.source, start)),
        }
    }

    /// `ALTER TABLE t DISABLE KEYS`, which a dump writes around each table's rows; anything else is not ours.
    fn alter_keys(&mut self) -> Result<Statement> {
        self.table()?;
        if (self.word("DISABLE") || self.word("ENABLE")) && self.word("KEYS") {
            return Ok(Statement::Ignored("ALTER TABLE ... KEYS"));
        }
        unsupported("ALTER TABLE")
    }

    /// Takes the next token if it is this word, unquoted.
    fn word(&mut self, expected: &str) -> bool {
        let found = self.peek_word().is_some_and(|word| word.value.eq_ignore_ascii_case(expected));
        if found {
            self.parser.advance_token();
        }
        found
    }

    /// Takes the next token, which must be this word.
    fn expect(&mut self, expected: &str) -> Result<()> {
        if self.word(expected) { Ok(()) } else { self.fail() }
    }

    /// The next token if it is an unquoted word.
    fn peek_word(&self) -> Option<&Word> {
        match &self.parser.peek_token_ref().token {
            Token::Word(word) if word.quote_style.is_none() => Some(word),
            _ => None,
        }
    }

    /// Takes the next token if it is an unquoted word.
    fn any_word(&mut self) -> Option<String> {
        let word = self.peek_word()?.value.clone();
        self.parser.advance_token();
        Some(word)
    }

    /// A syntax error at the next token.
    fn fail<T>(&self) -> Result<T> {
        Err(syntax_at(self.lower.source, self.parser.peek_token_ref().span.start))
    }

    fn at_end(&self) -> bool {
        matches!(self.parser.peek_token_ref().token, Token::EOF | Token::SemiColon)
    }

    fn skip(&mut self) {
        while !self.at_end() {
            self.parser.advance_token();
        }
    }

    fn name(&mut self) -> Result<String> {
        self.parser
            .parse_identifier()
            .map(|ident| ident.value)
            .map_err(|error| syntax(self.lower.source, &error))
    }

    fn table(&mut self) -> Result<TableName> {
        let name = self.parser.parse_object_name(false).map_err(|error| syntax(self.lower.source, &error))?;
        table_name(name)
    }

    fn expr(&mut self) -> Result<Expr> {
        let expr = self.parser.parse_expr().map_err(|error| syntax(self.lower.source, &error))?;
        self.lower.expr(expr)
    }

    fn text(&mut self) -> Result<String> {
        let text = match &self.parser.peek_token_ref().token {
            Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => text.clone(),
            _ => return self.fail(),
        };
        self.parser.advance_token();
        Ok(text)
    }

    fn exprs(&mut self) -> Result<Vec<Expr>> {
        let mut exprs = vec![self.expr()?];
        while self.parser.consume_token(&Token::Comma) {
            exprs.push(self.expr()?);
        }
        Ok(exprs)
    }

    /// EXPLAIN of a statement, or the columns of a table.
    fn explain(&mut self) -> Result<Statement> {
        let statement = self.peek_word().is_some_and(|word| {
            ["SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "WITH"]
                .iter()
                .any(|verb| word.value.eq_ignore_ascii_case(verb))
        });
        if statement || self.parser.peek_token_ref().token == Token::LParen {
            return Ok(Statement::Explain(Box::new(super::statement(self.parser, self.lower)?)));
        }
        let table = self.table()?;
        let like = match &self.parser.peek_token_ref().token {
            Token::SingleQuotedString(_) | Token::DoubleQuotedString(_) => Some(self.text()?),
            // A single column: only `_` and `%` would mean others.
            Token::Word(_) => Some(self.name()?.replace('_', "\\_")),
            _ => None,
        };
        Ok(Statement::Show(super::ast::Show {
            what: ShowKind::Columns { table, full: false },
            like,
            filter: None,
        }))
    }

    fn do_exprs(&mut self) -> Result<Statement> {
        Ok(Statement::Do(self.exprs()?))
    }

    fn kill(&mut self) -> Result<Statement> {
        let _ = self.word("HARD") || self.word("SOFT");
        let query_only = self.word("QUERY");
        self.word("CONNECTION");
        Ok(Statement::Kill { id: self.expr()?, query_only })
    }

    fn prepare(&mut self) -> Result<Statement> {
        let name = self.name()?;
        self.expect("FROM")?;
        Ok(Statement::Prepare { name, text: self.expr()? })
    }

    fn execute(&mut self) -> Result<Statement> {
        let name = self.name()?;
        let params = if self.word("USING") { self.exprs()? } else { Vec::new() };
        Ok(Statement::Execute { name, params })
    }

    fn deallocate(&mut self) -> Result<Statement> {
        self.expect("PREPARE")?;
        Ok(Statement::Deallocate(self.name()?))
    }

    fn maintain(&mut self, operation: &'static str) -> Result<Statement> {
        let _ = self.word("NO_WRITE_TO_BINLOG") || self.word("LOCAL");
        if !self.word("TABLES") {
            self.expect("TABLE")?;
        }
        let mut tables = vec![self.table()?];
        while self.parser.consume_token(&Token::Comma) {
            tables.push(self.table()?);
        }
        // FOR UPGRADE, QUICK, EXTENDED and the like.
        self.skip();
        Ok(Statement::Maintain { operation, tables })
    }

    fn lock_tables(&mut self) -> Result<Statement> {
        loop {
            self.table()?;
            while self.any_word().is_some() {}
            if !self.parser.consume_token(&Token::Comma) {
                return Ok(Statement::Ignored("LOCK TABLES"));
            }
        }
    }

    fn start_transaction(&mut self) -> Result<Statement> {
        let mut read_only = false;
        while !self.at_end() {
            if self.word("WITH") {
                // Every transaction reads one snapshot, taken when it starts.
                self.expect("CONSISTENT")?;
                self.expect("SNAPSHOT")?;
            } else {
                self.expect("READ")?;
                read_only = self.word("ONLY");
                if !read_only {
                    self.expect("WRITE")?;
                }
            }
            if !self.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        Ok(Statement::Transaction(TransactionControl::Begin { read_only }))
    }

    /// `[AND [NO] CHAIN] [[NO] RELEASE]`
    fn chain(&mut self) -> Result<bool> {
        let mut chain = false;
        if self.word("AND") {
            chain = !self.word("NO");
            self.expect("CHAIN")?;
        }
        if self.word("NO") {
            self.expect("RELEASE")?;
        } else if self.word("RELEASE") {
            return unsupported("RELEASE");
        }
        Ok(chain)
    }

    fn rollback(&mut self) -> Result<Statement> {
        self.word("WORK");
        if self.word("TO") {
            self.word("SAVEPOINT");
            return Ok(Statement::Transaction(TransactionControl::RollbackTo(self.name()?)));
        }
        let chain = self.chain()?;
        Ok(Statement::Transaction(TransactionControl::Rollback { chain }))
    }

    /// A bare word that ends here or at a comma, as a text: `ON`, `utf8mb4`.
    fn bare_word(&mut self) -> Option<Expr> {
        let next = &self.parser.peek_nth_token_ref(1).token;
        if !matches!(next, Token::EOF | Token::SemiColon | Token::Comma) {
            return None;
        }
        let word = self.peek_word()?;
        if word.value.starts_with('@') || word.value.eq_ignore_ascii_case("null") {
            return None;
        }
        self.any_word().map(|word| Expr::Literal(Literal::Text(word)))
    }
}

/// Refuses a value that is no plain text.
fn literal_text(expr: &Expr) -> Result<String> {
    match expr {
        Expr::Literal(Literal::Text(text)) => Ok(text.clone()),
        _ => Err(Error::Syntax("a name or a string belongs here".to_owned())),
    }
}
