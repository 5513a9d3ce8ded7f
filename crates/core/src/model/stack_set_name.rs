use super::names::{AUDIT, LOG, MEMBER};

/// The name of a StackSet, taken apart as that of a deployment: of one of ours, or of Lacework's own Control
/// Tower registration, which has the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackSetName<'a> {
    /// All of it.
    pub name: &'a str,
    /// What it begins with: the deployment's `IntegrationNamePrefix`.
    pub prefix: &'a str,
    /// What the StackSet is for.
    pub part: Part,
    /// What it ends in: the Lacework account, or the single store.
    pub resource: &'a str,
}

/// What a StackSet of a deployment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The trail.
    Trail,
    /// The same as of the 4.x line of Lacework's own integration.
    NewerTrail,
    /// The members.
    Members,
}

/// What a name has between prefix and resource. The longer of two alike comes first.
///
/// Source: Lacework's `lacework-control-tower-cfn`, 3.3.2 and 4.x.
const PARTS: [(&str, Part); 5] = [
    (LOG, Part::Trail),
    (AUDIT, Part::Trail),
    (MEMBER, Part::Members),
    ("CloudTrail-Log-Archive-", Part::NewerTrail),
    ("CloudTrail-Audit-", Part::NewerTrail),
];

impl<'a> StackSetName<'a> {
    /// Takes a name apart; `None` where it is no deployment's.
    pub fn parse(name: &'a str) -> Option<Self> {
        PARTS.into_iter().find_map(|(infix, part)| {
            let (prefix, resource) = name.split_once(infix)?;
            (!resource.is_empty()).then_some(Self {
                name,
                prefix,
                part,
                resource,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_prefix_part_and_resource() {
        let parsed = |name| {
            let parsed = StackSetName::parse(name);
            parsed.map(|found| (found.prefix, found.part, found.resource))
        };
        for (name, parts) in [
            ("P-Config-Member-Acme", ("P-", Part::Members, "Acme")),
            ("P-CloudTrail-Log-Account-a", ("P-", Part::Trail, "a")),
            ("CloudTrail-Audit-Account-a-b", ("", Part::Trail, "a-b")),
            ("P-CloudTrail-Log-Archive-a", ("P-", Part::NewerTrail, "a")),
            ("P-CloudTrail-Audit-a", ("P-", Part::NewerTrail, "a")),
        ] {
            assert_eq!(parsed(name), Some(parts), "{name}");
        }
        for name in ["AWSControlTowerBP-BASELINE-CONFIG", "P-Config-Member-", ""] {
            assert_eq!(parsed(name), None, "{name}");
        }
    }
}
