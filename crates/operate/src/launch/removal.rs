use std::collections::BTreeSet;

use serde::Serialize;
use towerhook_core::{
    counted,
    ports::{MainStack, StackResource},
};

use super::{BUCKET, Form};

/// The parameter with which roles and registrations outlive the stack.
const RETAIN: &str = "RetainProtection";

/// What goes with a stack, and what stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// What goes, each in a sentence.
    pub goes: Vec<String>,
    /// What stays, each in a sentence.
    pub stays: Vec<String>,
}

impl Removal {
    /// What the deletion of a stack of this form does, which has these resources.
    pub fn of(form: &Form, stack: &MainStack, made: &[StackResource]) -> Self {
        let parameter = |name: &str| stack.parameters.get(name).map(String::as_str);
        let protects = parameter(RETAIN) == Some("Yes");
        let retained = form.resources.iter().filter(|one| one.is_retained);
        let retained: BTreeSet<&str> = retained.map(|one| one.name.as_str()).collect();
        let (gone, kept): (Vec<_>, Vec<_>) = made
            .iter()
            .partition(|one| !retained.contains(one.logical_id.as_str()));
        let mut goes = Vec::new();
        let mut stays = Vec::new();
        if protects {
            let field = form.field(RETAIN);
            let why = field.map_or("", |field| field.description.as_str());
            stays.push(format!("what {RETAIN}=Yes keeps. {why}"));
        } else {
            goes.push("the accounts' registrations with the vendor, so nobody watches them".into());
            goes.push("the StackSets and the stacks that they made in the accounts".into());
        }
        goes.push("the management account's own stack, if there is one".into());
        goes.push(format!(
            "the {} of the stack itself, with the ledger, the logs and the secrets",
            counted(gone.len(), "resource")
        ));
        let kept = kept.iter().map(|one| {
            format!(
                "{} ({}), which its template retains",
                one.physical_id, one.kind
            )
        });
        stays.extend(kept);
        stays.push("the stack in an account that is suspended, since nobody can reach it".into());
        stays.push(
            "registrations, if the vendor refuses the key by then; setup's log lists them".into(),
        );
        if let Some(bucket) = parameter(BUCKET) {
            stays.push(format!("the bucket {bucket} with the functions"));
        }
        stays.push("the stack that forwards events from us-east-1, if you launched it".into());
        stays.push("a statement that you added to the policy of the trail's key".into());
        Self { goes, stays }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::form::testing::form, *};

    fn removal(retain: &str) -> Removal {
        let parameters = [(RETAIN, retain), ("ArtifactBucket", "zips")];
        let stack = MainStack {
            id: "arn".into(),
            status: "CREATE_COMPLETE".into(),
            parameters: parameters
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..MainStack::default()
        };
        let made = |logical: &str, physical: &str, kind: &str| StackResource {
            logical_id: logical.into(),
            physical_id: physical.into(),
            kind: kind.into(),
        };
        let made = [
            made("Setup", "setup", "Custom::TowerhookSetup"),
            made("Boundary", "acme-boundary", "AWS::IAM::ManagedPolicy"),
        ];
        Removal::of(&form(), &stack, &made)
    }

    fn has(sentences: &[String], words: &str) -> bool {
        sentences.iter().any(|sentence| sentence.contains(words))
    }

    #[test]
    fn what_the_template_retains_stays_and_the_rest_goes() {
        let Removal { goes, stays } = removal("No");
        assert!(
            has(&goes, "the 1 resource of") && has(&goes, "registrations"),
            "{goes:?}"
        );
        assert!(
            has(&stays, "acme-boundary (AWS::IAM::ManagedPolicy)"),
            "{stays:?}"
        );
        assert!(has(&stays, "bucket zips"));
        assert!(!has(&stays, RETAIN));
    }

    #[test]
    fn protection_that_outlives_the_stack_is_said_in_the_templates_words() {
        let Removal { goes, stays } = removal("Yes");
        assert!(has(&stays, "Whether roles stay."), "{stays:?}");
        assert!(!has(&goes, "registrations"), "{goes:?}");
    }
}
