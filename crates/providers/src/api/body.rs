//! Reads a response's body in chunks, up to a bound.

use reqwest::Response;
use towerhook_core::{Error, ErrorKind};

use super::http;

/// The longest response that is read, in bytes.
///
/// An integration is 1 to 2 KB, and a page has up to 5,000 rows, which is 10 MB. This bound fits
/// 12,000 of the larger ones, in case a list comes without pages.
///
/// Source: docs.fortinet.com, the API's "Pagination"; the integrations of the vendor's `go-sdk`.
pub(crate) const LONGEST: usize = 24 << 20;

/// The longest token or refusal that is read, in bytes. A token or refusal has some hundred bytes,
/// a gateway's error page a few thousand.
pub(crate) const LONGEST_SHORT: usize = 64 << 10;

/// A body that could not be read completely.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error("the response is longer than {0} bytes")]
    TooLong(usize),
    #[error(transparent)]
    Lost(reqwest::Error),
}

impl Unread {
    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        match self {
            Self::TooLong(_) => Error::new(operation, ErrorKind::Invalid, self),
            Self::Lost(error) => http::no_answer(operation, error),
        }
    }
}

/// Reads a body of up to `longest` bytes. A longer `Content-Length` is refused before reading; a
/// body that grows longer is abandoned. Nothing is decompressed, so the bytes counted are the bytes
/// kept.
pub(crate) async fn read(
    mut response: Response,
    longest: usize,
) -> std::result::Result<Vec<u8>, Unread> {
    let says = response.content_length();
    if says.is_some_and(|length| length > longest as u64) {
        return Err(Unread::TooLong(longest));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Lost)? {
        if chunk.len() > longest - body.len() {
            return Err(Unread::TooLong(longest));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{flood, flood::Flood, http_client};

    async fn read_from(server: &Flood, longest: usize) -> std::result::Result<Vec<u8>, Unread> {
        let client = http_client().unwrap();
        let response = client.get(server.url.clone()).send().await.unwrap();
        read(response, longest).await
    }

    #[tokio::test]
    async fn a_body_of_600_mb_that_says_so_is_not_begun() {
        let server = Flood::of_length("200 OK", flood::HUGE);
        let error = read_from(&server, LONGEST).await.unwrap_err();
        assert!(matches!(error, Unread::TooLong(LONGEST)), "{error:?}");
        assert!(server.sent().await < flood::UNDERWAY);
    }

    #[tokio::test]
    async fn a_body_that_grows_to_600_mb_is_cut_off_at_the_bound() {
        let server = Flood::in_chunks("200 OK", flood::HUGE);
        let error = read_from(&server, LONGEST).await.unwrap_err();
        assert!(matches!(error, Unread::TooLong(LONGEST)), "{error:?}");
        assert!(server.sent().await < LONGEST as u64 + flood::UNDERWAY);
    }

    #[tokio::test]
    async fn a_body_of_just_the_bound_is_read() {
        for server in [
            Flood::of_length("200 OK", 200_000),
            Flood::in_chunks("200 OK", 200_000),
        ] {
            assert_eq!(read_from(&server, 200_000).await.unwrap().len(), 200_000);
        }
        for server in [
            Flood::of_length("200 OK", 200_001),
            Flood::in_chunks("200 OK", 200_001),
        ] {
            let error = read_from(&server, 200_000).await.unwrap_err();
            assert!(matches!(error, Unread::TooLong(200_000)), "{error:?}");
        }
    }
}
