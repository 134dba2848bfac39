//! `[sip]`: who may not stay in a conference, and where conferences may be recorded to.

use std::time::Duration;

use super::reader::Reader;

/// What holds for conferences.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// `kick_on_delete`: who is no longer invited is thrown out when his invitation is deleted.
    pub kick_on_delete: bool,
    /// `eject_uninvited`: users without an invitation are thrown out.
    pub eject_uninvited: bool,
    /// `eject_phones`: so are callers who are no users.
    pub eject_phones: bool,
    /// `drop_vanished`: how long a user may be in a conference without a browser here; None is for ever.
    pub drop_vanished: Option<Duration>,
    /// `record_dirs`: folders of the FreeSWITCH machine below which conferences may be recorded; none has a `/` at its end.
    pub record_dirs: Vec<String>,
}

impl Rules {
    pub(super) fn read(reader: &mut Reader) -> Self {
        const SECTION: &str = "sip";
        const SECOND: Duration = Duration::from_secs(1);
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let rules = Rules {
            kick_on_delete: reader.switch(SECTION, "kick_on_delete", false),
            eject_uninvited: reader.switch(SECTION, "eject_uninvited", false),
            eject_phones: reader.switch(SECTION, "eject_phones", false),
            drop_vanished: reader.duration_or_off(SECTION, "drop_vanished", SECOND, DAY),
            record_dirs: reader
                .get(SECTION, "record_dirs", "absolute folders, with commas between them", folders)
                .unwrap_or_default(),
        };
        if rules.eject_phones && !rules.eject_uninvited {
            reader.refuse(SECTION, "eject_phones", "needs eject_uninvited");
        }
        rules
    }
}

fn folders(text: &str) -> Option<Vec<String>> {
    let folder = |text: &str| {
        let folder = text.trim().trim_end_matches('/');
        (folder.starts_with('/') && !folder.contains("/..")).then(|| folder.to_owned())
    };
    text.split(',').map(folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_absolute() {
        assert_eq!(folders("/var/fs/, /srv/rec"), Some(vec!["/var/fs".to_owned(), "/srv/rec".to_owned()]));
        for text in ["var/fs", "", "/", "/a,,/b", "/a/../b"] {
            assert_eq!(folders(text), None, "{text}");
        }
    }
}
