//! A certificate for loopback, and the authority that the functions trust.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use axum_server::tls_rustls::RustlsConfig;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

/// A server's certificate with its key, and the authority that signed it.
#[derive(Debug)]
pub(crate) struct Certificates {
    chain: Vec<CertificateDer<'static>>,
    key: PrivatePkcs8KeyDer<'static>,
    folder: TempDir,
}

impl Certificates {
    /// Creates an authority and a certificate for 127.0.0.1 signed by it.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let server =
            CertificateParams::new(["127.0.0.1".to_owned()])?.signed_by(&key, &authority)?;

        let folder = tempfile::tempdir().context("cannot create a folder")?;
        let certificates = Self {
            chain: vec![server.der().clone(), authority.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
            folder,
        };
        std::fs::write(certificates.authority(), authority.pem())
            .context("cannot write the authority's certificate")?;
        Ok(certificates)
    }

    /// The authority's certificate, for `AWS_CA_BUNDLE`. That file is trusted besides the compiled-in
    /// roots, so it adds the parsing of one certificate to a start.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    pub(super) fn of_server(&self) -> anyhow::Result<RustlsConfig> {
        let key = PrivateKeyDer::Pkcs8(self.key.clone_key());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .context("cannot use the certificate")?;
        // As AWS's endpoints do.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(RustlsConfig::from_config(Arc::new(config)))
    }
}
