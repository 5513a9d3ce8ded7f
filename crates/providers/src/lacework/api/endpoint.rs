use std::time::Duration;

use url::Url;

/// The timeout of token, read and delete calls, which involve no other service.
pub(super) const SHORT_TIMEOUT: Duration = Duration::from_secs(30);

/// The URL of an endpoint at the host of `base`.
pub(super) fn at(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.clear().extend(["api", "v2"]).extend(path);
    }
    url
}
