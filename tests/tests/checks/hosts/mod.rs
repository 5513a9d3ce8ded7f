//! Agents on hosts: the scripts as they stand in the documents do what `docs/hosts.md` says.

mod host;
mod install;
mod package;
mod page;
mod refusal;
mod removal;
mod signature;
mod template;

use std::fmt::Write as _;
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::templates::template::{HOSTS, Template, text};

/// The template that the StackSet of hosts deploys, as it is launched.
fn deployed() -> Template {
    let launched = Template::load(HOSTS);
    let stack_set = &launched.resource("Hosts")["Properties"];
    Template::parse(text(&stack_set["TemplateBody"]).to_owned())
}

/// The script of a document.
fn script(document: &str) -> String {
    let template = deployed();
    let content = &template.resource(document)["Properties"]["Content"];
    text(&content["mainSteps"][0]["inputs"]["runCommand"][0]).to_owned()
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// A release as the vendor publishes it: an archive with a script, which asks for a token where there is no
/// configuration.
fn archive(content: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("8.2.0");
    std::fs::create_dir(&inner).unwrap();
    let script = format!(
        "set -eu\nhome=$TOWERHOOK_ROOT/var/lib/lacework\ntest -s \"$home/config/config.json\"\n{content}\n"
    );
    std::fs::write(inner.join("install.sh"), script).unwrap();
    let packed = Command::new("tar")
        // The same bytes each time, whatever the time.
        .args(["--mtime=@0", "-I", "gzip -n", "-cf", "-", "-C"])
        .arg(folder.path())
        .arg("8.2.0")
        .output()
        .unwrap();
    assert!(packed.status.success());
    packed.stdout
}

/// An archive whose script installs the agent.
fn good() -> Vec<u8> {
    archive("echo agent > \"$home/datacollector\"")
}
