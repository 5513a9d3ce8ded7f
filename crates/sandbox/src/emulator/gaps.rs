//! Features that a template uses and the emulator lacks: each is reported, none skipped silently.

/// Something that AWS does for a template and the emulator, at the pinned version, does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The property or section of the template that asks for it.
    pub asked_by: &'static str,
    /// The difference on this machine.
    pub difference: &'static str,
}

const GAPS: [Gap; 10] = [
    Gap {
        asked_by: "SSESpecification",
        difference: "the ledger table is not encrypted",
    },
    Gap {
        asked_by: "PointInTimeRecoverySpecification",
        difference: "the ledger table has no backups",
    },
    Gap {
        asked_by: "RecursiveLoop",
        difference: "it is ignored, so a chain of messages is cut after 16 invocations",
    },
    Gap {
        asked_by: "ServiceToken",
        difference: "when the setup function fails, Lambda's two further tries come after a second",
    },
    Gap {
        asked_by: "Target",
        difference: "permissions are checked for the StackSet alone, not for its accounts and resource types",
    },
    Gap {
        asked_by: "AlarmEmail",
        difference: "no mail is sent; the sandbox prints each alarm that goes off or is over",
    },
    Gap {
        asked_by: "Namespace",
        difference: "alarms on the functions' own metrics are evaluated, those on AWS/Lambda and AWS/SQS are not",
    },
    Gap {
        asked_by: "DashboardBody",
        difference: "the dashboard is kept, and drawn nowhere",
    },
    Gap {
        asked_by: "QueryString",
        difference: "the saved query is kept, and runs nowhere",
    },
    Gap {
        asked_by: "ManagementStackRole",
        difference: "the caller's permissions are checked, those of the role that makes the stack are not",
    },
];

/// Gaps that none of our templates hits, but a user's request to the sandbox may.
const ELSEWHERE: [Gap; 1] = [Gap {
    asked_by: "TemplateURL",
    difference: "a StackSet takes its template as text only",
}];

/// All differences on this machine, those that affect `template` first.
pub fn all(template: &str) -> impl Iterator<Item = Gap> {
    in_template(template).chain(ELSEWHERE)
}

/// The differences that affect `template`.
fn in_template(template: &str) -> impl Iterator<Item = Gap> {
    let asked = |gap: &Gap| template.contains(&format!("{}:", gap.asked_by));
    GAPS.into_iter().filter(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::TEMPLATE;

    #[test]
    fn every_gap_is_one_that_the_main_template_falls_into() {
        assert_eq!(in_template(TEMPLATE).collect::<Vec<_>>(), GAPS);
        assert_eq!(in_template("Resources: {}").count(), 0);
        assert!(!ELSEWHERE.iter().any(|gap| TEMPLATE.contains(gap.asked_by)));
    }
}
