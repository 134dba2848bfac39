//! Packets in: which commands opensrv gets to see, and the answers to the others.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
};

use mysql_common::constants::Command as CommandByte;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    client::status_flags,
    column,
    connection::{Connection, Verdict, open_session},
    login::{Login, LoginError},
    packet,
    patch::Patch,
    prepared::statement_id,
};
use crate::{
    error::{Error, Result},
    sql::system::ProcessList,
};

/// The first bytes of commands.
pub(super) const COM_QUERY: u8 = CommandByte::COM_QUERY as u8;
const COM_QUIT: u8 = CommandByte::COM_QUIT as u8;
const COM_INIT_DB: u8 = CommandByte::COM_INIT_DB as u8;
const COM_FIELD_LIST: u8 = CommandByte::COM_FIELD_LIST as u8;
const COM_STATISTICS: u8 = CommandByte::COM_STATISTICS as u8;
const COM_PROCESS_KILL: u8 = CommandByte::COM_PROCESS_KILL as u8;
const COM_PING: u8 = CommandByte::COM_PING as u8;
const COM_CHANGE_USER: u8 = CommandByte::COM_CHANGE_USER as u8;
pub(super) const COM_STMT_PREPARE: u8 = CommandByte::COM_STMT_PREPARE as u8;
pub(super) const COM_STMT_EXECUTE: u8 = CommandByte::COM_STMT_EXECUTE as u8;
const COM_STMT_SEND_LONG_DATA: u8 = CommandByte::COM_STMT_SEND_LONG_DATA as u8;
const COM_STMT_CLOSE: u8 = CommandByte::COM_STMT_CLOSE as u8;
const COM_STMT_RESET: u8 = CommandByte::COM_STMT_RESET as u8;
const COM_SET_OPTION: u8 = CommandByte::COM_SET_OPTION as u8;
const COM_RESET_CONNECTION: u8 = CommandByte::COM_RESET_CONNECTION as u8;

/// SET_OPTION's arguments.
const MULTI_STATEMENTS_ON: u16 = 0;
const MULTI_STATEMENTS_OFF: u16 = 1;
/// Bytes of wrong text that an error shows.
const SHOWN_TEXT: usize = 32;
/// A length-encoded NULL: no default value.
const NO_DEFAULT: u8 = 0xfb;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Says what becomes of a command. `sequence` is the number of the answer's first packet; a dialogue before the
    /// answer counts it on.
    pub(super) async fn judge<'a>(&mut self, payload: &'a [u8], sequence: &mut u8) -> Verdict<'a> {
        let Some((&command, rest)) = payload.split_first() else {
            return self.answer(Err(Error::MalformedPacket)).await;
        };
        match command {
            COM_QUIT => Verdict::Pass(Cow::Borrowed(payload)),
            COM_PING => {
                let status = status_flags(self.client.session.lock().await.status(), false);
                self.carrier.bridge.patch(Patch::Ok { status, warnings: 0, info: String::new() });
                Verdict::Pass(Cow::Borrowed(&[COM_PING]))
            }
            COM_QUERY | COM_INIT_DB | COM_STMT_PREPARE => match check_text(rest) {
                Ok(text) if command == COM_QUERY && is_answered_by_opensrv(text) => {
                    Verdict::Pass([&[COM_QUERY, b' '], rest].concat().into())
                }
                Ok(_) => Verdict::Pass(Cow::Borrowed(payload)),
                Err(error) => self.answer(Err(error)).await,
            },
            COM_STMT_EXECUTE => {
                let command = self.client.prepared.lock().execute(payload);
                match command {
                    Ok(command) => Verdict::Pass(command),
                    Err(error) => self.answer(Err(error)).await,
                }
            }
            COM_STMT_SEND_LONG_DATA => {
                self.client.prepared.lock().append_long_data(payload, self.port.settings.max_packet);
                Verdict::Answer(Vec::new())
            }
            COM_STMT_CLOSE => match statement_id(payload) {
                Some(id) if self.client.prepared.lock().contains(id) => Verdict::Pass(Cow::Borrowed(payload)),
                _ => Verdict::Answer(Vec::new()),
            },
            COM_STMT_RESET => {
                let reset = self.reset_statement(payload);
                self.answer(reset).await
            }
            COM_STATISTICS => Verdict::Answer(vec![self.entered.connections().statistics().into_bytes()]),
            COM_PROCESS_KILL => {
                let killed = self.kill(rest);
                self.answer(killed).await
            }
            COM_RESET_CONNECTION => {
                self.client.session.lock().await.reset();
                let client = Arc::clone(&self.client);
                client.prepared.lock().clear();
                match self.replace(client) {
                    Ok(()) => self.answer(Ok(())).await,
                    Err(error) => Verdict::Refuse(Error::Internal(error.to_string())),
                }
            }
            COM_SET_OPTION => self.set_option(rest).await,
            COM_FIELD_LIST => match self.field_list(rest).await {
                Ok(payloads) => Verdict::Answer(payloads),
                Err(error) => self.answer(Err(error)).await,
            },
            COM_CHANGE_USER => self.change_user(payload, sequence).await,
            _ => self.answer(Err(Error::UnknownCommand)).await,
        }
    }

    /// OK or ERR.
    async fn answer(&mut self, result: Result<()>) -> Verdict<'static> {
        Verdict::Answer(vec![match result {
            Ok(()) => packet::ok(status_flags(self.client.session.lock().await.status(), false), 0),
            Err(error) => packet::err(&error, self.client.error_codes),
        }])
    }

    fn reset_statement(&self, payload: &[u8]) -> Result<()> {
        self.client.prepared.lock().find(payload, "mysqld_stmt_reset").map(|(_, statement)| statement.reset())
    }

    fn kill(&self, argument: &[u8]) -> Result<()> {
        let id = argument.try_into().map(u32::from_le_bytes).map_err(|_| Error::MalformedPacket)?;
        self.entered.connections().kill(id, self.client.tenant, false)
    }

    async fn set_option(&mut self, argument: &[u8]) -> Verdict<'static> {
        let option = argument.try_into().map(u16::from_le_bytes);
        match option {
            Ok(option @ (MULTI_STATEMENTS_ON | MULTI_STATEMENTS_OFF)) => {
                self.client.multi_statements.store(option == MULTI_STATEMENTS_ON, Ordering::Relaxed);
                let status = status_flags(self.client.session.lock().await.status(), false);
                Verdict::Answer(vec![packet::eof(status, 0).into()])
            }
            _ => self.answer(Err(Error::UnknownCommand)).await,
        }
    }

    /// A table's columns, as the `mariadb` client asks for them at its start.
    async fn field_list(&mut self, argument: &[u8]) -> Result<Vec<Vec<u8>>> {
        let table = argument.split(|byte| *byte == 0).next().unwrap_or_default();
        let table = check_text(table)?.replace('`', "``");
        let mut session = self.client.session.lock().await;
        let info = session.prepare(&format!("SELECT * FROM `{table}`"))?;
        session.close_prepared(info.id);
        let mut payloads: Vec<_> = info
            .columns
            .iter()
            .map(|column| {
                let mut payload = Vec::new();
                column::put_definition(&mut payload, column);
                payload.push(NO_DEFAULT);
                payload
            })
            .collect();
        payloads.push(packet::eof(status_flags(session.status(), false), 0).into());
        Ok(payloads)
    }

    /// The password is checked as at the login; the session and its statements begin anew.
    async fn change_user(&mut self, payload: &[u8], sequence: &mut u8) -> Verdict<'static> {
        let port = Arc::clone(&self.port);
        let login = Login::new(&port, self.peer, self.nonce);
        let authenticated =
            match login.change_user(&mut self.socket, payload, *sequence, self.capabilities).await {
                Ok(authenticated) => authenticated,
                Err(LoginError::Gone) => return Verdict::Refuse(Error::MalformedPacket),
                // As in MySQL, the connection does not outlive a failed change.
                Err(LoginError::Refused(error, number)) => {
                    *sequence = number;
                    return Verdict::Refuse(error);
                }
            };
        *sequence = authenticated.sequence;
        match open_session(&port, &self.entered, self.peer, authenticated) {
            Ok(client) => match self.replace(client) {
                Ok(()) => self.answer(Ok(())).await,
                Err(error) => Verdict::Refuse(Error::Internal(error.to_string())),
            },
            Err(error) => Verdict::Refuse(error),
        }
    }
}

/// opensrv answers `SELECT @@max_allowed_packet` by itself, and looks only at texts that begin like this.
fn is_answered_by_opensrv(text: &str) -> bool {
    text.starts_with("SELECT @@") || text.starts_with("select @@")
}

fn check_text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let wrong = &bytes[error.valid_up_to()..];
        let shown = &wrong[..wrong.len().min(SHOWN_TEXT)];
        Error::InvalidText(shown.escape_ascii().to_string())
    })
}
