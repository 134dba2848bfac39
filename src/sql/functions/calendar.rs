//! Days as the calendar counts them: weeks, names, day numbers.

use chrono::{Datelike, NaiveDate, TimeDelta};

/// Names of the months.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Names of the days of the week, from Monday.
pub(super) const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Days from the year 0 to 0001-01-01 in MySQL's count, which is that of TO_DAYS.
const DAYS_BEFORE_YEAR_1: i32 = 365;

/// Name of a month.
pub(super) fn month_name(day: NaiveDate) -> &'static str {
    MONTHS[usize::try_from(day.month0()).unwrap_or(0)]
}

/// Name of a day of the week.
pub(super) fn weekday_name(day: NaiveDate) -> &'static str {
    WEEKDAYS[usize::try_from(day.weekday().num_days_from_monday()).unwrap_or(0)]
}

/// Number of a day, from the year 0.
pub(super) fn day_number(day: NaiveDate) -> i64 {
    i64::from(day.num_days_from_ce() + DAYS_BEFORE_YEAR_1)
}

/// The day of a number; None beyond the year 9999, and within the year 0.
pub(super) fn day_of_number(number: i64) -> Option<NaiveDate> {
    let day =
        NaiveDate::from_num_days_from_ce_opt(i32::try_from(number).ok()?.checked_sub(DAYS_BEFORE_YEAR_1)?)?;
    (1..=9999).contains(&day.year()).then_some(day)
}

/// The last day of a day's month.
pub(super) fn last_of_month(day: NaiveDate) -> Option<NaiveDate> {
    let (year, month) = if day.month() == 12 { (day.year() + 1, 1) } else { (day.year(), day.month() + 1) };
    NaiveDate::from_ymd_opt(year, month, 1)?.pred_opt()
}

/// The week that a day is in, and that week's year, in one of MySQL's modes. Bit 0: weeks begin on Monday, not Sunday.
/// Bit 1: the days before week 1 belong to the last week of the year before, not to a week 0. Bit 2 turns around what
/// week 1 is: the first with four days in the year if weeks begin on Monday, else the first that is wholly in it.
pub(super) fn week(day: NaiveDate, mode: u32) -> (u32, i32) {
    let from_monday = mode & 1 != 0;
    let wraps = mode & 2 != 0;
    let whole_first_week = (mode & 4 != 0) == from_monday;
    let first_day = |year: i32| {
        let new_year = NaiveDate::from_ymd_opt(year, 1, 1)?;
        let weekday = new_year.weekday();
        let into_week = i64::from(if from_monday {
            weekday.num_days_from_monday()
        } else {
            weekday.num_days_from_sunday()
        });
        let is_later = if whole_first_week { into_week != 0 } else { into_week >= 4 };
        Some(new_year + TimeDelta::days(if is_later { 7 - into_week } else { -into_week }))
    };
    let year = day.year();
    let candidates = if wraps { [year + 1, year, year - 1] } else { [year; 3] };
    for candidate in candidates {
        if let Some(first) = first_day(candidate).filter(|first| *first <= day) {
            let weeks = (day - first).num_days() / 7 + 1;
            return (u32::try_from(weeks).unwrap_or(0), candidate);
        }
    }
    (0, year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_are_counted_in_eight_modes() {
        let weeks = |year, month, day| {
            let day = NaiveDate::from_ymd_opt(year, month, day).unwrap();
            [0, 1, 2, 3, 4, 5, 6, 7].map(|mode| week(day, mode))
        };
        assert_eq!(weeks(2024, 1, 1).map(|(week, _)| week), [0, 1, 53, 1, 1, 1, 1, 1]);
        assert_eq!(weeks(2026, 1, 1).map(|(week, _)| week), [0, 1, 52, 1, 0, 0, 53, 52]);
        assert_eq!(weeks(2024, 12, 31)[3], (1, 2025));
    }

    #[test]
    fn days_are_counted_from_the_year_0() {
        let day = NaiveDate::from_ymd_opt(2024, 1, 31).unwrap();
        assert_eq!(day_number(day), 739_281);
        assert_eq!(day_of_number(739_281), Some(day));
        assert_eq!(day_of_number(i64::MAX), None);
        assert_eq!(day_of_number(100), None);
    }
}
