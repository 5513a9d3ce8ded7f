//! Identifies the operation of a request in every AWS protocol.

use hyper::Method;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use percent_encoding::percent_decode_str;

use super::answer::Protocol;
use super::control_tower;
use super::parameters::Form;

/// The path at which functions answer CloudFormation for a custom resource.
pub(crate) const CUSTOM_RESOURCE_ANSWER: &str = "/_ministack/cfn-response/";

/// One call, as far as the gateway needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// Service as in the credential scope; `custom-resource` for the answer to CloudFormation.
    pub(crate) service: String,
    /// Operation; method and path where a REST service's operation is not in the table.
    pub(crate) operation: String,
    pub(crate) protocol: Protocol,
    /// The caller's access key id; for an account's root user, the account id.
    pub(crate) key_id: String,
    /// The caller's account if the key id names it, and otherwise the management account.
    pub(crate) account: String,
    pub(crate) region: String,
}

/// The call of a request; `None` if it is not a call of an AWS service (the emulator's own paths, a
/// request without credentials).
pub(crate) fn identify(
    parts: &Parts,
    form: Option<&Form>,
    default_account: &str,
    default_region: &str,
) -> Option<Call> {
    let path = parts.uri.path();
    if path.starts_with(CUSTOM_RESOURCE_ANSWER) {
        return Some(Call {
            service: "custom-resource".to_owned(),
            operation: "PutResponse".to_owned(),
            protocol: Protocol::Plain,
            key_id: default_account.to_owned(),
            account: default_account.to_owned(),
            region: default_region.to_owned(),
        });
    }
    let scope = credential_scope(parts)?;
    let (protocol, operation) = if let Some(target) = header(parts, "x-amz-target") {
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        (Protocol::Json, operation)
    } else if let Some(action) = form.and_then(|form| form.get("Action")) {
        (Protocol::Query, action.to_owned())
    } else if scope.service == "s3" {
        let query = parts.uri.query().unwrap_or_default();
        (Protocol::RestXml, s3_operation(&parts.method, path, query))
    } else {
        (Protocol::RestJson, rest_operation(&scope.service, parts))
    };
    let is_account =
        scope.key_id.len() == 12 && scope.key_id.bytes().all(|byte| byte.is_ascii_digit());
    Some(Call {
        service: scope.service,
        operation,
        protocol,
        account: if is_account {
            scope.key_id.clone()
        } else {
            default_account.to_owned()
        },
        key_id: scope.key_id,
        region: scope.region,
    })
}

struct Scope {
    key_id: String,
    region: String,
    service: String,
}

/// `<key id>/<date>/<Region>/<service>/aws4_request`, in the header or in a presigned URL.
fn credential_scope(parts: &Parts) -> Option<Scope> {
    let text = match parts.headers.get(AUTHORIZATION) {
        Some(value) => {
            let (_, rest) = value.to_str().ok()?.split_once("Credential=")?;
            rest.split([',', ' ']).next()?.to_owned()
        }
        None => url::form_urlencoded::parse(parts.uri.query()?.as_bytes())
            .find(|(name, _)| name == "X-Amz-Credential")?
            .1
            .into_owned(),
    };
    let mut fields = text.split('/').map(str::to_owned);
    let key_id = fields.next()?;
    fields.next()?;
    Some(Scope {
        key_id,
        region: fields.next()?,
        service: fields.next()?,
    })
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok()
}

fn s3_operation(method: &Method, path: &str, query: &str) -> String {
    let is_bucket = path.trim_matches('/').split_once('/').is_none();
    let verb = match *method {
        Method::GET => "Get",
        Method::PUT => "Put",
        Method::DELETE => "Delete",
        Method::HEAD => "Head",
        _ => "Post",
    };
    let of_bucket = query.split(['&', '=']).next().unwrap_or_default();
    match (is_bucket, of_bucket) {
        (true, "notification") => format!("{verb}BucketNotification"),
        (true, _) => format!("{verb}Bucket"),
        (false, _) => format!("{verb}Object"),
    }
}

fn rest_operation(service: &str, parts: &Parts) -> String {
    let path = parts.uri.path();
    let known = match service {
        "controltower" => control_tower::operation(path),
        "lambda" => lambda_operation(&parts.method, path),
        _ => None,
    };
    known.map_or_else(|| format!("{} {path}", parts.method), str::to_owned)
}

fn lambda_operation(method: &Method, path: &str) -> Option<&'static str> {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let mut segments = decoded.trim_matches('/').split('/').skip(1);
    let (collection, name, rest) = (segments.next()?, segments.next(), segments.next());
    Some(match (method.as_str(), collection, name, rest) {
        ("POST", "functions", None, _) => "CreateFunction",
        ("GET", "functions", None, _) => "ListFunctions",
        ("POST", "functions", Some(_), Some("invocations")) => "Invoke",
        ("GET", "functions", Some(_), None) => "GetFunction",
        ("DELETE", "functions", Some(_), None) => "DeleteFunction",
        ("GET", "functions", Some(_), Some("configuration")) => "GetFunctionConfiguration",
        ("GET", "event-source-mappings", None, _) => "ListEventSourceMappings",
        ("GET", "event-source-mappings", Some(_), _) => "GetEventSourceMapping",
        ("PUT", "event-source-mappings", Some(_), _) => "UpdateEventSourceMapping",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn call(request: hyper::http::request::Builder, body: &str) -> Option<Call> {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let form = Form::is_in(&parts).then(|| Form::read(&parts, body.as_bytes()));
        identify(&parts, form.as_ref(), "111111111111", "us-east-1")
    }

    fn signed(service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=222222222222/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        )
    }

    #[test]
    fn operations_are_known_in_every_protocol() {
        let cases = [
            (
                Request::post("/")
                    .header("authorization", signed("cloudformation"))
                    .header(
                        "content-type",
                        "application/x-www-form-urlencoded; charset=utf-8",
                    ),
                "Action=DescribeStackSet&StackSetName=x",
                "DescribeStackSet",
                Protocol::Query,
            ),
            (
                Request::post("/")
                    .header("authorization", signed("organizations"))
                    .header("x-amz-target", "AWSOrganizationsV20161128.ListAccounts"),
                "",
                "ListAccounts",
                Protocol::Json,
            ),
            (
                Request::post("/get-landingzone").header("authorization", signed("controltower")),
                "",
                "GetLandingZone",
                Protocol::RestJson,
            ),
            (
                Request::post(
                    "/2015-03-31/functions/arn%3Aaws%3Alambda%3Afunction%3Ax/invocations",
                )
                .header("authorization", signed("lambda")),
                "",
                "Invoke",
                Protocol::RestJson,
            ),
            (
                Request::put("/bucket/some/key").header("authorization", signed("s3")),
                "",
                "PutObject",
                Protocol::RestXml,
            ),
        ];
        for (request, body, operation, protocol) in cases {
            let call = call(request, body).unwrap();
            assert_eq!(
                (call.operation.as_str(), call.protocol),
                (operation, protocol)
            );
            assert_eq!(call.account, "222222222222");
            assert_eq!(call.region, "eu-west-1");
        }
    }

    #[test]
    fn a_key_that_names_no_account_is_the_management_account() {
        let request = Request::get(
            "/bucket/key?X-Amz-Credential=AKIAEXAMPLE%2F20260101%2Fus-east-1%2Fs3%2Faws4_request",
        );
        let call = call(request, "").unwrap();
        assert_eq!(
            (call.account.as_str(), call.service.as_str()),
            ("111111111111", "s3")
        );
    }

    #[test]
    fn custom_resources_are_known_and_the_emulators_own_paths_are_not() {
        let answer = call(Request::put("/_ministack/cfn-response/token"), "").unwrap();
        assert_eq!(answer.operation, "PutResponse");
        assert_eq!(call(Request::get("/_ministack/health"), ""), None);
    }
}
