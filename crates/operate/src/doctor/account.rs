//! Whose credentials these are.

use towerhook_core::{Read, foundation::refuse_partition};

use super::{Facts, Finding};

const CREDENTIALS: &str = "credentials";
const MANAGEMENT: &str = "management-account";

pub(super) fn credentials(facts: &Facts) -> Vec<Finding> {
    vec![accepted(facts)]
}

pub(super) fn management_account(facts: &Facts) -> Vec<Finding> {
    vec![of_organization(facts)]
}

fn accepted(facts: &Facts) -> Finding {
    let caller = match &facts.caller {
        Read::Ok(caller) => caller,
        Read::Unknown(why) => {
            // The SDK lists on many lines where it has looked.
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            return Finding::fail(CREDENTIALS, format!("AWS accepts no credentials: {why}.")).mend(
                "Sign in, and choose the profile",
                "aws sso login --profile PROFILE && export AWS_PROFILE=PROFILE",
            );
        }
    };
    let refused = refuse_partition(facts.provider, facts.partition().unwrap_or_default());
    match refused {
        Ok(()) => Finding::pass(
            CREDENTIALS,
            format!("These are {}, in {}.", caller.arn, facts.region),
        ),
        Err(refusal) => Finding::fail(CREDENTIALS, refusal.to_string()),
    }
}

fn of_organization(facts: &Facts) -> Finding {
    let own = facts.account();
    match &facts.management_account {
        Read::Unknown(why) => Finding::skip(MANAGEMENT, why.clone()),
        Read::Ok(None) => Finding::fail(MANAGEMENT, "The account is in no organization.").mend(
            "Use credentials of the account that Control Tower was set up in",
            "aws organizations describe-organization",
        ),
        Read::Ok(Some(id)) if own == Some(*id) => {
            Finding::pass(MANAGEMENT, format!("{id} is the management account."))
        }
        Read::Ok(Some(id)) => {
            let own = own.map_or_else(|| "not it".to_owned(), |own| own.to_string());
            Finding::fail(
                MANAGEMENT,
                format!(
                    "The credentials are of account {own}, and the management account is {id}."
                ),
            )
            .mend(
                format!("Use a profile of account {id}"),
                "export AWS_PROFILE=PROFILE",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{
        Verdict,
        testing::{facts, finding, unread},
    };

    #[test]
    fn a_member_account_is_not_the_management_account() {
        let mut other = facts();
        other.management_account = Read::Ok("123412341234".parse().ok());
        let found = finding(&other, MANAGEMENT);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(
            found
                .says
                .contains("the management account is 123412341234")
        );
        assert!(found.mend[0].what.contains("123412341234"));
        other.management_account = Read::Ok(None);
        assert_eq!(finding(&other, MANAGEMENT).verdict, Verdict::Fail);
        other.management_account = unread();
        assert_eq!(finding(&other, MANAGEMENT).verdict, Verdict::Skip);
    }

    #[test]
    fn credentials_that_aws_refuses_or_of_another_partition_fail() {
        let mut refused = facts();
        refused.caller = unread();
        let found = finding(&refused, CREDENTIALS);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.mend[0].text.starts_with("aws sso login"));
        let mut china = facts();
        if let Read::Ok(caller) = &mut china.caller {
            caller.arn = caller.arn.replace("arn:aws:", "arn:aws-cn:");
        }
        let found = finding(&china, CREDENTIALS);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.says.contains("China"), "{}", found.says);
    }
}
