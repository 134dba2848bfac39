//! SET.

use sqlparser::tokenizer::Token;

use super::{Command, literal_text};
use crate::{
    error::Result,
    sql::parse::{
        ast::{Expr, Scope, Setting},
        lower::unsupported,
    },
};

impl Command<'_, '_, '_> {
    pub(super) fn set(&mut self) -> Result<Vec<Setting>> {
        if self.is_cometql_set() {
            self.skip();
            return Ok(vec![Setting::CometQl]);
        }
        let mut settings = Vec::new();
        loop {
            settings.push(self.setting()?);
            if !self.parser.consume_token(&Token::Comma) {
                return Ok(settings);
            }
        }
    }

    /// CometQL's `SET a b` and `SET a b c`: names and values without an `=`; NAMES means more.
    fn is_cometql_set(&self) -> bool {
        let token = |n| &self.parser.peek_nth_token_ref(n).token;
        let plain = |token: &Token| {
            matches!(
                token,
                Token::Word(_)
                    | Token::Number(..)
                    | Token::SingleQuotedString(_)
                    | Token::DoubleQuotedString(_)
            )
        };
        let end = |token: &Token| matches!(token, Token::EOF | Token::SemiColon);
        let keyword = self.peek_word().is_some_and(|word| {
            ["NAMES", "CHARACTER", "CHARSET", "SESSION", "GLOBAL", "LOCAL", "TRANSACTION", "PASSWORD", "ROLE"]
                .iter()
                .any(|keyword| word.value.eq_ignore_ascii_case(keyword))
        });
        let name = matches!(token(0), Token::Word(_));
        !keyword && name && plain(token(1)) && (end(token(2)) || (plain(token(2)) && end(token(3))))
    }

    fn setting(&mut self) -> Result<Setting> {
        if self.word("NAMES") {
            return self.names();
        }
        if self.word("CHARSET") {
            return self.character_set();
        }
        if self.word("CHARACTER") {
            self.expect("SET")?;
            return self.character_set();
        }
        let scope = if self.word("GLOBAL") {
            Scope::Global
        } else if self.word("SESSION") || self.word("LOCAL") {
            Scope::Session
        } else {
            Scope::Any
        };
        if self.word("TRANSACTION") {
            return self.transaction_characteristics(scope);
        }
        if self.word("PASSWORD") || self.word("ROLE") || self.word("STATEMENT") {
            return unsupported("this form of SET");
        }
        let name = self.name()?;
        let lower = name.to_ascii_lowercase();
        if let Some(system) = lower.strip_prefix("@@") {
            let (scope, name) = match system {
                "global" => (Scope::Global, self.dotted()?),
                "session" | "local" => (Scope::Session, self.dotted()?),
                name => (Scope::Any, name.to_owned()),
            };
            return self.system_setting(scope, name);
        }
        if let Some(user) = lower.strip_prefix('@') {
            self.assignment()?;
            return Ok(Setting::User { name: user.to_owned(), value: self.expr()? });
        }
        self.system_setting(scope, lower)
    }

    fn dotted(&mut self) -> Result<String> {
        if !self.parser.consume_token(&Token::Period) {
            return self.fail();
        }
        Ok(self.name()?.to_ascii_lowercase())
    }

    fn assignment(&mut self) -> Result<()> {
        if self.parser.consume_token(&Token::Eq) || self.parser.consume_token(&Token::Assignment) {
            Ok(())
        } else {
            self.fail()
        }
    }

    fn system_setting(&mut self, scope: Scope, name: String) -> Result<Setting> {
        self.assignment()?;
        let value = match self.bare_word() {
            Some(word) if literal_text(&word)?.eq_ignore_ascii_case("default") => None,
            Some(word) => Some(word),
            None => match self.expr()? {
                Expr::Default => None,
                value => Some(value),
            },
        };
        Ok(Setting::System { scope, name, value })
    }

    /// A charset or collation: a word or a string; None for DEFAULT.
    fn charset_name(&mut self) -> Result<Option<String>> {
        match self.any_word() {
            Some(word) if word.eq_ignore_ascii_case("default") => Ok(None),
            Some(word) => Ok(Some(word)),
            None => self.text().map(Some),
        }
    }

    fn names(&mut self) -> Result<Setting> {
        let charset = self.charset_name()?;
        let collation = if self.word("COLLATE") { self.charset_name()? } else { None };
        Ok(Setting::Names { charset, collation })
    }

    fn character_set(&mut self) -> Result<Setting> {
        Ok(Setting::Names { charset: self.charset_name()?, collation: None })
    }

    fn transaction_characteristics(&mut self, scope: Scope) -> Result<Setting> {
        let (mut isolation, mut read_only) = (None, None);
        loop {
            if self.word("ISOLATION") {
                self.expect("LEVEL")?;
                isolation = Some(self.isolation()?);
            } else {
                self.expect("READ")?;
                let only = self.word("ONLY");
                if !only {
                    self.expect("WRITE")?;
                }
                read_only = Some(only);
            }
            if !self.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        if scope == Scope::Global {
            return unsupported("SET GLOBAL TRANSACTION");
        }
        Ok(Setting::TransactionCharacteristics { isolation, read_only, session: scope == Scope::Session })
    }

    fn isolation(&mut self) -> Result<&'static str> {
        if self.word("SERIALIZABLE") {
            return Ok("SERIALIZABLE");
        }
        if self.word("REPEATABLE") {
            self.expect("READ")?;
            return Ok("REPEATABLE-READ");
        }
        self.expect("READ")?;
        if self.word("COMMITTED") {
            return Ok("READ-COMMITTED");
        }
        self.expect("UNCOMMITTED")?;
        Ok("READ-UNCOMMITTED")
    }
}
