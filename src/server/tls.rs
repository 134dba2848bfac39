//! TLS: the certificate and the key that the settings name.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use parking_lot::RwLock;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        CipherSuite, ServerConfig, ServerConnection,
        crypto::ring,
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{self, PemObject},
        },
    },
    server::TlsStream,
};
use tracing::debug;

use crate::{
    config::TlsFiles,
    error::{Error, Result},
    sql::Encryption,
};

/// The settings that name the files.
const CERTIFICATE: &str = "tls_certificate";
const KEY: &str = "tls_key";

/// What is needed to accept TLS, read from files that may be replaced.
pub(super) struct Tls {
    /// The section of the settings that names the files.
    section: &'static str,
    files: TlsFiles,
    acceptor: RwLock<TlsAcceptor>,
}

impl Tls {
    /// Reads the files; an error names the one that cannot be used.
    pub fn read(section: &'static str, files: TlsFiles) -> Result<Self> {
        let acceptor = RwLock::new(read(section, &files)?);
        Ok(Tls { section, files, acceptor })
    }

    /// Reads them again, for the connections to come. If they cannot be used, what was read before stays.
    pub fn reload(&self) -> Result<()> {
        let acceptor = read(self.section, &self.files)?;
        *self.acceptor.write() = acceptor;
        Ok(())
    }

    /// Shakes hands with a client; None if it does not, or takes longer than this.
    pub async fn accept(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        limit: Duration,
    ) -> Option<TlsStream<TcpStream>> {
        let port = self.section;
        match timeout(limit, self.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => debug!(port, %peer, %error, "no TLS with a client"),
            Err(_) => debug!(port, %peer, "a client takes too long for TLS"),
        }
        None
    }

    /// What accepts a connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().clone()
    }
}

fn read(section: &'static str, files: &TlsFiles) -> Result<TlsAcceptor> {
    let wrong = |key, file: &Path, reason: String| Error::TlsFile {
        section,
        key,
        file: file.display().to_string(),
        reason,
    };
    let wrong_certificate = |reason| wrong(CERTIFICATE, &files.certificate, reason);
    let wrong_key = |reason| wrong(KEY, &files.key, reason);
    let chain: Vec<_> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| wrong_certificate(reason(error, "certificate")))?;
    if chain.is_empty() {
        return Err(wrong_certificate(reason(pem::Error::NoItemsFound, "certificate")));
    }
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong_key(reason(error, "private key")))?;
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Internal(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong_key(format!("does not go with {}: {error}", files.certificate.display())))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn reason(error: pem::Error, wanted: &str) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => format!("has no {wanted} in PEM format"),
        error => error.to_string(),
    }
}

/// How a connection is encrypted; None before its handshake is over.
pub(super) fn encryption(connection: &ServerConnection) -> Option<Encryption> {
    use tokio_rustls::rustls::ProtocolVersion::{TLSv1_2, TLSv1_3};
    let version = match connection.protocol_version()? {
        TLSv1_2 => "TLSv1.2",
        TLSv1_3 => "TLSv1.3",
        _ => "unknown",
    };
    Some(Encryption { version, cipher: cipher_name(connection.negotiated_cipher_suite()?.suite()) })
}

/// OpenSSL's name of a cipher suite, which is what MySQL's clients know it by.
fn cipher_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        other => other.as_str().unwrap_or("unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rustls may learn others.
    #[test]
    fn every_cipher_suite_has_openssl_s_name() {
        for suite in ring::ALL_CIPHER_SUITES {
            let name = cipher_name(suite.suite());
            assert_ne!(Some(name), suite.suite().as_str(), "{name}");
        }
    }
}
