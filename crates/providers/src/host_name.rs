//! Tenants that are named by the host of their API.

use towerhook_core::model::{foreign_url, host};
use url::Url;

/// The longest part of a host in names.
const LONGEST: usize = 40;

/// The origin of what is given: a host, a host with its port, or a URL.
pub(crate) fn origin(named: &str) -> Option<Url> {
    let named = named.trim();
    let url = if named.contains("://") {
        foreign_url(named)
    } else {
        foreign_url(&format!("https://{named}"))
    };
    let mut url = url?;
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// The host, in the letters that a name may have. Which of its tenants it is only the key says.
pub(crate) fn in_names(url: &Url) -> String {
    let host = host(url).to_lowercase();
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    host.chars().map(letter).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_with_or_without_port_scheme_and_path() {
        for (named, url) in [
            (
                "workload.us-1.cloudone.trendmicro.com",
                "https://workload.us-1.cloudone.trendmicro.com/",
            ),
            (" dsm.example.com:4119 ", "https://dsm.example.com:4119/"),
            (
                "https://DSM.example.com:4119/api?x#y",
                "https://dsm.example.com:4119/",
            ),
            ("http://127.0.0.1:8080/api", "http://127.0.0.1:8080/"),
        ] {
            let found = origin(named);
            assert_eq!(found.unwrap().as_str(), url, "{named}");
        }
        for odd in ["", "two words", "https://", "://x"] {
            assert_eq!(origin(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn names_hold_the_host_in_letters_digits_and_hyphens() {
        let name = |named: &str| in_names(&origin(named).unwrap());
        assert_eq!(name("dsm.example.com:4119"), "dsm-example-com-4119");
        let long = format!("{}.example.com", "x".repeat(60));
        assert_eq!(name(&long), "x".repeat(40));
    }
}
