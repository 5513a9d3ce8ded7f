use url::{Host, Position, Url};

/// The normalized host of a URL: complete, in lower case, and with its port unless that is the
/// default.
pub fn host(url: &Url) -> String {
    url[Position::BeforeHost..Position::AfterPort].to_owned()
}

/// Whether a URL's host is this machine, for which plain HTTP is allowed.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Parses an untrusted URL: only RFC 3986 characters, with `//` before its host, and with an
/// explicit host. All URLs of AWS and the vendors are like that. The parser does not cope with all
/// others: a debug assertion of its host parser fails for some that are not ASCII.
pub fn foreign_url(text: &str) -> Option<Url> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://")?;
    // The parser skips any number of slashes before the host.
    let rest = rest.trim_start_matches(['/', '\\']);
    let authority = rest.split(['/', '\\', '?', '#']).next()?;
    let is_written_out = text.bytes().all(|byte| byte.is_ascii_graphic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !authority.contains('%');
    is_written_out.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Includes inputs that made a debug assertion fail under fuzzing.
    #[test]
    fn a_url_of_odd_characters_is_none() {
        for odd in [
            "https:D\u{31e}a\u{fffd}",
            "https://D\u{31e}a/b",
            "https:///D\u{31e}a/b",
            "https://a)aF%EEa.%cme.example.ndef",
            "https:\\\\D\u{31e}a://b",
            "https://\\D%EEa/b",
            "https://acme.example.com/a b",
            "https:acme.example.com",
            "acme.example.com",
            "",
        ] {
            assert_eq!(foreign_url(odd), None, "{odd}");
        }
        let good = " https://acme.example.com:443/a%20b?c=%C3%A4://d ";
        let read = foreign_url(good).unwrap();
        assert_eq!(read.as_str(), "https://acme.example.com/a%20b?c=%C3%A4://d");
    }

    #[test]
    fn one_name_in_two_regions_is_two_hosts() {
        let host = |url: &str| host(&url.parse().unwrap());
        assert_eq!(host("https://ACME.example.com/ui?x"), "acme.example.com");
        assert_eq!(host("https://acme.example.com:443"), "acme.example.com");
        assert_eq!(host("http://user@127.0.0.1:8443/"), "127.0.0.1:8443");
        assert_ne!(
            host("https://acme.example.com"),
            host("https://acme.fra.example.com")
        );
    }
}
