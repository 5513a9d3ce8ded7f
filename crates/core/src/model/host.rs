use url::{Position, Url};

/// The host of a URL as it is told from every other one: whole, in lower case, and with its port where
/// that is not the usual one.
pub fn host(url: &Url) -> String {
    url[Position::BeforeHost..Position::AfterPort].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
