//! TLS with real clients.

use std::{fs, path::Path, path::PathBuf, process::Command, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    command_line::{mariadb, succeed},
    support::{
        server::{PASSWORD, Server, TENANT, cometql, unused_address},
        test_tools, wait_until,
    },
};

/// How long the server may take to read its files again.
const RELOAD_LIMIT: Duration = Duration::from_secs(10);

/// A certificate authority, and a certificate of this process's servers by it.
pub(crate) struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// Makes them.
    pub(crate) fn new() -> Self {
        let made = Certificates { folder: tempfile::tempdir().unwrap() };
        made.renew();
        made
    }

    /// Writes another authority and another certificate in their places.
    pub(crate) fn renew(&self) {
        let authority_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "An authority for tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        fs::write(self.authority(), params.self_signed(&authority_key).unwrap().pem()).unwrap();
        let authority = Issuer::new(params, authority_key);

        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "A server under test");
        params.subject_alt_names = vec![SanType::IpAddress((*unused_address().ip()).into())];
        fs::write(self.certificate(), params.signed_by(&key, &authority).unwrap().pem()).unwrap();
        fs::write(self.key(), key.serialize_pem()).unwrap();
    }

    /// The file of the authority's certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// The settings that make a server use them.
    pub(crate) fn settings(&self) -> String {
        let (certificate, key) = (self.certificate(), self.key());
        format!("tls_certificate = {}\ntls_key = {}", certificate.display(), key.display())
    }
}

/// What the `mariadb` command line needs to trust this authority only.
fn verifying(authority: &Path) -> [String; 3] {
    ["--ssl".to_owned(), format!("--ssl-ca={}", authority.display()), "--ssl-verify-server-cert".to_owned()]
}

fn mariadb_status(server: &Server, arguments: &[String]) -> Result<String, String> {
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.push("--skip-column-names");
    let output = mariadb(server, &arguments, "SHOW STATUS LIKE 'Ssl_cipher';\nstatus\n");
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

#[test]
fn mariadb_verifies_the_certificate() {
    let certificates = Certificates::new();
    let server = Server::start_with(&certificates.settings());
    for version in ["TLSv1.2", "TLSv1.3"] {
        let arguments =
            [&verifying(&certificates.authority())[..], &[format!("--tls-version={version}")]].concat();
        let status = mariadb_status(&server, &arguments).unwrap();
        let cipher = status.lines().next().and_then(|line| line.strip_prefix("Ssl_cipher\t")).unwrap();
        // The client knows it by the same name.
        assert!(status.contains(&format!("SSL:\t\t\tCipher in use is {cipher}\n")), "{status}");
    }
    let stranger = Certificates::new();
    let refusal = mariadb_status(&server, &verifying(&stranger.authority())).unwrap_err();
    assert!(refusal.contains("ERROR 2026"), "{refusal}");
    let plain = mariadb_status(&server, &["--skip-ssl".to_owned()]).unwrap();
    assert!(plain.starts_with("Ssl_cipher\t\n"), "{plain}");
}

#[test]
fn cometql_sql_and_export_verify_the_certificate() {
    let certificates = Certificates::new();
    let server = Server::start_with(&format!("{}\ntls_required = true", certificates.settings()));
    let server = format!("--server={}", server.address());
    let through = |command: &[&str], authority: PathBuf| {
        let authority = format!("--tls-ca={}", authority.display());
        cometql(&[command, &[server.as_str(), authority.as_str(), "--password", PASSWORD]].concat())
    };
    let query = ["sql", "-e", "SHOW STATUS LIKE 'Ssl_version'"];
    let (status, output, errors) = through(&query, certificates.authority());
    assert!(status.success() && output.contains("TLSv1.3"), "{output}{errors}");
    let (status, output, errors) = through(&["export", "-"], certificates.authority());
    assert!(status.success() && !output.is_empty(), "{errors}");
    let (status, _, errors) = through(&query, Certificates::new().authority());
    assert!(!status.success() && errors.contains("invalid peer certificate"), "{errors}");
    let (status, _, errors) = cometql(&[&query[..], &[server.as_str(), "--password", PASSWORD]].concat());
    assert!(!status.success() && errors.contains("insecure transport"), "{errors}");
}

#[test]
fn tls_can_be_required() {
    let certificates = Certificates::new();
    let server = Server::start_with(&format!("{}\ntls_required = true", certificates.settings()));
    mariadb_status(&server, &verifying(&certificates.authority())).unwrap();
    let refusal = mariadb_status(&server, &["--skip-ssl".to_owned()]).unwrap_err();
    assert!(refusal.contains("ERROR 3159 (HY000): Connections using insecure transport"), "{refusal}");
}

#[test]
fn sighup_reads_the_certificate_again() {
    let certificates = Certificates::new();
    let server = Server::start_with(&certificates.settings());
    let old = certificates.folder.path().join("old.pem");
    fs::copy(certificates.authority(), &old).unwrap();
    certificates.renew();
    mariadb_status(&server, &verifying(&old)).unwrap();
    server.signal(Signal::HUP);
    wait_until("the new certificate is used", RELOAD_LIMIT, || {
        mariadb_status(&server, &verifying(&certificates.authority())).is_ok()
    });
    mariadb_status(&server, &verifying(&old)).unwrap_err();

    fs::write(certificates.key(), "").unwrap();
    server.signal(Signal::HUP);
    let complaint = format!("[cometql] tls_key: '{}': has no private key", certificates.key().display());
    wait_until("the bad key is complained of", RELOAD_LIMIT, || server.log().contains(&complaint));
    mariadb_status(&server, &verifying(&certificates.authority())).unwrap();
}

#[test]
fn a_bad_file_is_named_and_nothing_starts() {
    let certificates = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("comet.ini");
    fs::write(certificates.certificate(), "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
        .unwrap();
    fs::write(&config, format!("[cometql]\n{}\n", certificates.settings())).unwrap();
    let data = folder.path().join("data").display().to_string();
    let (status, output, errors) =
        cometql(&["serve", "--config", &config.display().to_string(), "--data", &data]);
    assert_eq!(status.code(), Some(1), "{output}");
    let expected = format!("[cometql] tls_certificate: '{}': ", certificates.certificate().display());
    assert!(errors.contains(&expected), "{errors}");
}

#[test]
fn pymysql_verifies_the_certificate() {
    let certificates = Certificates::new();
    let server = Server::start_with(&certificates.settings());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let address = server.address();
    let output = Command::new(test_tools().join("python/bin/python"))
        .arg(root.join("tests/clients/python/pymysql_tls.py"))
        .arg(address.ip().to_string())
        .arg(address.port().to_string())
        .args([TENANT, PASSWORD])
        .arg(certificates.authority())
        .arg(Certificates::new().authority())
        .output()
        .expect("Python with PyMySQL (tests/run installs it)");
    succeed(&output);
}
