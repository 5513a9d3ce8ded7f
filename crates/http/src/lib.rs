//! The HTTP client for AWS and the SaaS: rustls with ring, Mozilla's roots, HTTP/1.1. Both share
//! one, so that a function contains and initializes only one.

pub mod calls;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub use reqwest::Client;

use reqwest::redirect::Policy;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{
        CertificateDer,
        pem::{self, PemObject},
    },
};

/// Roots that a client trusts besides Mozilla's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoreRoots<'a> {
    /// None.
    None,
    /// Those in a PEM file.
    File(&'a Path),
    /// Those in a PEM text, whose line breaks may have become other white space.
    Text(&'a str),
}

/// The client's timeouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, including TLS.
    pub connect: Duration,
    /// From connecting to the last byte of a response; `None` if the caller sets its own timeouts.
    pub total: Option<Duration>,
}

/// The client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS library supports no protocol version that this program accepts.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP library rejected its settings.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
    /// The file with additional roots is not readable as PEM certificates.
    #[error("there are no certificates to be read in {}", .0.display())]
    Roots(PathBuf, #[source] pem::Error),
    /// The file contains no usable root certificate.
    #[error("there is no certificate of an authority in {}", .0.display())]
    NoRoots(PathBuf),
    /// The text with additional roots contains no usable root certificate, or one that is not.
    #[error("the text is not certificates of authorities alone")]
    NoRootsInText,
}

/// A client that trusts Mozilla's roots and `more_roots`.
///
/// It follows no redirects, because headers with secrets would be sent along, and uses no proxy.
///
/// # Errors
///
/// There is no usable root in what is given; or TLS or the client could not be set up, which no
/// input can cause.
pub fn client(timeouts: Timeouts, more_roots: MoreRoots<'_>) -> Result<Client, ClientError> {
    let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    match more_roots {
        MoreRoots::None => {}
        MoreRoots::File(path) => add(&mut roots, path)?,
        MoreRoots::Text(text) => add_text(&mut roots, text)?,
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("towerhook/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .redirect(Policy::none())
        .no_proxy();
    if let Some(total) = timeouts.total {
        builder = builder.timeout(total);
    }
    builder.build().map_err(ClientError::Client)
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), ClientError> {
    let unreadable = |error| ClientError::Roots(path.to_owned(), error);
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(unreadable)?;
    // Bundles often contain some unusable certificates; the others still count.
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(ClientError::NoRoots(path.to_owned())),
        _ => Ok(()),
    }
}

/// A certificate that cannot be read is an error here: later the manager would merely be untrusted.
fn add_text(roots: &mut RootCertStore, text: &str) -> Result<(), ClientError> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let pieces = text.split(BEGIN).skip(1);
    let bodies = pieces.filter_map(|piece| piece.split(END).next());
    let whole = bodies.map(|body| {
        let letters: String = body.split_whitespace().collect();
        format!("{BEGIN}\n{letters}\n{END}\n")
    });
    let read = whole.map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()));
    let certificates: Vec<_> = read
        .collect::<Result<_, _>>()
        .map_err(|_| ClientError::NoRootsInText)?;
    match roots.add_parsable_certificates(certificates) {
        (0, _) | (_, 1..) => Err(ClientError::NoRootsInText),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        connect: Duration::from_secs(1),
        total: None,
    };

    #[test]
    fn further_roots_come_from_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = rcgen::CertificateParams::default()
            .self_signed(&key)
            .unwrap();
        let pem = authority.pem();
        let two = file("two.pem", &[pem.as_str(), pem.as_str()].concat());
        assert!(client(TIMEOUTS, MoreRoots::File(&two)).is_ok());
        assert!(client(TIMEOUTS, MoreRoots::None).is_ok());
        let in_one_line = pem.replace('\n', " ");
        for text in [&pem, &in_one_line, &[pem.as_str(), &in_one_line].concat()] {
            assert!(client(TIMEOUTS, MoreRoots::Text(text)).is_ok(), "{text}");
        }
        for text in ["", "no certificate", &pem[..pem.len() / 2]] {
            let error = client(TIMEOUTS, MoreRoots::Text(text)).unwrap_err();
            assert!(matches!(error, ClientError::NoRootsInText), "{error:?}");
        }

        let empty = client(TIMEOUTS, MoreRoots::File(&file("empty.pem", ""))).unwrap_err();
        assert!(matches!(empty, ClientError::NoRoots(_)), "{empty:?}");
        let cut = file("cut.pem", &pem[..pem.len() / 2]);
        for unreadable in [cut, directory.path().join("absent.pem")] {
            let error = client(TIMEOUTS, MoreRoots::File(&unreadable)).unwrap_err();
            assert!(matches!(error, ClientError::Roots(..)), "{error:?}");
        }
    }
}
