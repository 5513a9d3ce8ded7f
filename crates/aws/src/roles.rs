//! The management account's roles.

use percent_encoding::percent_decode_str;
use towerhook_core::{Result, ports::Roles, stack_sets::Role};

use crate::{
    Aws,
    call::{services::iam, xml::elements},
    classify::{failed, has_code, parse, unusable},
};

const GET: &str = "iam:GetRole";

impl<S> Roles for Aws<S> {
    async fn role(&self, name: &str) -> Result<Option<Role>> {
        let answer = match iam::get_role(&self.config, name).await {
            Err(error) if has_code(&error, "NoSuchEntity") => return Ok(None),
            answer => answer.map_err(failed(GET))?,
        };
        let role = elements(&answer, GET, &["GetRoleResult", "Role"])?.pop();
        let role = role.ok_or_else(|| unusable(GET, "an answer without a role"))?;
        let text = |name| role.get(name).map_or("", String::as_str);
        // IAM returns policies URL-encoded.
        let trust = percent_decode_str(text("AssumeRolePolicyDocument"));
        Ok(Some(Role {
            arn: parse(GET, text("Arn"))?,
            trust: trust.decode_utf8_lossy().into_owned(),
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
