//! Links to the vendor's own template.

use serde_json::{Value, json};

use super::answer::{Answer, ApiError, Handled};
use super::body::{self, Shape};
use super::features::TEMPLATE_VERSION;
use super::service::Service;

/// The name of the stack that the vendor's console makes.
const STACK: &str = "Vision-One-Cloud-Account-Management";

/// Where the vendor's template is, and the host of the provider that it needs. It has no effect.
///
/// The names of the fields are the vendor's. Whether its console's link carries the tenant's
/// business id is not published: this one does not.
pub(super) fn link_templates(service: &Service, body: &Value) -> Handled {
    body::check(body, Shape::TemplateRequest).map_err(ApiError::bad_request)?;
    let region = body["awsRegion"]
        .as_str()
        .unwrap_or(&service.config.aws_region);
    let kind = body["templateAccountType"].as_str().unwrap_or("single");
    let template = format!(
        "https://cloud-accounts-templates.s3.amazonaws.com/{TEMPLATE_VERSION}/{kind}.template"
    );
    let console = format!(
        "https://{region}.console.aws.amazon.com/cloudformation/home?region={region}\
         #/stacks/create/review?templateURL={template}&stackName={STACK}"
    );
    Ok(Answer::ok(json!({
        "templateUrl": template,
        "createStackUrl": console,
        "visionOneOidcProviderUrl": service.config.tenant.oidc_host(),
    })))
}
