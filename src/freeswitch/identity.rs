//! What names mean: which tenant's conference a FreeSWITCH conference is, and which user a caller.

use crate::sql::Tenant;

/// The domain that the set-up gives every node (`domain=FSdefaultDomain`).
pub const DOMAIN: &str = "FSdefaultDomain";
/// The domain as it is at the end of each conference's name.
const DOMAIN_SUFFIX: &str = "-FSdefaultDomain";
/// Digits of the tenant at the beginning of a SIP user's name.
const TENANT_DIGITS: usize = 6;
/// Most digits of a tenant in a conference's name, as the dial plan admits them.
const MAX_TENANT_DIGITS: usize = 9;
/// Most characters of a conference's name that the tables can hold.
const MAX_NAME_CHARS: usize = 128;

/// The tenant and the name of a conference: `15*101-FSdefaultDomain` is conference `101` of tenant 15. The name may
/// have `-` in it. None for conferences that are not ours.
pub fn conference(name: &str) -> Option<(Tenant, &str)> {
    let (tenant, name) = name.strip_suffix(DOMAIN_SUFFIX)?.split_once('*')?;
    // `015*101` is another conference than `15*101`, and so is one with a space at its end, which keys leave out.
    let canonical = (tenant == "0" || !tenant.starts_with('0')) && !name.ends_with(' ');
    let fits = tenant.len() <= MAX_TENANT_DIGITS && (1..=MAX_NAME_CHARS).contains(&name.chars().count());
    if !(canonical && fits) {
        return None;
    }
    Some((decimal(tenant)?, name))
}

/// The name at FreeSWITCH of a tenant's conference: the reverse of [`conference`].
pub fn conference_name(tenant: Tenant, name: &str) -> String {
    full_name(&format!("{tenant}*{name}"))
}

/// The name at FreeSWITCH of a conference that was dialled as `15*101`: the reverse of [`conference`].
pub fn full_name(dialled: &str) -> String {
    format!("{dialled}{DOMAIN_SUFFIX}")
}

/// The tenant and the user whose SIP user name this is: six digits of the tenant, then the user's id with or without
/// leading zeros. None for everything else (notes 06, section 2).
pub fn user(name: &str) -> Option<(Tenant, u32)> {
    let (tenant, id) = name.split_at_checked(TENANT_DIGITS)?;
    Some((decimal(tenant)?, decimal(id).filter(|id| *id > 0)?))
}

/// Who a caller is: his user id, or 0 for none of the tenant's users, and whether the node vouches for it.
///
/// He chooses his `number` himself, unless the dial plan sets it. `account` is what the node says that he logged in with: empty
/// if he did not, None if that is not known yet. It counts more than the number. Without one, the number counts, unless
/// only who is vouched for shall be a user.
pub fn caller(tenant: Tenant, number: &str, account: Option<&str>, only_verified: bool) -> (u32, bool) {
    match account {
        None | Some("") if only_verified => (0, false),
        None | Some("") => (user_id(tenant, number), false),
        Some(account) => {
            let user = user_id(tenant, account);
            (user, user != 0)
        }
    }
}

/// The user behind a caller's number: the tenant with six digits, then the user's id with or without leading zeros
/// (`000015000002` and `0000152` are user 2 of tenant 15). 0 for everyone else, such as a phone that dialled in.
fn user_id(tenant: Tenant, number: &str) -> u32 {
    number.strip_prefix(&format!("{tenant:06}")).and_then(decimal).unwrap_or_default()
}

/// Reads a number of nothing but digits (`parse` would take a sign).
fn decimal(digits: &str) -> Option<u32> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conferences_are_cut_at_the_domain() {
        assert_eq!(conference("15*101-FSdefaultDomain"), Some((15, "101")));
        assert_eq!(conference("7*abc-X_y-FSdefaultDomain"), Some((7, "abc-X_y")));
        assert_eq!(conference("0*1*2-FSdefaultDomain-FSdefaultDomain"), Some((0, "1*2-FSdefaultDomain")));
        assert_eq!(conference("999999999*日本-FSdefaultDomain"), Some((999_999_999, "日本")));
    }

    #[test]
    fn conferences_of_others_are_left_alone() {
        for name in [
            "",
            "list",
            "3000-192.168.1.1",
            "15*101-otherDomain",
            "15*-FSdefaultDomain",
            "15*101 -FSdefaultDomain",
            "*101-FSdefaultDomain",
            "+15*101-FSdefaultDomain",
            "015*101-FSdefaultDomain",
            "1234567890*101-FSdefaultDomain",
        ] {
            assert_eq!(conference(name), None, "{name}");
        }
        assert_eq!(conference(&format!("15*{}{DOMAIN_SUFFIX}", "x".repeat(MAX_NAME_CHARS + 1))), None);
    }

    #[test]
    fn users_are_told_by_their_number() {
        assert_eq!(user_id(15, "000015000002"), 2);
        assert_eq!(user_id(15, "0000152"), 2);
        assert_eq!(user_id(1_234_567, "12345678"), 8);
    }

    #[test]
    fn accounts_count_more_than_numbers() {
        let caller = |number, account| {
            let of = |only_verified| caller(15, number, account, only_verified);
            (of(false), of(true))
        };
        let (mine, phone, nobody) = ("000015000002", "+4930123", (0, false));
        assert_eq!(caller(mine, None), ((2, false), nobody));
        assert_eq!(caller(mine, Some("")), ((2, false), nobody));
        assert_eq!(caller(mine, Some("0000152")), ((2, true), (2, true)));
        assert_eq!(caller(mine, Some("000015000003")), ((3, true), (3, true)));
        assert_eq!(caller(phone, Some("000015000003")), ((3, true), (3, true)));
        for foreign in ["000016000002", "1000", "trunk"] {
            assert_eq!(caller(mine, Some(foreign)), (nobody, nobody));
        }
        assert_eq!(caller(phone, Some("")), (nobody, nobody));
    }

    #[test]
    fn sip_users_have_names_of_digits() {
        assert_eq!(user("000015000002"), Some((15, 2)));
        assert_eq!(user("0000152"), Some((15, 2)));
        assert_eq!(user("0000004294967295"), Some((0, u32::MAX)));
        for name in
            ["", "000015", "0000150", "1000", "000015x", "+000152", "00001é", "0000154294967296", " 0000152"]
        {
            assert_eq!(user(name), None, "{name}");
        }
    }

    #[test]
    fn dialled_names_and_full_names_are_the_same() {
        assert_eq!(conference(&full_name("15*101")), Some((15, "101")));
        assert!(full_name("").ends_with(DOMAIN));
    }

    #[test]
    fn other_callers_are_user_0() {
        for number in
            ["", "000015", "000016000002", "0000152x", "000015+2", "15000002", "0000159999999999", "+4930123"]
        {
            assert_eq!(user_id(15, number), 0, "{number}");
        }
    }
}
