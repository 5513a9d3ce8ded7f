//! A release that is published to a bucket for each Region, and launched from there.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;

use towerhook_package::local::{FunctionZips, Profile, build};
use towerhook_package::release::describe;
use towerhook_package::workspace_root;
use towerhook_sandbox::Sandbox;
use towerhook_sandbox::aws_client::Method;
use towerhook_sandbox::launch::Stack;
use towerhook_tests::{STACK_DEADLINE, options};

use crate::operator::towerhook_with;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const ELSEWHERE: &str = "eu-central-1";

/// A folder as `package` leaves it, with the functions of the quick profile for both processors.
fn packaged(folder: &Path, zips: &FunctionZips) {
    let mut files = BTreeSet::new();
    for processor in ["arm64", "x86_64"] {
        std::fs::create_dir_all(folder.join(processor)).unwrap();
        for (name, zip) in zips.named() {
            let file = format!("{processor}/{name}");
            std::fs::copy(zip, folder.join(&file)).unwrap();
            files.insert(file);
        }
    }
    let templates = workspace_root().join("templates");
    std::fs::create_dir(folder.join("templates")).unwrap();
    for entry in std::fs::read_dir(templates).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let file = format!("templates/{}", path.file_name().unwrap().to_str().unwrap());
            std::fs::copy(&path, folder.join(&file)).unwrap();
            files.insert(file);
        }
    }
    describe(folder, &[], &files).unwrap();
}

/// Publishes with the sandbox's administrator in the environment, as to a real account.
async fn publish(sandbox: &Sandbox, folder: &Path, more: &[&str]) -> Output {
    let regions = format!("{},{ELSEWHERE}", sandbox.running().region);
    let arguments = [
        "publish",
        "--version",
        VERSION,
        "--bucket-prefix",
        "acme-towerhook",
        "--regions",
        &regions,
        "--input",
    ];
    let arguments = arguments.map(OsStr::new).into_iter();
    let more = more.iter().map(OsStr::new);
    towerhook_with(sandbox, arguments.chain([folder.as_os_str()]).chain(more)).await
}

fn said(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn a_published_release_is_launched_without_naming_a_bucket_and_never_overwritten() {
    let zips = tokio::task::spawn_blocking(|| build(Profile::Quick));
    let zips = zips.await.unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    packaged(folder.path(), &zips);
    let sandbox = Sandbox::start(options(), &|_| {}).await.unwrap();

    let plan = said(&publish(&sandbox, folder.path(), &["--dry-run"]).await);
    assert!(plan.contains("nothing was asked of AWS"), "{plan}");
    let without = refused(&publish(&sandbox, folder.path(), &[]).await);
    assert!(without.contains("--make-buckets makes it"), "{without}");

    let first = said(&publish(&sandbox, folder.path(), &["--make-buckets"]).await);
    assert!(first.contains(", 0 were there already"), "{first}");
    assert!(first.contains("[![Launch Stack]("), "{first}");
    let again = said(&publish(&sandbox, folder.path(), &[]).await);
    assert!(
        again.contains("0 objects are uploaded and read back"),
        "{again}"
    );

    let region = sandbox.running().region;
    let user = sandbox.user().unwrap();
    let key = |name: &str| format!("towerhook/{VERSION}/{name}");
    let launch = key("launch/control-tower-integration.template.yml");
    let path = format!("/acme-towerhook-{region}/{launch}");
    let template = user
        .rest("s3", Method::GET, &path, "text/plain", Vec::new())
        .await;
    let template = String::from_utf8(template.unwrap()).unwrap();
    let mut parameters = sandbox.parameters();
    parameters.retain(|name, _| !name.starts_with("Artifact"));
    let inside = sandbox.inside().unwrap();
    let bucket = sandbox.artifact_bucket();
    inside.create_bucket(&bucket).await.unwrap();
    let by_url = (Some(bucket.as_str()), template.as_str());
    let stack = Stack::create_by(&user, &inside, "towerhook", by_url, &parameters);
    let stack = stack.await.unwrap();
    stack
        .wait_for("CREATE_COMPLETE", STACK_DEADLINE)
        .await
        .unwrap();
    stack.delete().await.unwrap();
    stack
        .wait_for("DELETE_COMPLETE", STACK_DEADLINE)
        .await
        .unwrap();

    let elsewhere = format!("/acme-towerhook-{ELSEWHERE}/{}", key("arm64/setup.zip"));
    user.in_region(ELSEWHERE)
        .rest(
            "s3",
            Method::PUT,
            &elsewhere,
            "application/zip",
            b"other".to_vec(),
        )
        .await
        .unwrap();
    let other = refused(&publish(&sandbox, folder.path(), &[]).await);
    assert!(
        other.contains("arm64/setup.zip is in acme-towerhook-eu-central-1"),
        "{other}"
    );
}
