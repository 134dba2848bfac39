//! Where conferences may be recorded to. FreeSWITCH writes whatever file it is told to, in folders that it makes, over what
//! is there; so clients of SQL must not choose freely.
//!
//! A path is below one of the operator's folders (`[sip] record_dirs`), in the tenant's own part of it, so that tenants do
//! not write over each other's recordings: `/var/lib/fs/15/101.wav` for tenant 15. The operator, tenant 0, may use all of a
//! folder. Streams go to `rtmp://`, wherever a client wants his conference to go.

use crate::{
    error::{Error, Result},
    sql::Tenant,
    tables::{Action, Command, ConferenceAction},
};

/// How a stream's URL begins.
const STREAM: &str = "rtmp://";
/// The application of the stream server that conferences go to, where the settings name none.
const STREAM_APPLICATION: &str = "cam1";

/// Refuses commands that record to where they may not.
pub(super) fn admit_all(commands: &[Command], folders: &[String]) -> Result<()> {
    commands.iter().try_for_each(|command| match &command.action {
        Action::Conference { action: ConferenceAction::Record(path), .. } => {
            admit(command.tenant, path, folders)
        }
        _ => Ok(()),
    })
}

/// Refuses paths that a tenant's conferences may not be recorded to.
fn admit(tenant: Tenant, path: &str, folders: &[String]) -> Result<()> {
    let refused = |reason: String| Err(Error::RecordingRefused { path: super::excerpt(path), reason });
    if path.strip_prefix(STREAM).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) {
        return Ok(());
    }
    if folders.is_empty() {
        return refused("the server's setting [sip] record_dirs names no folder".to_owned());
    }
    let is_plain = path.split('/').skip(1).all(|part| !part.is_empty() && part != "." && part != "..");
    let is_below = |folder: &String| {
        let own = if tenant == 0 { format!("{folder}/") } else { format!("{folder}/{tenant}/") };
        path.starts_with(&own)
    };
    if is_plain && folders.iter().any(is_below) {
        return Ok(());
    }
    let part = if tenant == 0 { String::new() } else { format!("/{tenant}") };
    let allowed: Vec<_> = folders.iter().map(|folder| format!("{folder}{part}/...")).collect();
    refused(format!("it must be rtmp://... or {}", allowed.join(" or ")))
}

/// Where a conference of this name at FreeSWITCH is streamed to. The server is `host`, or `host/application`.
pub(super) fn stream_url(server: &str, full_name: &str) -> String {
    if server.contains('/') {
        format!("{STREAM}{}/{full_name}", server.trim_end_matches('/'))
    } else {
        format!("{STREAM}{server}/{STREAM_APPLICATION}/{full_name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_record_into_their_own_folder() {
        let folders = ["/var/fs".to_owned(), "/srv/rec".to_owned()];
        for path in ["/var/fs/15/101.wav", "/srv/rec/15/a/b.mp4", "rtmp://s1/cam1/15"] {
            assert_eq!(admit(15, path, &folders), Ok(()), "{path}");
        }
        for path in [
            "/var/fs/16/101.wav",
            "/var/fs/15",
            "/var/fs/15/",
            "/var/fs/15/../16/x.wav",
            "/var/fs/15/./x.wav",
            "/var/fs/15//x.wav",
            "/var/fsx/15/x.wav",
            "var/fs/15/x.wav",
            "/etc/passwd",
            "http://s1/x",
            "rtmp://",
            "rtmp:///x",
            "shout://s1/x",
            "{a=b}rtmp://s1/x",
            "",
        ] {
            let error = admit(15, path, &folders).unwrap_err().to_string();
            assert!(error.contains("rtmp://... or /var/fs/15/... or /srv/rec/15/..."), "{error}");
        }
    }

    #[test]
    fn the_operator_records_into_all_of_the_folders_and_nobody_without_any() {
        let folders = ["/var/fs".to_owned()];
        assert_eq!(admit(0, "/var/fs/101.wav", &folders), Ok(()));
        assert!(admit(0, "/etc/passwd", &folders).is_err());
        assert!(admit(0, "/var/fs/101.wav", &[]).unwrap_err().to_string().contains("record_dirs"));
        assert_eq!(admit(15, "rtmp://s1/x", &[]), Ok(()));
    }

    #[test]
    fn streams_have_urls() {
        let name = "15*101-FSdefaultDomain";
        assert_eq!(stream_url("s1.example.com", name), "rtmp://s1.example.com/cam1/15*101-FSdefaultDomain");
        assert_eq!(stream_url("s1:1936/live/", name), "rtmp://s1:1936/live/15*101-FSdefaultDomain");
    }
}
