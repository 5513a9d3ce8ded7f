use url::{Host, Position, Url};

/// The host of a URL as it is told from every other one: whole, in lower case, and with its port where
/// that is not the usual one.
pub fn host(url: &Url) -> String {
    url[Position::BeforeHost..Position::AfterPort].to_owned()
}

/// Whether a URL's host is this machine itself, which plain HTTP may go to.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A URL that somebody else wrote: of the characters that RFC 3986 has, with `//` before its host, and with a
/// host that is written out. No URL of AWS or Lacework is another one, and the parser is not made for all
/// others: a debug assertion of its part for hosts fails for some that are no ASCII.
pub fn foreign_url(text: &str) -> Option<Url> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://")?;
    // However many slashes there are, the parser looks for the host behind all of them.
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

    /// What fuzzers found to fail a debug assertion is among them.
    #[test]
    fn a_url_of_odd_characters_is_none() {
        for odd in [
            "https:D\u{31e}a\u{fffd}",
            "https://D\u{31e}a/b",
            "https:///D\u{31e}a/b",
            "https://a)aF%EEa.%cme.lacework.ndef",
            "https:\\\\D\u{31e}a://b",
            "https://\\D%EEa/b",
            "https://acme.lacework.net/a b",
            "https:acme.lacework.net",
            "acme.lacework.net",
            "",
        ] {
            assert_eq!(foreign_url(odd), None, "{odd}");
        }
        let good = " https://acme.lacework.net:443/a%20b?c=%C3%A4://d ";
        let read = foreign_url(good).unwrap();
        assert_eq!(
            read.as_str(),
            "https://acme.lacework.net/a%20b?c=%C3%A4://d"
        );
    }

    #[test]
    fn one_name_in_two_regions_is_two_hosts() {
        let host = |url: &str| host(&url.parse().unwrap());
        assert_eq!(host("https://ACME.lacework.net/ui?x"), "acme.lacework.net");
        assert_eq!(host("https://acme.lacework.net:443"), "acme.lacework.net");
        assert_eq!(host("http://user@127.0.0.1:8443/"), "127.0.0.1:8443");
        assert_ne!(
            host("https://acme.lacework.net"),
            host("https://acme.fra.lacework.net")
        );
    }
}
