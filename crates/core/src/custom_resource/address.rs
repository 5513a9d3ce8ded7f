use url::Host;

use crate::model::{SecretText, foreign_url};

/// The allowed response addresses for one Region's custom resources.
#[derive(Debug, Clone, Copy)]
pub struct AnswerAddresses<'a> {
    /// The Region that the stack is in.
    pub region: &'a str,
    /// The DNS suffix of the partition, such as `amazonaws.com`.
    pub url_suffix: &'a str,
    /// Whether plain HTTP to this machine is allowed, too, as in a sandbox.
    pub loopback: bool,
}

impl AnswerAddresses<'_> {
    /// Whether a response may be sent there: to CloudFormation's own bucket of the Region, over
    /// TLS. A response reveals facts about the account, and its address comes from the caller.
    ///
    /// Source of the bucket's name: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-vpce-bucketnames.html.
    pub fn include(&self, address: &SecretText) -> bool {
        let Some(url) = foreign_url(address.expose()) else {
            return false;
        };
        if !url.username().is_empty() || url.password().is_some() {
            return false;
        }
        match (url.scheme(), url.host()) {
            ("https", Some(Host::Domain(host))) if url.port().is_none() => {
                self.is_bucket(host, url.path())
            }
            ("http", Some(Host::Ipv4(host))) => self.loopback && host.is_loopback(),
            ("http", Some(Host::Domain(host))) => self.loopback && host == "localhost",
            _ => false,
        }
    }

    /// S3 takes a bucket's name as the first part of the host or of the path.
    fn is_bucket(&self, host: &str, path: &str) -> bool {
        let region = self.region;
        let bucket = format!(
            "cloudformation-custom-resource-response-{}",
            region.replace('-', "")
        );
        let service = match host.strip_prefix(&format!("{bucket}.")) {
            Some(service) => service,
            None if path.starts_with(&format!("/{bucket}/")) => host,
            None => return false,
        };
        let endpoint = service.strip_suffix(&format!(".{}", self.url_suffix));
        endpoint.is_some_and(|endpoint| {
            let regional = [
                format!("s3.{region}"),
                format!("s3-{region}"),
                format!("s3.dualstack.{region}"),
            ];
            endpoint == "s3" || regional.iter().any(|regional| endpoint == regional)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(region: &str, url_suffix: &str, loopback: bool, address: &str) -> bool {
        let addresses = AnswerAddresses {
            region,
            url_suffix,
            loopback,
        };
        addresses.include(&address.into())
    }

    #[test]
    fn an_answer_goes_to_cloudformations_own_bucket() {
        for host in [
            "cloudformation-custom-resource-response-euwest1.s3.amazonaws.com",
            "cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com",
            "cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com",
            "s3.eu-west-1.amazonaws.com/cloudformation-custom-resource-response-euwest1",
        ] {
            let address = format!("https://{host}/arn%3Aaws%3Acloudformation?X-Amz-Date=x");
            assert!(
                takes("eu-west-1", "amazonaws.com", false, &address),
                "{host}"
            );
        }
        let beijing = "https://cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn/a";
        assert!(takes("cn-north-1", "amazonaws.com.cn", false, beijing));
    }

    #[test]
    fn an_answer_goes_nowhere_else() {
        for address in [
            "https://attacker.example/collect",
            "http://cloudformation-custom-resource-response-euwest1.s3.amazonaws.com/a",
            "https://cloudformation-custom-resource-response-euwest1.s3.amazonaws.com.attacker.example/a",
            "https://cloudformation-custom-resource-response-euwest1.attacker.example/a",
            "https://cloudformation-custom-resource-response-euwest1-mine.s3.amazonaws.com/a",
            "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/a",
            "https://mine.s3.amazonaws.com/cloudformation-custom-resource-response-euwest1/a",
            "https://s3.amazonaws.com/mine/cloudformation-custom-resource-response-euwest1/a",
            "https://user@cloudformation-custom-resource-response-euwest1.s3.amazonaws.com/a",
            "https://cloudformation-custom-resource-response-euwest1.s3.amazonaws.com:8443/a",
            "https://169.254.169.254/latest/meta-data",
            "http://169.254.169.254/latest/meta-data",
            "http://127.0.0.1:4566/a",
            "https://127.0.0.1/a",
            "file:///etc/passwd",
            "not a URL",
            "",
        ] {
            assert!(
                !takes("eu-west-1", "amazonaws.com", false, address),
                "{address}"
            );
        }
    }

    #[test]
    fn plain_http_to_this_machine_is_for_the_sandbox() {
        let takes = |loopback, address| takes("eu-west-1", "amazonaws.com", loopback, address);
        for address in ["http://127.0.0.1:4566/a", "http://localhost:4566/a"] {
            assert!(takes(true, address) && !takes(false, address), "{address}");
        }
        assert!(!takes(true, "http://10.0.0.1/a"));
        assert!(!takes(true, "http://localhost.attacker.example/a"));
    }
}
