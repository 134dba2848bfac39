//! The same inside TLS.

use std::{fs, path::Path, sync::Arc, time::Duration};

use mysql_common::{constants::CapabilityFlags, packets::AuthPlugin};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject},
        version::{TLS12, TLS13},
    },
};

use super::super::{
    super::listener::Service,
    MysqlPort,
    test_support::{Client, MODERN, PASSWORD, packet, port, response_head, settings},
};
use crate::{
    config::{MysqlSettings, TlsFiles},
    error::Error,
};

const NATIVE: AuthPlugin<'static> = AuthPlugin::MysqlNativePassword;
const INSIDE: CapabilityFlags = MODERN.union(CapabilityFlags::CLIENT_SSL);

/// A folder with a certificate of `localhost` and its key.
fn files() -> (TempDir, TlsFiles) {
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    write_new(&files);
    (folder, files)
}

fn write_new(files: &TlsFiles) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&files.certificate, cert.pem()).unwrap();
    fs::write(&files.key, signing_key.serialize_pem()).unwrap();
}

/// A client that trusts the certificate in this file.
fn connector(certificate: &Path, versions: &[&'static SupportedProtocolVersion]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

fn with_tls(files: &TlsFiles) -> MysqlSettings {
    MysqlSettings { tls: Some(files.clone()), ..settings() }
}

fn required(files: &TlsFiles) -> MysqlSettings {
    MysqlSettings { tls_required: true, ..with_tls(files) }
}

async fn connect(port: &Arc<MysqlPort>, connector: &TlsConnector) -> Client {
    let mut client = Client::greeted(port.clone()).await.secure(connector).await.unwrap();
    client.send_login("15", PASSWORD, INSIDE, NATIVE).await;
    let (sequence, ok) = client.read().await;
    assert_eq!((sequence, ok[0]), (3, 0), "{}", ok.escape_ascii());
    client
}

#[tokio::test]
async fn every_version_is_served_and_shown() {
    let (_folder, files) = files();
    let port = port(required(&files));
    for (version, shown) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        let mut client = connect(&port, &connector(&files.certificate, &[version])).await;
        let value = |result: Vec<super::super::test_support::Cells>| result[0][1].clone().unwrap();
        let version = value(client.query("SHOW STATUS LIKE 'Ssl_version'").await.texts());
        assert_eq!(version, shown.as_bytes());
        let cipher = value(client.query("SHOW STATUS LIKE 'Ssl_cipher'").await.texts());
        assert!(
            cipher.ends_with(b"GCM-SHA384") || cipher.ends_with(b"GCM_SHA384"),
            "{}",
            cipher.escape_ascii()
        );
        let have = value(client.query("SHOW VARIABLES LIKE 'have_ssl'").await.texts());
        assert_eq!(have, b"YES");
        // A reset is no reason to forget it.
        client.command(31, &[]).await;
        client.read_ok().await;
        assert_eq!(value(client.query("SHOW STATUS LIKE 'Ssl_version'").await.texts()), shown.as_bytes());
    }
}

#[tokio::test]
async fn tls_is_offered_and_need_not_be_taken() {
    let (_folder, files) = files();
    let mut client = Client::connect(port(with_tls(&files))).await;
    let version = client.greeting.iter().position(|byte| *byte == 0).unwrap() + 1;
    let capabilities = u16::from_le_bytes([client.greeting[version + 13], client.greeting[version + 14]]);
    assert_ne!(u32::from(capabilities) & CapabilityFlags::CLIENT_SSL.bits(), 0);
    assert_eq!(client.query("SHOW STATUS LIKE 'Ssl_cipher'").await.texts()[0][1], Some(Vec::new()));
}

#[tokio::test]
async fn what_requires_tls_refuses_what_has_none() {
    let (_folder, files) = files();
    let port = port(required(&files));
    for password in [PASSWORD, "wrong"] {
        let mut client = Client::greeted(port.clone()).await;
        client.send_login("15", password, MODERN, NATIVE).await;
        let (code, state, text) = client.read_error().await;
        assert_eq!((code, state.as_str()), (3159, "HY000"), "{text}");
        client.assert_closed().await;
    }
    connect(&port, &connector(&files.certificate, &[&TLS13])).await.assert_alive().await;
}

#[tokio::test]
async fn passwords_are_checked_inside() {
    let (_folder, files) = files();
    let port = port(with_tls(&files));
    let connector = connector(&files.certificate, &[&TLS13]);
    let mut client = Client::greeted(port.clone()).await.secure(&connector).await.unwrap();
    client.send_login("15", "wrong", INSIDE, NATIVE).await;
    assert_eq!(client.read_error().await.0, 1045);
    client.assert_closed().await;

    let mut client = Client::greeted(port.clone()).await.secure(&connector).await.unwrap();
    client.send_login("15", PASSWORD, INSIDE, AuthPlugin::CachingSha2Password).await;
    assert_eq!(client.read().await, (3, vec![1, 3]));
    assert_eq!(client.read().await.1[0], 0);
    client.assert_alive().await;
}

#[tokio::test]
async fn a_long_answer_and_a_long_command_pass() {
    let (_folder, files) = files();
    let port = port(MysqlSettings { max_packet: 4 << 20, ..with_tls(&files) });
    let mut client = connect(&port, &connector(&files.certificate, &[&TLS13])).await;
    let result = client.query("SELECT REPEAT('x', 1000000)").await;
    assert_eq!(result.texts()[0][0].as_ref().map(Vec::len), Some(1_000_000));
    let result = client.query(&format!("SELECT '{}'", "y".repeat(200_000))).await;
    assert_eq!(result.texts()[0][0].as_ref().map(Vec::len), Some(200_000));
}

/// Who sits between client and server could put a command of his own in front of the encrypted ones.
#[tokio::test]
async fn what_is_sent_in_the_clear_after_the_wish_for_tls_is_no_login() {
    let (_folder, files) = files();
    let mut client = Client::greeted(port(with_tls(&files))).await;
    let login = client.login("15", PASSWORD, INSIDE, &NATIVE);
    client.send_raw(&[packet(1, &response_head(INSIDE)), packet(2, &login)].concat()).await;
    client.assert_closed().await;
}

#[tokio::test]
async fn the_client_s_hello_may_come_with_the_wish_for_tls() {
    let (_folder, files) = files();
    let connector = connector(&files.certificate, &[&TLS13]);
    let client = Client::greeted(port(with_tls(&files))).await;
    let mut client = client.holding_back().secure(&connector).await.unwrap();
    client.send_login("15", PASSWORD, INSIDE, NATIVE).await;
    client.read_ok().await;
    client.assert_alive().await;
}

#[tokio::test]
async fn a_client_that_stops_in_the_middle_of_the_tls_handshake_is_closed() {
    let (_folder, files) = files();
    tokio::time::pause();
    let port = port(MysqlSettings { handshake_timeout: Duration::from_secs(5), ..with_tls(&files) });
    // A record of 512 bytes, of which only a few come.
    for begun in [&[][..], &[22, 3, 1, 2, 0, 1, 0]] {
        let mut client = Client::greeted(port.clone()).await;
        let before = tokio::time::Instant::now();
        client.send(1, &response_head(INSIDE)).await;
        client.send_raw(begun).await;
        client.assert_closed().await;
        assert_eq!(before.elapsed().as_secs(), 5);
    }
}

#[tokio::test]
async fn the_wish_for_tls_is_refused_where_there_is_none() {
    let mut client = Client::greeted(port(settings())).await;
    client.send(1, &response_head(INSIDE)).await;
    assert_eq!(client.read_error().await.0, 1043);
    // Claimed, and not done.
    let (_folder, files) = files();
    let mut client = Client::greeted(port(with_tls(&files))).await;
    let login = client.login("15", PASSWORD, INSIDE, &NATIVE);
    client.send(1, &login).await;
    assert_eq!(client.read_error().await.0, 1043);
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_a_bad_one_for_none() {
    let (_folder, files) = files();
    let port = port(with_tls(&files));
    let old = connector(&files.certificate, &[&TLS13]);
    let mut open = connect(&port, &old).await;
    write_new(&files);
    let new = connector(&files.certificate, &[&TLS13]);
    connect(&port, &old).await.assert_alive().await;
    port.reload_certificate().unwrap();
    assert!(Client::greeted(port.clone()).await.secure(&old).await.is_err());
    connect(&port, &new).await.assert_alive().await;
    open.assert_alive().await;

    fs::write(&files.key, "nothing").unwrap();
    port.reload_certificate().unwrap_err();
    connect(&port, &new).await.assert_alive().await;
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let (folder, files) = files();
    let other =
        TlsFiles { certificate: folder.path().join("other.pem"), key: folder.path().join("other.key") };
    write_new(&other);
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let missing = folder.path().join("missing.pem");
    let refusal = |certificate: &Path, key: &Path| {
        let files = TlsFiles { certificate: certificate.to_owned(), key: key.to_owned() };
        let error = super::super::super::tls::Tls::read("cometql", files).err().expect("it can be used");
        assert!(matches!(error, Error::TlsFile { .. }), "{error}");
        error.to_string()
    };
    let (certificate, key) = (&files.certificate, &files.key);
    for (refusal, expected) in [
        (refusal(&missing, key), format!("[cometql] tls_certificate: '{}': No such file", missing.display())),
        (refusal(certificate, &missing), format!("[cometql] tls_key: '{}': No such file", missing.display())),
        (
            refusal(&empty, key),
            format!("[cometql] tls_certificate: '{}': has no certificate", empty.display()),
        ),
        (
            refusal(certificate, certificate),
            format!("[cometql] tls_key: '{}': has no private key", certificate.display()),
        ),
        (
            refusal(certificate, &other.key),
            format!("[cometql] tls_key: '{}': does not go with", other.key.display()),
        ),
    ] {
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
}
