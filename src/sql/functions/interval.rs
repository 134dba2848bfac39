//! Spans such as `INTERVAL 1 MONTH`, and moments moved by them.

use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, TimeDelta};

use crate::sql::types::temporal;

/// What an INTERVAL is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// MICROSECOND
    Microsecond,
    /// SECOND
    Second,
    /// MINUTE
    Minute,
    /// HOUR
    Hour,
    /// DAY
    Day,
    /// WEEK
    Week,
    /// MONTH
    Month,
    /// QUARTER
    Quarter,
    /// YEAR
    Year,
    /// Several units in one text, such as `'1:30' MINUTE_SECOND`.
    Compound(Compound),
}

/// Units that are given together: the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compound {
    largest: Part,
    smallest: Part,
}

/// A part of a compound unit, from large to small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Microsecond,
}

impl Unit {
    /// The unit of this name, compared without case.
    pub fn parse(name: &str) -> Option<Unit> {
        let compound = |largest, smallest| Some(Unit::Compound(Compound { largest, smallest }));
        match name.to_ascii_uppercase().trim_start_matches("SQL_TSI_") {
            "MICROSECOND" => Some(Unit::Microsecond),
            "SECOND" => Some(Unit::Second),
            "MINUTE" => Some(Unit::Minute),
            "HOUR" => Some(Unit::Hour),
            "DAY" => Some(Unit::Day),
            "WEEK" => Some(Unit::Week),
            "MONTH" => Some(Unit::Month),
            "QUARTER" => Some(Unit::Quarter),
            "YEAR" => Some(Unit::Year),
            "YEAR_MONTH" => compound(Part::Year, Part::Month),
            "DAY_HOUR" => compound(Part::Day, Part::Hour),
            "DAY_MINUTE" => compound(Part::Day, Part::Minute),
            "DAY_SECOND" => compound(Part::Day, Part::Second),
            "DAY_MICROSECOND" => compound(Part::Day, Part::Microsecond),
            "HOUR_MINUTE" => compound(Part::Hour, Part::Minute),
            "HOUR_SECOND" => compound(Part::Hour, Part::Second),
            "HOUR_MICROSECOND" => compound(Part::Hour, Part::Microsecond),
            "MINUTE_SECOND" => compound(Part::Minute, Part::Second),
            "MINUTE_MICROSECOND" => compound(Part::Minute, Part::Microsecond),
            "SECOND_MICROSECOND" => compound(Part::Second, Part::Microsecond),
            _ => None,
        }
    }

    /// Whether a day moved by it is still a whole day.
    pub fn is_whole_days(self) -> bool {
        match self {
            Unit::Day | Unit::Week | Unit::Month | Unit::Quarter | Unit::Year => true,
            Unit::Compound(compound) => compound.smallest == Part::Month,
            _ => false,
        }
    }

    /// Whether EXTRACT needs a day for it.
    pub(super) fn is_of_days(self) -> bool {
        match self {
            Unit::Week | Unit::Month | Unit::Quarter | Unit::Year => true,
            Unit::Compound(compound) => compound.smallest == Part::Month,
            _ => false,
        }
    }

    /// Characters of the longest number that EXTRACT gives.
    pub(super) fn extract_length(self) -> u32 {
        match self {
            Unit::Year => 4,
            Unit::Microsecond => 6,
            Unit::Compound(compound) => match (compound.largest, compound.smallest) {
                (Part::Year, _) => 6,
                (largest, Part::Microsecond) => 7 + 2 * (Part::Microsecond as u32 - largest as u32),
                (largest, smallest) => 2 + 2 * (1 + smallest as u32 - largest as u32),
            },
            _ => 2,
        }
    }

    /// Whether a moment moved by it may have microseconds though it had none.
    pub fn has_microseconds(self) -> bool {
        match self {
            Unit::Microsecond => true,
            Unit::Compound(compound) => compound.smallest == Part::Microsecond,
            _ => false,
        }
    }

    /// The parts of a moment that EXTRACT writes one after the other, as one number.
    pub fn extract(self, day: Option<NaiveDate>, time: TimeDelta) -> i64 {
        let micros = temporal::micros(time);
        let (seconds, micro) = (micros / 1_000_000, micros % 1_000_000);
        let clock = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60, micro];
        let date = day.map_or([0, 0, seconds / 86_400], |day| {
            [day.year().into(), day.month().into(), day.day().into()]
        });
        match self {
            Unit::Microsecond => micro,
            Unit::Second => clock[2],
            Unit::Minute => clock[1],
            Unit::Hour => clock[0],
            Unit::Day => date[2],
            Unit::Week => day.map_or(0, |day| super::calendar::week(day, 0).0.into()),
            Unit::Month => date[1],
            Unit::Quarter => (date[1] + 2) / 3,
            Unit::Year => date[0],
            Unit::Compound(Compound { largest, smallest }) => {
                let parts = [
                    (Part::Year, date[0], 1),
                    (Part::Month, date[1], 100),
                    (Part::Day, date[2], 100),
                    (Part::Hour, clock[0], 100),
                    (Part::Minute, clock[1], 100),
                    (Part::Second, clock[2], 100),
                    (Part::Microsecond, clock[3], 1_000_000),
                ];
                let wanted = parts.into_iter().filter(|(part, ..)| (largest..=smallest).contains(part));
                wanted.fold(0, |number, (_, value, room)| number * room + value)
            }
        }
    }
}

/// An amount of time: months, whose length depends on where they are, and microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    months: i64,
    micros: i64,
}

impl Interval {
    /// So many of a simple unit, with millionths of seconds. None if it is beyond all reason.
    pub fn new(unit: Unit, count: i64, micros: i64) -> Option<Interval> {
        const SECOND: i64 = 1_000_000;
        let months = |each: i64| count.checked_mul(each).map(|months| Interval { months, micros: 0 });
        let time = |each: i64| {
            let whole = count.checked_mul(each)?;
            whole.checked_add(micros).map(|micros| Interval { months: 0, micros })
        };
        match unit {
            Unit::Microsecond => time(1),
            Unit::Second => time(SECOND),
            Unit::Minute => time(60 * SECOND),
            Unit::Hour => time(3600 * SECOND),
            Unit::Day => time(86_400 * SECOND),
            Unit::Week => time(7 * 86_400 * SECOND),
            Unit::Month => months(1),
            Unit::Quarter => months(3),
            Unit::Year => months(12),
            Unit::Compound(_) => None,
        }
    }

    /// What a text says in a compound unit: its numbers, the last of which belongs to the smallest part.
    pub fn parse(compound: Compound, text: &str) -> Option<Interval> {
        let text = text.trim();
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let mut numbers: Vec<&str> = Vec::new();
        for number in text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()) {
            numbers.push(number);
        }
        let parts =
            [Part::Year, Part::Month, Part::Day, Part::Hour, Part::Minute, Part::Second, Part::Microsecond];
        let wanted: Vec<Part> =
            parts.into_iter().filter(|part| (compound.largest..=compound.smallest).contains(part)).collect();
        if numbers.len() > wanted.len() {
            return None;
        }
        let missing = wanted.len() - numbers.len();
        let mut interval = Interval::default();
        for (part, number) in wanted.into_iter().skip(missing).zip(numbers) {
            let value = match part {
                // The digits after a point: `.5` is half a second.
                Part::Microsecond => format!("{number:0<6}").get(..6)?.parse::<i64>().ok()?,
                _ => number.parse::<i64>().ok()?,
            };
            let add = |sum: i64, each: i64| value.checked_mul(each).and_then(|more| sum.checked_add(more));
            match part {
                Part::Year => interval.months = add(interval.months, 12)?,
                Part::Month => interval.months = add(interval.months, 1)?,
                Part::Day => interval.micros = add(interval.micros, 86_400_000_000)?,
                Part::Hour => interval.micros = add(interval.micros, 3_600_000_000)?,
                Part::Minute => interval.micros = add(interval.micros, 60_000_000)?,
                Part::Second => interval.micros = add(interval.micros, 1_000_000)?,
                Part::Microsecond => interval.micros = add(interval.micros, 1)?,
            }
        }
        Some(if negative { interval.negated() } else { interval })
    }

    /// Backwards.
    #[must_use]
    pub fn negated(self) -> Interval {
        Interval { months: -self.months, micros: -self.micros }
    }

    /// A moment moved; None beyond the years 0 to 9999. The day of a month that is too short becomes its last.
    pub fn add_to(self, moment: NaiveDateTime) -> Option<NaiveDateTime> {
        let months = Months::new(u32::try_from(self.months.unsigned_abs()).ok()?);
        let moved = if self.months < 0 {
            moment.checked_sub_months(months)
        } else {
            moment.checked_add_months(months)
        }?;
        let moved = moved.checked_add_signed(TimeDelta::microseconds(self.micros))?;
        temporal::in_range(moved.date()).then_some(moved)
    }

    /// A span made longer; None for an interval of months, and beyond the range of TIME.
    pub fn add_to_time(self, time: TimeDelta) -> Option<TimeDelta> {
        if self.months != 0 {
            return None;
        }
        let moved = time.checked_add(&TimeDelta::microseconds(self.micros))?;
        (!temporal::clamp_time(moved).1).then_some(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> NaiveDateTime {
        temporal::parse_datetime_exact(text).unwrap()
    }

    fn compound(name: &str, text: &str) -> Option<Interval> {
        let Some(Unit::Compound(compound)) = Unit::parse(name) else { panic!("{name}") };
        Interval::parse(compound, text)
    }

    #[test]
    fn months_end_at_the_last_day() {
        let month = Interval::new(Unit::Month, 1, 0).unwrap();
        assert_eq!(month.add_to(moment("2024-01-31")), Some(moment("2024-02-29")));
        assert_eq!(month.negated().add_to(moment("2024-03-31")), Some(moment("2024-02-29")));
        assert_eq!(Interval::new(Unit::Day, 1, 0).unwrap().add_to(moment("9999-12-31")), None);
    }

    #[test]
    fn compound_intervals_fill_from_the_smallest_part() {
        let start = moment("2024-01-01");
        let after = |name, text| compound(name, text).unwrap().add_to(start).unwrap();
        assert_eq!(after("MINUTE_SECOND", "1:30"), moment("2024-01-01 00:01:30"));
        assert_eq!(after("DAY_SECOND", "1 2:3:4"), moment("2024-01-02 02:03:04"));
        assert_eq!(after("DAY_SECOND", "10"), moment("2024-01-01 00:00:10"));
        assert_eq!(after("YEAR_MONTH", "1-2"), moment("2025-03-01"));
        assert_eq!(after("SECOND_MICROSECOND", "1.5"), moment("2024-01-01 00:00:01.5"));
        assert_eq!(compound("MINUTE_SECOND", "1:2:3"), None);
    }
}
