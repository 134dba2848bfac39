//! Random expressions of dates and times.

use super::*;

const MOMENTS: &[&str] = &[
    "'2024-02-29'",
    "'2023-12-31 23:59:59'",
    "'2024-01-01 00:00:00'",
    "DATE '2000-01-01'",
    "DATE '1999-12-31'",
    "TIMESTAMP '2024-03-10 12:30:45.5'",
    "TIMESTAMP '1969-12-31 23:59:59'",
    "'2024-1-2'",
    "NULL",
];
const TIMES: &[&str] =
    &["'12:30:45'", "'-01:00:00'", "'838:59:59'", "'1 02:03:04'", "TIME '00:00:01.25'", "'10:11'"];
const UNITS: &[&str] =
    &["MICROSECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"];
const FIELDS: &[&str] = &[
    "YEAR",
    "MONTH",
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "QUARTER",
    "WEEK",
    "YEAR_MONTH",
    "DAY_HOUR",
    "HOUR_MINUTE",
];
const FORMATS: &[&str] = &[
    "%Y-%m-%d",
    "%W %M %e %y",
    "%H:%i:%s.%f",
    "%j %U %u %V %v",
    "%X %x",
    "%D %a %b %c",
    "%h %p %r %T",
    "%k %l %%",
];

impl Generator {
    /// A date, with or without a time.
    pub(super) fn moment(&mut self, depth: u32) -> String {
        if depth == 0 || self.chance(40) {
            return self.pick(MOMENTS).to_owned();
        }
        let depth = depth - 1;
        match self.random.random_range(0..12) {
            0 | 1 => {
                let function = self.pick(&["DATE_ADD", "DATE_SUB"]);
                // The sum of a text and an interval is a text to cometql, and not quite to MariaDB.
                format!("{function}(TIMESTAMP({}), INTERVAL {})", self.moment(depth), self.interval())
            }
            2 => format!("(DATE({}) + INTERVAL {})", self.moment(depth), self.interval()),
            3 => format!("LAST_DAY({})", self.moment(depth)),
            4 => format!("DATE({})", self.moment(depth)),
            5 => format!("FROM_DAYS({})", self.random.random_range(700_000..740_000)),
            6 => format!("FROM_UNIXTIME({})", self.random.random_range(0..2_000_000_000)),
            7 => format!(
                "MAKEDATE({}, {})",
                self.random.random_range(1990..2030),
                self.random.random_range(-1..800)
            ),
            8 => format!("TIMESTAMP({})", self.moment(depth)),
            9 => {
                format!("CAST({} AS {})", self.moment(depth), self.pick(&["DATE", "DATETIME", "DATETIME(3)"]))
            }
            10 => format!("IF({}, {}, {})", self.condition(0), self.moment(depth), self.moment(depth)),
            _ => format!("COALESCE({}, {})", self.moment(depth), self.moment(depth)),
        }
    }

    /// A time of a day, or between two moments.
    fn time(&mut self, depth: u32) -> String {
        if depth == 0 || self.chance(40) {
            return self.pick(TIMES).to_owned();
        }
        let depth = depth - 1;
        match self.random.random_range(0..6) {
            0 => format!("SEC_TO_TIME({})", self.random.random_range(-5_000..100_000)),
            1 => format!(
                "MAKETIME({}, {}, {})",
                self.random.random_range(-30..30),
                self.random.random_range(0..62),
                self.random.random_range(0..62)
            ),
            2 => format!("TIMEDIFF({}, {})", self.time(depth), self.time(depth)),
            3 => {
                let function = self.pick(&["ADDTIME", "SUBTIME"]);
                format!("{function}({}, {})", self.time(depth), self.time(depth))
            }
            4 => format!("CAST({} AS {})", self.time(depth), self.pick(&["TIME", "TIME(2)"])),
            // A date without a time, as text, would be taken for a time.
            _ => format!("TIME(TIMESTAMP({}))", self.moment(depth)),
        }
    }

    fn interval(&mut self) -> String {
        let unit = self.pick(UNITS);
        match self.random.random_range(0..6) {
            0 => format!("'1:30' {}", self.pick(&["MINUTE_SECOND", "HOUR_MINUTE", "DAY_HOUR", "YEAR_MONTH"])),
            1 => format!("{} {unit}", self.column(Kind::Number)),
            _ => format!("{} {unit}", self.random.random_range(-40..40)),
        }
    }

    pub(super) fn number_of_moment(&mut self, depth: u32) -> String {
        match self.random.random_range(0..8) {
            0 => {
                let function = self.pick(&["HOUR", "MINUTE", "SECOND", "MICROSECOND", "TIME_TO_SEC"]);
                format!("{function}({})", self.time(depth))
            }
            1 | 2 => {
                let function = self.pick(&[
                    "YEAR",
                    "MONTH",
                    "DAYOFMONTH",
                    "DAYOFWEEK",
                    "DAYOFYEAR",
                    "WEEKDAY",
                    "QUARTER",
                    "TO_DAYS",
                    "TO_SECONDS",
                    "WEEKOFYEAR",
                    "YEARWEEK",
                    "UNIX_TIMESTAMP",
                ]);
                format!("{function}({})", self.moment(depth))
            }
            3 => format!("WEEK({}, {})", self.moment(depth), self.random.random_range(0..8)),
            4 => format!("DATEDIFF({}, {})", self.moment(depth), self.moment(depth)),
            5 => {
                format!("TIMESTAMPDIFF({}, {}, {})", self.pick(UNITS), self.moment(depth), self.moment(depth))
            }
            _ => format!("EXTRACT({} FROM {})", self.pick(FIELDS), self.moment(depth)),
        }
    }

    pub(super) fn text_of_moment(&mut self, depth: u32) -> String {
        match self.random.random_range(0..6) {
            0 | 1 => format!("DATE_FORMAT({}, '{}')", self.moment(depth), self.pick(FORMATS)),
            2 => format!("CONCAT({}, 'x')", self.moment(depth)),
            3 => format!("{}({})", self.pick(&["DAYNAME", "MONTHNAME"]), self.moment(depth)),
            4 => format!("CONCAT('', {})", self.time(depth)),
            _ => format!("TIME_FORMAT({}, '%H %i %s')", self.time(depth)),
        }
    }

    pub(super) fn condition_of_moments(&mut self, depth: u32) -> String {
        let operator = self.pick(&["=", "<>", "<", "<=", ">", ">=", "<=>"]);
        match self.random.random_range(0..5) {
            0 | 1 => format!("({} {operator} {})", self.moment(depth), self.moment(depth)),
            2 => {
                format!("({} BETWEEN {} AND {})", self.moment(depth), self.moment(depth), self.moment(depth))
            }
            3 => format!("({} {operator} {})", self.time(depth), self.time(depth)),
            _ => format!("({} IN ({}, {}))", self.moment(depth), self.moment(depth), self.moment(depth)),
        }
    }
}
