//! The expressions that are compared: every operator and function with every combination of telling arguments.

use cometql::{
    error::Result,
    sql::functions::{Argument, Call, CastTarget, Operator, lookup, operator},
};

use crate::literal;

/// What is called.
#[derive(Clone, Copy)]
pub enum Form {
    Operator(Operator),
    Function(&'static str),
    Cast(CastTarget),
}

/// One expression of the grid.
pub struct Expression {
    /// What is tested, for the report.
    pub group: &'static str,
    /// For MariaDB.
    pub sql: String,
    /// For us.
    pub args: Vec<Argument>,
    form: Form,
}

impl Expression {
    pub fn bind(&self) -> Result<Call> {
        match self.form {
            Form::Operator(kind) => Call::new(operator(kind), &self.args),
            Form::Function(name) => Call::new(lookup(name).expect(name), &self.args),
            Form::Cast(target) => Ok(Call::cast(&self.args[0], target)),
        }
    }

    /// Where we differ from MariaDB, which gives `theirs`, and mean to.
    pub fn differs_on_purpose(&self, theirs: &str) -> bool {
        PURPOSES.iter().any(|(_, applies)| applies(self, theirs))
    }

    fn calls(&self, names: &[&str]) -> bool {
        names.contains(&self.group)
    }

    fn has_temporal_literal(&self) -> bool {
        self.sql.contains("TIME'") || self.sql.contains("DATE'") || self.sql.contains("TIMESTAMP'")
    }
}

/// Whether a purpose applies to an expression, given MariaDB's answer.
type Applies = fn(&Expression, &str) -> bool;

/// Reasons to differ.
const PURPOSES: &[(&str, Applies)] = &[
    ("there is no day 0000-00-00: NULL is the answer where MariaDB gives it", |_, theirs| {
        theirs.contains("0000-00-00")
    }),
    ("parts of the day 0000-00-00 are NULL, not 0", |this, theirs| {
        this.calls(&["day", "month", "quarter", "year"]) && theirs.starts_with("\"0\"")
    }),
    ("ROUND, TRUNCATE, CEIL, FLOOR and FORMAT see a moment as a number", |this, _| {
        this.calls(&["round", "truncate", "ceil", "floor", "format"]) && this.has_temporal_literal()
    }),
    ("ORD is wide enough for all characters, also in the binary protocol", |this, _| this.calls(&["ord"])),
    ("a DECIMAL has no negative zero", |_, theirs| theirs.starts_with("\"-0.0")),
    ("FROM_UNIXTIME of a text or DOUBLE has the type DATETIME(6), not one of 39 decimals", |_, theirs| {
        theirs.contains("datetime .39")
    }),
    ("MariaDB pads a number, which is latin1 there, with the bytes of utf8mb4", |this, theirs| {
        this.calls(&["rpad"]) && theirs.contains('Ã')
    }),
    ("MariaDB counts the start of LOCATE in bytes if what is sought is empty", |this, _| {
        this.calls(&["locate"]) && this.sql.starts_with("locate('', 'é")
    }),
    ("MariaDB's week of a TIME is not initialised", |this, _| {
        this.sql.starts_with("EXTRACT(WEEK FROM TIME'")
    }),
    ("the type of SHA2 with a length that does not exist", |this, theirs| {
        this.calls(&["sha2"]) && theirs == "NULL (bytes)"
    }),
    ("MariaDB misses this overflow", |this, _| this.sql == "0 - -9223372036854775808"),
    ("MariaDB cuts a text cast to BINARY(n) after n characters", |this, _| {
        this.sql == "CAST('é€😀' AS BINARY(3))"
    }),
    ("x'..' is UNSIGNED in MariaDB, though it is text in arithmetic", |this, _| {
        this.calls(&["DIV"]) && this.sql.contains("x'41ff'")
    }),
    ("an exponent after a number in a TIME is read as garbage, as other letters are", |this, theirs| {
        this.sql.contains("'1e2'") && theirs.starts_with("NULL")
    }),
];

const NUMBERS: &[&str] = &[
    "NULL",
    "0",
    "1",
    "-1",
    "7",
    "-3",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "1.5",
    "-2.25",
    "0.000",
    "0.5",
    "-0.5",
    "99999999999999999999.99",
    "1e0",
    "-1.5e0",
    "2.5e0",
    "1e20",
    "1e-7",
    "0e0",
];
const TEXTS: &[&str] = &[
    "''",
    "'abc'",
    "'a'",
    "'A'",
    "'a '",
    "'12abc'",
    "'1.5'",
    "' 7 '",
    "'-3'",
    "'1e2'",
    "'é€😀'",
    "'%'",
    "'a,b,c'",
    "x'41ff'",
    "0x41",
];
const TIMES: &[&str] = &[
    "DATE'2024-02-29'",
    "TIME'10:11:12.5'",
    "TIME'-01:00:00'",
    "TIMESTAMP'2024-01-31 10:11:12'",
    "TIMESTAMP'2024-12-31 23:59:59.999999'",
    "'2024-01-31'",
    "'2024-01-31 10:11:12.5'",
    "'10:11:12'",
    "20240131",
    "101112",
];

fn all() -> Vec<&'static str> {
    [NUMBERS, TEXTS, TIMES].concat()
}

fn numbers_and_texts() -> Vec<&'static str> {
    [NUMBERS, TEXTS].concat()
}

/// All expressions.
pub fn expressions() -> Vec<Expression> {
    let mut grid = Grid::default();
    operators(&mut grid);
    casts(&mut grid);
    numeric_functions(&mut grid);
    text_functions(&mut grid);
    time_functions(&mut grid);
    choices(&mut grid);
    grid.expressions
}

#[derive(Default)]
struct Grid {
    expressions: Vec<Expression>,
}

impl Grid {
    /// Adds a form with all combinations of arguments. In `template`, `{0}` is the first argument.
    fn add(&mut self, group: &'static str, form: Form, template: &str, choices: &[&[&str]]) {
        let combinations: usize = choices.iter().map(|choice| choice.len()).product();
        for number in 0..combinations {
            let mut rest = number;
            let mut sql = template.to_owned();
            let mut args = Vec::new();
            for (index, choice) in choices.iter().enumerate() {
                let text = choice[rest % choice.len()];
                rest /= choice.len();
                sql = sql.replace(&format!("{{{index}}}"), text);
                args.push(literal::argument(text));
            }
            self.expressions.push(Expression { group, sql, args, form });
        }
    }

    /// Adds calls of a function.
    fn call(&mut self, name: &'static str, choices: &[&[&str]]) {
        let list: Vec<String> = (0..choices.len()).map(|index| format!("{{{index}}}")).collect();
        self.add(name, Form::Function(name), &format!("{name}({})", list.join(", ")), choices);
    }
}

fn operators(grid: &mut Grid) {
    let all = all();
    for (name, kind) in [
        ("+", Operator::Add),
        ("-", Operator::Subtract),
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
        ("DIV", Operator::IntDivide),
        ("%", Operator::Modulo),
        ("=", Operator::Equal),
        ("<=>", Operator::NullSafeEqual),
        ("<", Operator::Less),
        (">=", Operator::GreaterOrEqual),
        ("AND", Operator::And),
        ("OR", Operator::Or),
        ("XOR", Operator::Xor),
        ("&", Operator::BitAnd),
        ("|", Operator::BitOr),
        ("^", Operator::BitXor),
        ("<<", Operator::ShiftLeft),
        (">>", Operator::ShiftRight),
    ] {
        grid.add(name, Form::Operator(kind), &format!("{{0}} {name} {{1}}"), &[&all, &all]);
    }
    for (name, kind) in [
        ("-{0}", Operator::Negate),
        ("NOT {0}", Operator::Not),
        ("~{0}", Operator::BitNot),
        ("{0} IS NULL", Operator::IsNull),
        ("{0} IS NOT NULL", Operator::IsNotNull),
        ("{0} IS TRUE", Operator::IsTrue),
        ("{0} IS NOT FALSE", Operator::IsNotFalse),
    ] {
        let template = name.replace("-{0}", "-({0})");
        grid.add(name, Form::Operator(kind), &template, &[&all]);
    }
    let few = ["NULL", "1", "2.5", "1e0", "'abc'", "'2'", "DATE'2024-02-29'", "'2024-01-31'", "x'41'"];
    grid.add("BETWEEN", Form::Operator(Operator::Between), "{0} BETWEEN {1} AND {2}", &[&few, &few, &few]);
    grid.add(
        "NOT BETWEEN",
        Form::Operator(Operator::NotBetween),
        "{0} NOT BETWEEN {1} AND {2}",
        &[&few, &few, &few],
    );
    grid.add("IN", Form::Operator(Operator::In), "{0} IN ({1}, {2})", &[&few, &few, &few]);
    grid.add("NOT IN", Form::Operator(Operator::NotIn), "{0} NOT IN ({1}, {2})", &[&few, &few, &few]);
    let patterns = [
        "NULL", "''", "'%'", "'_'", "'a%'", "'%b%'", "'A'", "'a'", "1", "'1%'", "'\\\\%'", "'%c'", "'a_c'",
        "x'4125'",
    ];
    let texts = numbers_and_texts();
    grid.add("LIKE", Form::Operator(Operator::Like), "{0} LIKE {1}", &[&texts, &patterns]);
    grid.add("NOT LIKE", Form::Operator(Operator::NotLike), "{0} NOT LIKE {1}", &[&texts, &patterns]);
    let escapes = ["'|'", "''", "'a'"];
    grid.add(
        "ESCAPE",
        Form::Operator(Operator::Like),
        "{0} LIKE {1} ESCAPE {2}",
        &[&texts, &["'a|%'", "'|%'", "'|a'"], &escapes],
    );
    let regexes = ["NULL", "'^a'", "'b'", "'[0-9]+'", "'^$'", "'a|b'", "'.'", "'[[:alpha:]]'", "'('"];
    grid.add("REGEXP", Form::Operator(Operator::Regexp), "{0} REGEXP {1}", &[&texts, &regexes]);
    grid.add("NOT REGEXP", Form::Operator(Operator::NotRegexp), "{0} NOT REGEXP {1}", &[&texts, &regexes]);
}

fn casts(grid: &mut Grid) {
    let all = all();
    for (sql, target) in [
        ("CHAR", CastTarget::Char(None)),
        ("CHAR(2)", CastTarget::Char(Some(2))),
        ("BINARY", CastTarget::Binary(None)),
        ("BINARY(3)", CastTarget::Binary(Some(3))),
        ("SIGNED", CastTarget::Signed),
        ("UNSIGNED", CastTarget::Unsigned),
        ("DECIMAL", CastTarget::Decimal(10, 0)),
        ("DECIMAL(5,2)", CastTarget::Decimal(5, 2)),
        ("FLOAT", CastTarget::Float),
        ("DOUBLE", CastTarget::Double),
        ("DATE", CastTarget::Date),
        ("TIME", CastTarget::Time(0)),
        ("TIME(2)", CastTarget::Time(2)),
        ("DATETIME", CastTarget::DateTime(0)),
        ("DATETIME(3)", CastTarget::DateTime(3)),
    ] {
        grid.add("CAST", Form::Cast(target), &format!("CAST({{0}} AS {sql})"), &[&all]);
    }
}

fn numeric_functions(grid: &mut Grid) {
    let all = all();
    for name in [
        "abs",
        "ceil",
        "floor",
        "round",
        "sqrt",
        "exp",
        "ln",
        "log",
        "log2",
        "log10",
        "sign",
        "sin",
        "cos",
        "tan",
        "atan",
        "asin",
        "acos",
        "degrees",
        "radians",
        "bit_count",
        "hex",
        "bin",
        "oct",
        "crc32",
        "isnull",
    ] {
        grid.call(name, &[&all]);
    }
    let places = ["NULL", "0", "1", "2", "-1", "-2", "40", "-30", "'1'"];
    grid.call("round", &[&all, &places]);
    grid.call("truncate", &[&all, &places]);
    grid.call("mod", &[&all, &["0", "3", "-2", "2.5", "1.5e0", "'2'"]]);
    grid.call("pow", &[&all, &["0", "2", "-1", "0.5", "'2'"]]);
    grid.call("atan2", &[&["1", "-1", "0", "'2'"], &["1", "2.5", "0"]]);
    grid.call("log", &[&["NULL", "0", "1", "2", "10", "-1", "2.5"], &["NULL", "0", "1", "8", "-1", "'100'"]]);
    grid.call(
        "conv",
        &[
            &["NULL", "'ff'", "'-10'", "10", "'zz'", "1.9", "''", "'18446744073709551616'"],
            &["10", "16", "36", "-16", "1"],
            &["10", "2", "-10", "37", "36"],
        ],
    );
    grid.call("format", &[&all, &["NULL", "0", "2", "-1", "'3'", "40"]]);
    grid.call("rand", &[&["5", "0", "NULL", "'7'", "1.5", "-1"]]);
    grid.call("pi", &[]);
}

fn text_functions(grid: &mut Grid) {
    let all = all();
    for name in [
        "length",
        "char_length",
        "bit_length",
        "octet_length",
        "upper",
        "lower",
        "reverse",
        "ltrim",
        "rtrim",
        "trim",
        "ascii",
        "ord",
        "quote",
        "md5",
        "sha1",
        "unhex",
        "to_base64",
        "from_base64",
        "soundex",
        "concat",
        "char",
        "space",
    ] {
        grid.call(name, &[&all]);
    }
    let counts = ["NULL", "0", "1", "2", "-1", "10", "1.5", "'2'"];
    for name in ["left", "right", "repeat"] {
        grid.call(name, &[&all, &counts]);
    }
    let texts = ["NULL", "''", "'abc'", "'é€😀x'", "'a,b,c'", "12345", "x'61ff62'", "1.50"];
    grid.call("substring", &[&texts, &["NULL", "0", "1", "2", "-1", "-2", "10", "-10"]]);
    grid.call("substring", &[&texts, &["0", "1", "2", "-2", "10"], &counts]);
    for name in ["lpad", "rpad"] {
        grid.call(name, &[&texts, &counts, &["NULL", "''", "'x'", "'xyz'", "'é'"]]);
    }
    grid.call("concat", &[&all, &texts]);
    grid.call("concat_ws", &[&["','", "NULL", "''", "1"], &texts, &texts]);
    grid.call("replace", &[&texts, &["NULL", "''", "'b'", "','", "2"], &["NULL", "''", "'XY'", "'é'"]]);
    grid.call("instr", &[&texts, &["NULL", "''", "'b'", "'€'", "'B'", "3", "x'ff'"]]);
    grid.call("locate", &[&["NULL", "''", "'b'", "3"], &texts, &["0", "1", "2", "3", "-1", "10"]]);
    grid.call(
        "substring_index",
        &[&texts, &["','", "''", "'b'", "NULL"], &["0", "1", "2", "-1", "-2", "10"]],
    );
    grid.call(
        "insert",
        &[&texts, &["0", "1", "2", "-1", "10", "NULL"], &["0", "1", "-1", "10"], &["'XY'", "''", "NULL"]],
    );
    grid.call(
        "find_in_set",
        &[&["NULL", "''", "'b'", "'c'", "'a,b'", "1"], &["NULL", "''", "'a,b,c'", "'a,,c'", "'1,2'"]],
    );
    grid.call("sha2", &[&["'abc'", "NULL", "1"], &["0", "224", "256", "384", "512", "1", "NULL"]]);
    grid.call("strcmp", &[&texts, &texts]);
    grid.call("elt", &[&["NULL", "0", "1", "2", "3", "'2'", "1.5"], &texts, &["'x'", "2", "NULL"]]);
    grid.call(
        "field",
        &[&["NULL", "'b'", "2", "'2'", "1.5"], &["'a'", "'b'", "1", "NULL"], &["'b'", "2", "'2.0'", "1.5"]],
    );
    grid.call("make_set", &[&["NULL", "0", "1", "3", "'2'"], &["'a'", "NULL", "1"], &["'b'", "''"]]);
    grid.call(
        "export_set",
        &[
            &["NULL", "5", "0", "'3'"],
            &["'Y'", "1"],
            &["'N'", "NULL"],
            &["','", "''"],
            &["0", "4", "64", "-1"],
        ],
    );
    grid.call("char", &[&["NULL", "65", "256", "'66'", "1.5"], &["67", "-1", "16777216"]]);
    grid.call("interval", &[&["NULL", "5", "'7'", "10", "1.5"], &["1", "'2'"], &["6", "10.5", "NULL"]]);
}

fn time_functions(grid: &mut Grid) {
    let all = all();
    for name in [
        "date",
        "time",
        "year",
        "month",
        "day",
        "dayofweek",
        "weekday",
        "dayofyear",
        "quarter",
        "hour",
        "minute",
        "second",
        "microsecond",
        "week",
        "weekofyear",
        "yearweek",
        "dayname",
        "monthname",
        "last_day",
        "to_days",
        "to_seconds",
        "from_days",
        "unix_timestamp",
        "from_unixtime",
        "time_to_sec",
        "sec_to_time",
        "timestamp",
    ] {
        grid.call(name, &[&all]);
    }
    for name in ["now", "curdate", "curtime", "utc_date", "utc_time", "utc_timestamp", "unix_timestamp"] {
        grid.call(name, &[]);
    }
    let moments = [
        "NULL",
        "'2024-01-31'",
        "'2024-02-29 23:59:59'",
        "'2024-12-31 10:11:12.5'",
        "DATE'2024-01-31'",
        "TIME'10:11:12'",
        "TIMESTAMP'2020-02-29 00:00:00.50'",
        "20240131",
        "20240131101112",
        "'abc'",
        "'9999-12-31'",
        "'10:11:12'",
        "TIME'830:00:00'",
    ];
    for unit in [
        "MICROSECOND",
        "SECOND",
        "MINUTE",
        "HOUR",
        "DAY",
        "WEEK",
        "MONTH",
        "QUARTER",
        "YEAR",
        "YEAR_MONTH",
        "DAY_SECOND",
        "HOUR_MINUTE",
        "DAY_MICROSECOND",
    ] {
        let name: &'static [&'static str] = match unit {
            "MICROSECOND" => &["'MICROSECOND'"],
            "SECOND" => &["'SECOND'"],
            "MINUTE" => &["'MINUTE'"],
            "HOUR" => &["'HOUR'"],
            "DAY" => &["'DAY'"],
            "WEEK" => &["'WEEK'"],
            "MONTH" => &["'MONTH'"],
            "QUARTER" => &["'QUARTER'"],
            "YEAR" => &["'YEAR'"],
            "YEAR_MONTH" => &["'YEAR_MONTH'"],
            "DAY_SECOND" => &["'DAY_SECOND'"],
            "HOUR_MINUTE" => &["'HOUR_MINUTE'"],
            _ => &["'DAY_MICROSECOND'"],
        };
        let amounts =
            ["NULL", "0", "1", "-1", "13", "1.5", "'2'", "'1:30'", "'1 2:3:4'", "'-1-2'", "'abc'", "1.5e0"];
        for (function, sign) in [("date_add", "DATE_ADD"), ("date_sub", "DATE_SUB")] {
            grid.add(
                function,
                Form::Function(function),
                &format!("{sign}({{0}}, INTERVAL {{1}} {unit})"),
                &[&moments, &amounts, name],
            );
        }
        grid.add(
            "extract",
            Form::Function("extract"),
            &format!("EXTRACT({unit} FROM {{1}})"),
            &[name, &moments],
        );
        if !unit.contains('_') {
            grid.add(
                "timestampdiff",
                Form::Function("timestampdiff"),
                &format!("TIMESTAMPDIFF({unit}, {{1}}, {{2}})"),
                &[name, &moments, &moments],
            );
            grid.add(
                "timestampadd",
                Form::Function("timestampadd"),
                &format!("TIMESTAMPADD({unit}, {{1}}, {{2}})"),
                &[name, &["1", "-1.5", "NULL", "'2'"], &moments],
            );
        }
    }
    for name in ["datediff", "timediff", "addtime", "subtime"] {
        grid.call(name, &[&moments, &moments]);
    }
    grid.call("adddate", &[&moments, &["1", "NULL", "-1", "1.6", "'2'"]]);
    let formats = [
        "NULL",
        "''",
        "'%Y-%m-%d'",
        "'%H:%i:%s.%f'",
        "'%W %M %D %j %U %u %V %v %X %x'",
        "'%a %b %c %e %k %l %I %p %r %T %w %y %%x %q'",
    ];
    grid.call("date_format", &[&moments, &formats]);
    grid.call("time_format", &[&moments, &["'%H %k %h %i %s %f %p'", "'%r %T'", "'%Y'"]]);
    grid.call(
        "str_to_date",
        &[
            &[
                "NULL",
                "''",
                "'2024-01-31'",
                "'31.1.2024'",
                "'2024-01-31 10:11:12'",
                "'10:11:12 PM'",
                "'abc'",
                "'Jan 5 2024'",
                "'2024-13-01'",
                "20240131",
            ],
            &[
                "'%Y-%m-%d'",
                "'%d.%m.%Y'",
                "'%Y-%m-%d %H:%i:%s'",
                "'%h:%i:%s %p'",
                "'%b %e %Y'",
                "'%Y%m%d'",
                "'%T'",
                "NULL",
            ],
        ],
    );
    let modes = ["NULL", "0", "1", "2", "3", "4", "5", "6", "7"];
    let days = [
        "'2023-01-01'",
        "'2024-01-01'",
        "'2024-12-30'",
        "'2025-12-31'",
        "'2026-01-01'",
        "'2026-01-04'",
        "'2028-12-31'",
        "NULL",
        "'abc'",
    ];
    grid.call("week", &[&days, &modes]);
    grid.call("yearweek", &[&days, &modes]);
    grid.call(
        "makedate",
        &[
            &["NULL", "2024", "24", "70", "9999", "-1", "10000"],
            &["NULL", "0", "1", "60", "366", "400", "-1"],
        ],
    );
    grid.call(
        "maketime",
        &[
            &["NULL", "0", "1", "-1", "838", "839", "1.5"],
            &["0", "59", "60", "-1"],
            &["0", "59.5", "60", "'1.25'", "1e0"],
        ],
    );
    grid.call("period_add", &[&["NULL", "202401", "2401", "7001", "0"], &["NULL", "0", "1", "-13"]]);
    grid.call("period_diff", &[&["NULL", "202401", "2401", "0"], &["202312", "7001", "0"]]);
    grid.call(
        "convert_tz",
        &[
            &moments,
            &["'+00:00'", "'-05:30'", "'SYSTEM'", "'x'", "NULL"],
            &["'+02:00'", "'+13:00'", "'+25:00'"],
        ],
    );
    grid.call(
        "from_unixtime",
        &[&["0", "1706695872", "1.5", "-1", "2147483648", "NULL", "'1'"], &["'%Y-%m-%d %H:%i:%s'", "NULL"]],
    );
}

fn choices(grid: &mut Grid) {
    let mixed = [
        "NULL",
        "1",
        "18446744073709551615",
        "2147483648",
        "1.50",
        "2e0",
        "'abc'",
        "'7'",
        "x'41'",
        "0x41",
        "DATE'2024-02-29'",
        "TIME'10:11:12.5'",
        "TIMESTAMP'2024-01-31 10:11:12'",
    ];
    for name in ["ifnull", "coalesce", "nullif", "greatest", "least"] {
        grid.call(name, &[&mixed, &mixed]);
    }
    grid.call("if", &[&["NULL", "0", "1", "'abc'", "0.5"], &mixed, &mixed]);
    for name in ["coalesce", "greatest", "least"] {
        grid.call(name, &[&mixed, &mixed, &["NULL", "3", "'b'", "1.125"]]);
    }
    grid.add(
        "CASE WHEN",
        Form::Operator(Operator::CaseWhen),
        "CASE WHEN {0} THEN {1} ELSE {2} END",
        &[&["NULL", "0", "1", "'1'"], &mixed, &mixed],
    );
    grid.add(
        "CASE WHEN",
        Form::Operator(Operator::CaseWhen),
        "CASE WHEN {0} THEN {1} END",
        &[&["NULL", "0", "1"], &mixed],
    );
    grid.add(
        "CASE x",
        Form::Operator(Operator::CaseValue),
        "CASE {0} WHEN {1} THEN 'yes' ELSE 'no' END",
        &[&mixed, &mixed, &["'yes'"], &["'no'"]],
    );
}
