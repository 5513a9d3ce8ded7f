/// Who Vision One is toward AWS: a subject of an OpenID Connect provider, which has to be in each
/// account.
///
/// Both travel through the engine as the tenant's external id, in one text: the provider's host, a
/// slash and the subject. A host has no slash, so the first one separates them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity<'a> {
    /// The provider's host. IAM takes none with a port.
    pub(super) host: &'a str,
    /// The subject of its tokens: `urn:visionone:identity:<region>:<business>:account/<business>`.
    pub(super) subject: &'a str,
}

impl<'a> Identity<'a> {
    /// Both parts of a text that has them. A trust policy holds them as they are, so nothing else
    /// passes.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (host, subject) = text.split_once('/')?;
        (is_host(host) && is_subject(subject)).then_some(Self { host, subject })
    }
}

fn is_host(text: &str) -> bool {
    let is_letter =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.bytes().all(is_letter)
}

fn is_subject(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b":/-".contains(&byte);
    let rest = text.strip_prefix("urn:visionone:identity:");
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_ends_at_the_first_slash() {
        let subject = "urn:visionone:identity:us:b-1:account/b-1";
        let host = "cloudaccounts-us.xdr.trendmicro.com";
        let text = format!("{host}/{subject}");
        assert_eq!(Identity::parse(&text), Some(Identity { host, subject }));
    }

    #[test]
    fn nothing_else_gets_into_a_trust_policy() {
        for text in [
            "",
            "host",
            "/urn:visionone:identity:us:b:account/b",
            "host/urn:visionone:identity:",
            "host/urn:other:identity:us:b:account/b",
            "host/urn:visionone:identity:us:*:account/*",
            "host/urn:visionone:identity:us:b\"}",
            "host/urn:visionone:identity:${x}",
            "https://host/urn:visionone:identity:us:b:account/b",
            "ho st/urn:visionone:identity:us:b:account/b",
            "*.example.com/urn:visionone:identity:us:b:account/b",
            "-/urn:visionone:identity:us:b:account/b",
            "host:/urn:visionone:identity:us:b:account/b",
            "host:+1/urn:visionone:identity:us:b:account/b",
            "host:65536/urn:visionone:identity:us:b:account/b",
            "host:443/urn:visionone:identity:us:b:account/b",
            "Host/urn:visionone:identity:us:b:account/b",
            "user@host/urn:visionone:identity:us:b:account/b",
        ] {
            assert_eq!(Identity::parse(text), None, "{text:?}");
        }
    }
}
