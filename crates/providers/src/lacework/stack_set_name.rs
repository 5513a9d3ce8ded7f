use super::names::{AUDIT, LOG, MEMBER};

/// The parts of a StackSet's name in a deployment: ours, or Lacework's own Control Tower
/// integration, which has the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StackSetName<'a> {
    /// The whole name.
    pub(super) name: &'a str,
    /// The deployment's `IntegrationNamePrefix`.
    pub(super) prefix: &'a str,
    /// The StackSet's purpose.
    pub(super) part: Part,
    /// The Lacework account, or the single store.
    pub(super) resource: &'a str,
}

/// The purpose of a deployment's StackSet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The trail.
    Trail,
    /// The trail, in the 4.x line of Lacework's own integration.
    NewerTrail,
    /// The members.
    Members,
}

/// The text between prefix and resource. Of two with a common beginning, the longer comes first.
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
    /// Parses a name; `None` if it cannot belong to a deployment.
    pub(super) fn parse(name: &'a str) -> Option<Self> {
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
