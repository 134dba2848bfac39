//! The files of `examples/freeswitch/`: each can be read, and they go together.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cometql::{config, freeswitch::identity};
use quick_xml::{Reader, events::Event};
use regex::Regex;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/freeswitch")
}

/// A file of FreeSWITCH's `conf`, its elements with their attributes.
fn elements(file: &str) -> Vec<(String, Vec<(String, String)>)> {
    let text = fs::read_to_string(folder().join("conf").join(file)).unwrap();
    let mut reader = Reader::from_str(&text);
    let mut elements = Vec::new();
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{file}: {error}")) {
            Event::Eof => return elements,
            Event::Start(element) | Event::Empty(element) => {
                let attributes = element.attributes().map(|attribute| {
                    let attribute = attribute.unwrap_or_else(|error| panic!("{file}: {error}"));
                    (attribute.key.as_ref().to_owned(), attribute.value.into_owned())
                });
                elements.push((element.name().as_ref().to_owned(), attributes.collect()));
            }
            _ => {}
        }
    }
}

/// Values of all `<param name="name" value="...">`.
fn params(file: &str, name: &str) -> Vec<String> {
    let named = |(_, attributes): (String, Vec<(String, String)>)| match &attributes[..] {
        [(key, found), (_, value), ..] if key == "name" && found == name => Some(value.clone()),
        _ => None,
    };
    elements(file).into_iter().filter_map(named).collect()
}

#[test]
fn freeswitch_and_comet_ini_say_the_same() {
    let loaded = config::load(&folder().join("comet.ini")).unwrap();
    assert!(
        loaded.warnings.is_empty() && loaded.unused.is_empty(),
        "{:?} {:?}",
        loaded.warnings,
        loaded.unused
    );
    let directory = loaded.settings.directory.unwrap();
    let credentials = directory.credentials.as_ref().unwrap();
    assert!(directory.is_local() && directory.invited_only && !directory.clear_password);

    let curl = "autoload_configs/xml_curl.conf.xml";
    let url = format!("http://{}:{}/directory", directory.ip, directory.port);
    assert_eq!(params(curl, "gateway-url"), [url.clone(), url]);
    let login = format!("{}:{}", credentials.user, credentials.password.expose());
    assert_eq!(params(curl, "gateway-credentials"), [login.clone(), login]);
    assert_eq!(params(curl, "timeout").len(), 2);

    let socket = "autoload_configs/event_socket.conf.xml";
    let [node] = &loaded.settings.sip.nodes[..] else { panic!("one node is expected") };
    assert_eq!(params(socket, "password"), [node.password.expose()]);
    assert_eq!(params(socket, "listen-port"), [node.port.to_string()]);

    let domain = format!("domain={}", identity::DOMAIN);
    let variables = elements("comet_vars.xml");
    assert!(variables.iter().any(|(_, attributes)| attributes.iter().any(|(_, value)| *value == domain)));
    for file in ["autoload_configs/conference.conf.xml", "autoload_configs/modules.conf.xml"] {
        assert!(elements(file).len() > 10, "{file}");
    }
}

/// The static dial plan takes what tables can hold, and makes conferences of it that are known as ours.
#[test]
fn the_dial_plan_knows_conferences() {
    let plan = elements("dialplan/default/00_comet_conferences.xml");
    let attribute = |name: &str, wanted: &str| {
        let attributes = plan.iter().map(|(_, attributes)| attributes);
        let found = attributes
            .filter(|attributes| attributes.iter().any(|(_, value)| value == wanted))
            .find_map(|attributes| attributes.iter().find(|(key, _)| key == name));
        found.unwrap_or_else(|| panic!("no {wanted}")).1.clone()
    };
    let pattern = Regex::new(&attribute("expression", "destination_number")).unwrap();
    let data = attribute("data", "conference");
    assert_eq!(data, "$1-${domain_name}@$2");
    for (number, expected) in [
        ("15*101*video", Some((15, "101", "video"))),
        ("0*abc-X_y*audio", Some((0, "abc-X_y", "audio"))),
        ("15*101", None),
        ("9664", None),
        ("15*10^1*video", None),
        ("x15*101*video", None),
    ] {
        let found =
            pattern.captures(number).map(|parts| (identity::full_name(&parts[1]), parts[2].to_owned()));
        let found = found.as_ref().map(|(name, profile)| {
            let (tenant, name) = identity::conference(name).unwrap();
            (tenant, name, profile.as_str())
        });
        assert_eq!(found, expected, "{number}");
    }
}

#[test]
fn the_certificate_is_put_where_freeswitch_looks() {
    let place = tempfile::tempdir().unwrap();
    let live = place.path().join("live/fs1.example.com");
    let certs = place.path().join("certs");
    fs::create_dir_all(&live).unwrap();
    fs::create_dir_all(&certs).unwrap();
    fs::write(live.join("fullchain.pem"), "chain\n").unwrap();
    fs::write(live.join("privkey.pem"), "key\n").unwrap();
    let run = |host: &str| {
        let mut script = Command::new(folder().join("renew-certificate.sh"));
        script.arg(host).env("LIVE", place.path().join("live")).env("CERTS", &certs);
        script.env("RESTART", format!("touch {}/restarted", place.path().display()));
        script.status().unwrap().success()
    };
    assert!(!run("other.example.com"));
    assert!(!place.path().join("restarted").exists());
    assert!(run("fs1.example.com"));
    for file in ["wss.pem", "dtls-srtp.pem"] {
        assert_eq!(fs::read_to_string(certs.join(file)).unwrap(), "chain\nkey\n");
    }
    assert!(place.path().join("restarted").exists());
}
