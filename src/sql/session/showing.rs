//! SHOW.

use std::{mem, sync::Arc};

use super::{Diagnostics, Session};
use crate::{
    error::{Error, Result},
    sql::{
        outcome::{Outcome, Rows},
        parse::ast::{Expr, Limit, Literal, Show, ShowKind},
        plan,
        system::{self, Listing, View},
        types::{DataType, ExprType, Level, ResultColumn, Row, TextWidth, Value},
    },
};

/// Characters of a message of SHOW WARNINGS.
const MESSAGE: u32 = 512;

impl Session {
    /// The server as the session sees it.
    pub(super) fn view(&self) -> View {
        View {
            engine: Arc::clone(&self.engine),
            home: self.home,
            login: Arc::clone(&self.login),
            variables: Arc::clone(&self.variables),
            facts: self.facts(),
        }
    }

    pub(super) fn show(&mut self, show: &Show) -> Result<Outcome> {
        // SHOW WARNINGS leaves what it shows.
        let keeps = matches!(show.what, ShowKind::Warnings { .. } | ShowKind::Errors { .. });
        if !keeps {
            self.clear_diagnostics();
        }
        if show.what == ShowKind::Export {
            return self.export();
        }
        let listing = self.listing(show)?;
        let plan = plan::listing(&self.environment(&[]), listing, show.filter.as_ref())?;
        let kept = keeps.then(|| mem::take(&mut self.diagnostics));
        let outcome = self.run_listing(plan)?;
        if let Some(kept) = kept {
            self.run = None;
            self.diagnostics = Diagnostics { listed: true, ..kept };
        }
        Ok(outcome)
    }

    /// The headings that [`Self::show`] will answer with.
    pub(super) fn show_columns(&self, show: &Show) -> Result<Arc<[ResultColumn]>> {
        if show.what == ShowKind::Export {
            return Ok(export_columns());
        }
        Ok(self.listing(show)?.columns.into())
    }

    fn listing(&self, show: &Show) -> Result<Listing> {
        match &show.what {
            ShowKind::Warnings { count: true, .. } => {
                Ok(count("@@session.warning_count", self.facts().warnings))
            }
            ShowKind::Errors { count: true, .. } => Ok(count("@@session.error_count", self.facts().errors)),
            ShowKind::Warnings { limit, .. } => self.diagnostics_listing(limit, &[]),
            ShowKind::Errors { limit, .. } => self.diagnostics_listing(limit, &[Level::Note, Level::Warning]),
            _ => system::show(&self.view(), self.database.as_deref(), show),
        }
    }

    /// What the last statement remarked, except the levels left out.
    fn diagnostics_listing(&self, limit: &Limit, without: &[Level]) -> Result<Listing> {
        let skip = limit.offset.as_ref().map_or(Ok(0), number)?;
        let take = limit.count.as_ref().map_or(Ok(usize::MAX), number)?;
        let warnings = self.diagnostics.warnings.iter().filter(|warning| !without.contains(&warning.level));
        let rows = warnings.skip(skip).take(take).map(|warning| {
            vec![
                Value::text(warning.level.name()),
                Value::UInt(warning.code.into()),
                Value::text(&warning.message),
            ]
        });
        let columns =
            [("Level", ExprType::text(7)), ("Code", ExprType::int(4)), ("Message", ExprType::text(MESSAGE))];
        Ok(Listing {
            columns: columns.map(|(name, expr_type)| ResultColumn::expression(name, expr_type)).into(),
            rows: rows.collect(),
        })
    }

    /// SHOW EXPORT: the lines of an export file, with their line feeds.
    fn export(&mut self) -> Result<Outcome> {
        if self.home != 0 {
            return Err(Error::AccessDenied("export everyone's rows".to_owned()));
        }
        let lines = self.engine.catalog.export()?;
        let rows = lines.map(|line| -> Result<Row> { Ok(vec![Value::text(line?)]) });
        Ok(Outcome::Rows(Rows { columns: export_columns(), may_run_long: true, rows: Box::new(rows) }))
    }
}

fn export_columns() -> Arc<[ResultColumn]> {
    let line = ExprType::new(DataType::Text(TextWidth::Long));
    Arc::new([ResultColumn::expression("Line", line)])
}

fn count(heading: &str, count: u64) -> Listing {
    Listing {
        columns: vec![ResultColumn::expression(heading, ExprType::bigint(21, true))],
        rows: vec![vec![Value::UInt(count)]],
    }
}

/// A number of LIMIT.
fn number(expr: &Expr) -> Result<usize> {
    match expr {
        Expr::Literal(Literal::Number(digits)) => {
            digits.parse().map_err(|_| Error::Syntax(format!("'{digits}' is no number of rows")))
        }
        _ => Err(Error::Internal("LIMIT of SHOW is a number".to_owned())),
    }
}
