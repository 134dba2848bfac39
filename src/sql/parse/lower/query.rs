//! SELECT.

use sqlparser::ast as sp;

use super::{Lower, names, refuse, simple_name, table_name, unsupported};
use crate::{
    error::{Error, Result},
    sql::parse::ast,
};

impl Lower<'_> {
    pub(super) fn query(&self, query: sp::Query) -> Result<ast::Query> {
        let sp::Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        refuse(with.is_some(), "WITH")?;
        refuse(fetch.is_some(), "FETCH")?;
        // FOR UPDATE needs no lock: writes of a row that changed meanwhile fail with a conflict.
        for lock in &locks {
            refuse(lock.of.is_some(), "FOR UPDATE OF")?;
        }
        refuse(
            for_clause.is_some() || settings.is_some() || format_clause.is_some(),
            "FOR, SETTINGS, FORMAT",
        )?;
        refuse(!pipe_operators.is_empty(), "|>")?;
        Ok(ast::Query {
            body: self.body(*body)?,
            order_by: self.order_by(order_by)?,
            limit: self.limit(limit_clause)?,
        })
    }

    fn body(&self, body: sp::SetExpr) -> Result<ast::Body> {
        match body {
            sp::SetExpr::Select(select) => Ok(ast::Body::Select(Box::new(self.select(*select)?))),
            sp::SetExpr::Query(query) => Ok(ast::Body::Query(Box::new(self.query(*query)?))),
            sp::SetExpr::SetOperation { .. } => self.union(body),
            sp::SetExpr::Values(_) => unsupported("VALUES"),
            _ => unsupported("this statement in place of a SELECT"),
        }
    }

    /// UNIONs lean to the left, so that a long one is taken apart in a loop.
    fn union(&self, mut body: sp::SetExpr) -> Result<ast::Body> {
        let mut others = Vec::new();
        while let sp::SetExpr::SetOperation { left, op, set_quantifier, right } = body {
            refuse(!matches!(op, sp::SetOperator::Union), "EXCEPT, INTERSECT")?;
            let all = match set_quantifier {
                sp::SetQuantifier::All => true,
                sp::SetQuantifier::None | sp::SetQuantifier::Distinct => false,
                _ => return unsupported("UNION BY NAME"),
            };
            others.push((all, self.body(*right)?));
            body = *left;
        }
        others.reverse();
        Ok(ast::Body::Union(Box::new(self.body(body)?), others))
    }

    fn select(&self, select: sp::Select) -> Result<ast::Select> {
        let sp::Select {
            select_token,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        // Hints are comments to MariaDB too.
        drop(optimizer_hints);
        refuse(top.is_some(), "TOP")?;
        refuse(exclude.is_some(), "EXCLUDE")?;
        refuse(into.is_some(), "SELECT INTO")?;
        refuse(!lateral_views.is_empty(), "LATERAL VIEW")?;
        refuse(prewhere.is_some(), "PREWHERE")?;
        refuse(!connect_by.is_empty(), "CONNECT BY")?;
        refuse(!cluster_by.is_empty() || !distribute_by.is_empty() || !sort_by.is_empty(), "SORT BY")?;
        refuse(!named_window.is_empty(), "WINDOW")?;
        refuse(qualify.is_some(), "QUALIFY")?;
        refuse(value_table_mode.is_some(), "SELECT AS")?;
        refuse(!matches!(flavor, sp::SelectFlavor::Standard), "FROM before SELECT")?;
        let distinct = match distinct {
            None | Some(sp::Distinct::All) => false,
            Some(sp::Distinct::Distinct) => true,
            Some(sp::Distinct::On(_)) => return unsupported("DISTINCT ON"),
        };
        // The other modifiers are advice about speed.
        let calc_found_rows = select_modifiers.is_some_and(|modifiers| modifiers.sql_calc_found_rows);
        let items = self.items(projection, self.source.headings(select_token.0.span.start))?;
        let from = self.from(from)?;
        let filter = selection.map(|filter| self.expr(filter)).transpose()?;
        let group_by = match group_by {
            sp::GroupByExpr::Expressions(exprs, modifiers) => {
                refuse(!modifiers.is_empty(), "GROUP BY ... WITH")?;
                exprs
                    .into_iter()
                    .map(|expr| Ok(ast::OrderBy { expr: self.expr(expr)?, descending: false }))
                    .collect::<Result<_>>()?
            }
            sp::GroupByExpr::All(_) => return unsupported("GROUP BY ALL"),
        };
        let having = having.map(|having| self.expr(having)).transpose()?;
        Ok(ast::Select { distinct, calc_found_rows, items, from, filter, group_by, having })
    }

    /// The elements of a select list, or of RETURNING.
    pub(super) fn items(&self, list: Vec<sp::SelectItem>, headings: &[String]) -> Result<Vec<ast::Item>> {
        let items = list
            .into_iter()
            .enumerate()
            .map(|(position, item)| self.item(item, headings.get(position)))
            .collect::<Result<Vec<_>>>()?;
        if items.iter().skip(1).any(|item| *item == ast::Item::Wildcard) {
            return Err(Error::Syntax("'*' comes first".to_owned()));
        }
        Ok(items)
    }

    fn item(&self, item: sp::SelectItem, heading: Option<&String>) -> Result<ast::Item> {
        let heading = || heading.cloned().unwrap_or_default();
        match item {
            sp::SelectItem::UnnamedExpr(expr) => {
                Ok(ast::Item::Expr { expr: self.expr(expr)?, alias: None, text: heading() })
            }
            sp::SelectItem::ExprWithAlias { expr, alias } => {
                Ok(ast::Item::Expr { expr: self.expr(expr)?, alias: Some(alias.value), text: heading() })
            }
            sp::SelectItem::Wildcard(options) => {
                refuse_wildcard_options(options)?;
                Ok(ast::Item::Wildcard)
            }
            sp::SelectItem::QualifiedWildcard(
                sp::SelectItemQualifiedWildcardKind::ObjectName(name),
                options,
            ) => {
                refuse_wildcard_options(options)?;
                Ok(ast::Item::TableWildcard(table_name(name)?))
            }
            _ => unsupported("this element of a select list"),
        }
    }

    fn from(&self, tables: Vec<sp::TableWithJoins>) -> Result<Option<ast::From>> {
        let mut joined: Option<ast::From> = None;
        for table in tables {
            let right = self.table_with_joins(table)?;
            joined = Some(match joined {
                None => right,
                Some(left) => ast::From::Join {
                    left: Box::new(left),
                    right: Box::new(right),
                    kind: ast::JoinKind::Inner,
                    on: ast::JoinCondition::None,
                },
            });
        }
        Ok(match joined {
            // FROM DUAL is no table at all.
            Some(ast::From::Table { name, alias: None })
                if name.database.is_none() && name.name.eq_ignore_ascii_case("dual") =>
            {
                None
            }
            joined => joined,
        })
    }

    pub(super) fn table_with_joins(&self, table: sp::TableWithJoins) -> Result<ast::From> {
        let mut left = self.table_factor(table.relation)?;
        for join in table.joins {
            refuse(join.global, "GLOBAL JOIN")?;
            let right = self.table_factor(join.relation)?;
            use sp::JoinOperator as Op;
            let (kind, constraint) = match join.join_operator {
                Op::Join(constraint)
                | Op::Inner(constraint)
                | Op::CrossJoin(constraint)
                | Op::StraightJoin(constraint) => (ast::JoinKind::Inner, constraint),
                Op::Left(constraint) | Op::LeftOuter(constraint) => (ast::JoinKind::Left, constraint),
                Op::Right(constraint) | Op::RightOuter(constraint) => (ast::JoinKind::Right, constraint),
                _ => return unsupported("this kind of JOIN"),
            };
            let on = match constraint {
                sp::JoinConstraint::On(expr) => ast::JoinCondition::On(self.expr(expr)?),
                sp::JoinConstraint::Using(columns) => {
                    ast::JoinCondition::Using(columns.into_iter().map(simple_name).collect::<Result<_>>()?)
                }
                sp::JoinConstraint::Natural => ast::JoinCondition::Natural,
                sp::JoinConstraint::None if kind != ast::JoinKind::Inner => {
                    return Err(Error::Syntax("LEFT and RIGHT JOIN need ON or USING".to_owned()));
                }
                sp::JoinConstraint::None => ast::JoinCondition::None,
            };
            left = ast::From::Join { left: Box::new(left), right: Box::new(right), kind, on };
        }
        Ok(left)
    }

    fn table_factor(&self, factor: sp::TableFactor) -> Result<ast::From> {
        match factor {
            sp::TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                // Advice about indexes: the planner chooses by itself.
                index_hints: _,
            } => {
                refuse(args.is_some(), "table function")?;
                refuse(!with_hints.is_empty(), "WITH hints")?;
                refuse(version.is_some(), "FOR SYSTEM_TIME")?;
                refuse(with_ordinality, "WITH ORDINALITY")?;
                refuse(!partitions.is_empty(), "PARTITION")?;
                refuse(json_path.is_some() || sample.is_some(), "TABLESAMPLE")?;
                let alias = alias.map(|alias| self.alias(alias)).transpose()?;
                if alias.as_ref().is_some_and(|(_, columns)| !columns.is_empty()) {
                    return unsupported("column aliases of a table");
                }
                Ok(ast::From::Table { name: table_name(name)?, alias: alias.map(|(name, _)| name) })
            }
            sp::TableFactor::Derived { lateral, subquery, alias, sample } => {
                refuse(lateral, "LATERAL")?;
                refuse(sample.is_some(), "TABLESAMPLE")?;
                let query = Box::new(self.query(*subquery)?);
                let (alias, columns) = match alias.map(|alias| self.alias(alias)).transpose()? {
                    Some((alias, columns)) => (Some(alias), columns),
                    None => (None, Vec::new()),
                };
                Ok(ast::From::Derived { query, alias, columns })
            }
            sp::TableFactor::NestedJoin { table_with_joins, alias } => {
                refuse(alias.is_some(), "alias of a JOIN")?;
                self.table_with_joins(*table_with_joins)
            }
            _ => unsupported("this kind of table"),
        }
    }

    pub(super) fn alias(&self, alias: sp::TableAlias) -> Result<(String, Vec<String>)> {
        let sp::TableAlias { explicit: _, name, columns, at } = alias;
        refuse(at.is_some(), "AT")?;
        let columns = columns.into_iter().map(|column| column.name.value).collect();
        Ok((name.value, columns))
    }

    fn order_by(&self, order_by: Option<sp::OrderBy>) -> Result<Vec<ast::OrderBy>> {
        let Some(sp::OrderBy { kind, interpolate }) = order_by else { return Ok(Vec::new()) };
        refuse(interpolate.is_some(), "INTERPOLATE")?;
        match kind {
            sp::OrderByKind::Expressions(exprs) => self.order_by_list(exprs),
            sp::OrderByKind::All(_) => unsupported("ORDER BY ALL"),
        }
    }

    pub(super) fn order_by_list(&self, exprs: Vec<sp::OrderByExpr>) -> Result<Vec<ast::OrderBy>> {
        exprs
            .into_iter()
            .map(|sp::OrderByExpr { expr, options, with_fill }| {
                refuse(with_fill.is_some(), "WITH FILL")?;
                refuse(options.nulls_first.is_some(), "NULLS FIRST, NULLS LAST")?;
                let descending = match options.sort {
                    None | Some(sp::OrderBySort::Asc) => false,
                    Some(sp::OrderBySort::Desc) => true,
                    Some(sp::OrderBySort::Using(_)) => return unsupported("ORDER BY USING"),
                };
                Ok(ast::OrderBy { expr: self.expr(expr)?, descending })
            })
            .collect()
    }

    fn limit(&self, clause: Option<sp::LimitClause>) -> Result<ast::Limit> {
        match clause {
            None => Ok(ast::Limit::default()),
            Some(sp::LimitClause::LimitOffset { limit, offset, limit_by }) => {
                refuse(!limit_by.is_empty(), "LIMIT BY")?;
                let count = limit.map(|limit| self.limit_value(limit)).transpose()?;
                let offset = offset.map(|offset| self.limit_value(offset.value)).transpose()?;
                if count.is_none() && offset.is_some() {
                    return unsupported("OFFSET without LIMIT");
                }
                Ok(ast::Limit { count, offset })
            }
            Some(sp::LimitClause::OffsetCommaLimit { offset, limit }) => Ok(ast::Limit {
                count: Some(self.limit_value(limit)?),
                offset: Some(self.limit_value(offset)?),
            }),
        }
    }

    /// A number or a parameter; a string of digits too, as CometQL always read its numbers.
    pub(super) fn limit_value(&self, expr: sp::Expr) -> Result<ast::Expr> {
        match self.expr(expr)? {
            ast::Expr::Param(number) => Ok(ast::Expr::Param(number)),
            ast::Expr::Literal(ast::Literal::Number(digits) | ast::Literal::Text(digits))
                if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                Ok(ast::Expr::Literal(ast::Literal::Number(digits)))
            }
            _ => Err(Error::Syntax("LIMIT takes whole numbers".to_owned())),
        }
    }

    pub(super) fn column_name(&self, name: sp::ObjectName) -> Result<(Option<String>, String)> {
        let mut parts = names(name)?;
        let column = parts.pop().unwrap_or_default();
        match parts.len() {
            0 | 1 => Ok((parts.pop(), column)),
            2 => Ok((parts.pop(), column)),
            _ => unsupported("name of four parts"),
        }
    }
}

fn refuse_wildcard_options(options: sp::WildcardAdditionalOptions) -> Result<()> {
    let sp::WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    let any = opt_ilike.is_some()
        || opt_exclude.is_some()
        || opt_except.is_some()
        || opt_replace.is_some()
        || opt_rename.is_some()
        || opt_alias.is_some();
    refuse(any, "options of *")
}
