//! The management account's roles.

use percent_encoding::percent_decode_str;
use towerhook_core::{Error, ErrorKind, Result, ports::Roles, stack_sets::Role};

use crate::{
    Aws,
    call::{form, services::iam},
    classify::{failed, has_code, parse, unusable},
};

const GET: &str = "iam:GetRole";

impl<S> Roles for Aws<S> {
    async fn role(&self, name: &str) -> Result<Option<Role>> {
        let answer = match iam::get_role(&self.config, name).await {
            Err(error) if has_code(&error, "NoSuchEntity") => return Ok(None),
            answer => answer.map_err(failed(GET))?,
        };
        let names = ["Arn", "AssumeRolePolicyDocument"];
        let [arn, trust] = form::fields(answer.text(GET)?, "Role", names)
            .map_err(|error| Error::new(GET, ErrorKind::Unavailable, error))?
            .ok_or_else(|| unusable(GET, "an answer without a role"))?;
        // IAM returns policies URL-encoded.
        let trust = trust.unwrap_or_default();
        let trust = percent_decode_str(&trust).decode_utf8_lossy().into_owned();
        Ok(Some(Role {
            arn: parse(GET, &arn.unwrap_or_default())?,
            trust,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{setup, xml, xml_error};

    #[tokio::test]
    async fn a_role_comes_with_its_trust_policy_as_text() {
        let (aws, sent) = setup([xml(
            "GetRole",
            "<Role><Path>/</Path><RoleName>Admin</RoleName><RoleId>AROA</RoleId>\
             <Arn>arn:aws:iam::999999999999:role/Admin</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>\
             <AssumeRolePolicyDocument>%7B%22Statement%22%3A%5B%5D%7D</AssumeRolePolicyDocument></Role>",
        )]);
        let role = aws.role("Admin").await.unwrap().unwrap();
        assert_eq!(role.arn.as_str(), "arn:aws:iam::999999999999:role/Admin");
        assert_eq!(role.trust, r#"{"Statement":[]}"#);
        assert_eq!(sent.operations(), ["GetRole"]);
    }

    #[tokio::test]
    async fn a_role_that_is_not_there_is_none() {
        let (aws, _) = setup([xml_error(404, "NoSuchEntity", "none")]);
        assert_eq!(aws.role("Admin").await.unwrap(), None);
    }
}
