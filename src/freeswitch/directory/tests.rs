//! Requests that FreeSWITCH 1.11 sends, in short; whole recordings are in `tests/program/directory.rs`.

use super::{Directory, Parameters, document::NOT_FOUND, testing::Tables};
use crate::config::DirectorySettings;

fn ask(directory: &Directory, query: &str) -> String {
    directory.answer(&Parameters::decode(query.as_bytes())).unwrap().into_owned()
}

/// The value of `<element name="name" value="...">`.
fn value<'a>(document: &'a str, element: &str, name: &str) -> Option<&'a str> {
    document.split_once(&format!("<{element} name=\"{name}\" value=\""))?.1.split('"').next()
}

/// A call as the dial plan is asked about it.
fn call(caller: &str, number: &str) -> String {
    format!(
        "section=dialplan&variable_sip_auth_username={caller}&variable_accountcode={caller}\
         &Caller-Context=default&Caller-Destination-Number={number}&Hunt-Context=default&Hunt-Destination-Number={number}"
    )
}

fn is_refused(document: &str) -> bool {
    document.contains("<action application=\"respond\" data=\"403 Forbidden\"/>")
        && !document.contains("application=\"conference\"")
}

#[test]
fn users_are_of_their_tenant() {
    let tables = Tables::new();
    let directory = tables.directory(&DirectorySettings { clear_password: true, ..Default::default() });
    let password = |user: &str| {
        let document = ask(&directory, &format!("section=directory&user={user}"));
        value(&document, "param", "password").map(str::to_owned)
    };
    assert_eq!(password("000015000002").as_deref(), Some("hash1"));
    assert_eq!(password("0000152").as_deref(), Some("hash1"));
    assert_eq!(password("000016000002").as_deref(), Some("hash2"));
    for stranger in
        ["000017000002", "000015000003", "000015", "2", "000002", "0000152%27", "0000152%00", "0000152+"]
    {
        assert_eq!(password(stranger), None, "{stranger}");
    }
}

#[test]
fn the_password_is_not_in_clear() {
    let tables = Tables::new();
    let directory = tables.directory(&DirectorySettings::default());
    // md5 of 0000152:example.com:hash1
    let document = ask(&directory, "user=0000152&sip_auth_realm=example.com");
    assert_eq!(value(&document, "param", "a1-hash"), Some("474673791964357a8b61fa72eb2fde05"));
    let other = ask(&directory, "user=0000152&sip_auth_realm=%22%3C%26%3E");
    assert!(value(&other, "param", "a1-hash").is_some());
    // md5 of 0000152:FSdefaultDomain:hash1
    let unasked = ask(&directory, "user=0000152");
    assert_eq!(value(&unasked, "param", "a1-hash"), Some("b4b995de447b3d02127789a53338f012"));
    for document in [document, other, unasked] {
        assert!(!document.contains("hash1") && value(&document, "param", "password").is_none(), "{document}");
    }
}

/// FreeSWITCH lets users without a password in.
#[test]
fn a_user_without_a_password_is_nobody() {
    let tables = Tables::new();
    tables.execute(15, "INSERT INTO users_auth (id, hash) VALUES (3, '')");
    for clear_password in [false, true] {
        let directory = tables.directory(&DirectorySettings { clear_password, ..Default::default() });
        assert_eq!(ask(&directory, "user=0000153&sip_auth_realm=a"), NOT_FOUND);
    }
}

#[test]
fn what_is_not_asked_of_us_is_not_found() {
    let tables = Tables::new();
    let directory = tables.directory(&DirectorySettings::default());
    for query in [
        "",
        "&&=&%",
        "section=configuration&user=0000152",
        "section=directory",
        "section=directory&user=0000152&user=0000162",
        "section=directory&purpose=gateways&profile=internal",
        "section=dialplan",
        "section=dialplan&Hunt-Destination-Number=9664&Hunt-Context=default",
        "section=dialplan&Hunt-Destination-Number=15*101&Hunt-Context=default",
        "section=dialplan&Hunt-Destination-Number=*15*101&Hunt-Context=default",
        "section=dialplan&Hunt-Destination-Number=15*101*video&Hunt-Context=%24%24{x}",
        "section=dialplan&Hunt-Destination-Number=15*101*video",
    ] {
        assert_eq!(ask(&directory, query), NOT_FOUND, "{query}");
    }
}

#[test]
fn the_invited_are_let_in() {
    let tables = Tables::new();
    let directory = tables.directory(&DirectorySettings::default());
    let expected = r#"<document type="freeswitch/xml">
  <section name="dialplan">
    <context name="default">
      <extension name="comet_conferences">
        <condition>
          <action application="set" data="media_timeout=10000"/>
          <action application="answer" data=""/>
          <action application="set_profile_var" data="caller_id_name=000015000002"/>
          <action application="set_profile_var" data="caller_id_number=000015000002"/>
          <action application="conference" data="15*101-FSdefaultDomain@video"/>
        </condition>
      </extension>
    </context>
  </section>
</document>
"#;
    assert_eq!(ask(&directory, &call("000015000002", "15*101*video")), expected);
    tables.execute(15, "DELETE FROM conference WHERE name = '101'");
    assert!(is_refused(&ask(&directory, &call("000015000002", "15*101*video"))));
}

#[test]
fn all_others_are_refused() {
    let tables = Tables::new();
    let directory = tables.directory(&DirectorySettings::default());
    for (caller, number) in [
        ("000015000002", "15*102*video"),
        ("000015000002", "16*102*video"),
        ("000015000002", "16*101*video"),
        ("000016000002", "15*101*video"),
        ("000015000003", "15*101*video"),
        ("1000", "15*101*video"),
        ("", "15*101*video"),
        // Numbers that a pattern of the static dial plan may take for conferences.
        ("000015000002", "015*101*video"),
        ("000015000002", "15*101*"),
        ("000015000002", "15**video"),
        ("000015000002", "15*101*video*video"),
        ("000015000002", "15*101%20*video"),
        ("000015000002", "15*101*%24{video}"),
        ("000015000002", "15*10%5E1*video"),
        ("000015000002", "15*101*video%0Aplayback"),
        ("000015000002", "4294967311*101*video"),
    ] {
        let document = ask(&directory, &call(caller, number));
        assert!(is_refused(&document), "{caller} {number}: {document}");
    }
    // Authenticated as one, but by another directory; not authenticated.
    let mut vouched = call("000015000002", "15*101*video");
    assert!(!is_refused(&ask(&directory, &vouched)));
    for missing in ["variable_accountcode", "variable_sip_auth_username"] {
        vouched = call("000015000002", "15*101*video").replace(missing, "other");
        assert!(is_refused(&ask(&directory, &vouched)), "{missing}");
    }
}

#[test]
fn a_transferred_call_is_judged_by_where_it_goes() {
    let tables = Tables::new();
    let directory = tables.directory(&DirectorySettings::default());
    let query = |first: &str, now: &str| {
        let name = "000015000002";
        format!(
            "section=dialplan&variable_sip_auth_username={name}&variable_accountcode={name}&Caller-Context=default\
             &Caller-Destination-Number={first}&Hunt-Context=default&Hunt-Destination-Number={now}"
        )
    };
    assert!(!is_refused(&ask(&directory, &query("15*102*video", "15*101*audio"))));
    assert!(is_refused(&ask(&directory, &query("15*101*video", "15*102*audio"))));
}

#[test]
fn a_tenant_may_let_all_of_his_users_in() {
    let tables = Tables::new();
    let directory = tables.directory(&DirectorySettings { invited_only: false, ..Default::default() });
    for (caller, number, refused) in [
        ("000015000002", "15*101*video", false),
        ("000015000002", "15*new*video", false),
        ("000015000002", "16*102*video", true),
        ("1000", "15*101*video", true),
    ] {
        assert_eq!(is_refused(&ask(&directory, &call(caller, number))), refused, "{caller} {number}");
    }
}
